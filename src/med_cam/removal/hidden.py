"""What is hidden in a pass, by which removal inside the network."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

DIFFERENT = 7  # intruders among channels: a normalisation over them takes away what is alike


@dataclass(frozen=True, slots=True)
class Hidden:
    """A mask that a pass is made under.

    Attributes:
        removal: name of a removal inside the network.
        mask: 1 = shown, 0 = hidden; hard, or soft with gradients. One for all images, or each its
            own.
        intruder: for the test of exactness: added in hidden places of every layer that the
            removal knows. An answer that changes by it has read what is hidden.
    """

    removal: str
    mask: Float[Tensor, "b 1 h w"]
    intruder: float = 0.0


def marked(
    out: Float[Tensor, "b c h w"], hidden: Bool[Tensor, "#b 1 h w"], intruder: float
) -> Float[Tensor, "b c h w"]:
    """A map with an intruder in its hidden places, another in each channel beside."""
    channels = torch.arange(out.shape[1], device=out.device) % DIFFERENT + 1.0
    return torch.where(hidden, out + intruder * channels.view(1, -1, 1, 1), out)


def in_parts(
    x: Float[Tensor, "b c h w"], hidden: Hidden | None, size: int
) -> Iterator[tuple[Tensor, Hidden | None]]:
    """Images in batches of a size at most and nearly alike, each batch with its masks.

    Alike, since an image alone costs a classifier more than one among several.
    """
    count = max(1, -(-len(x) // size))
    images = x.chunk(count)
    if hidden is None:
        yield from ((part, None) for part in images)
        return
    masks = hidden.mask.expand(len(x), -1, -1, -1).chunk(count)
    for part, mask in zip(images, masks, strict=True):
        yield part, replace(hidden, mask=mask)
