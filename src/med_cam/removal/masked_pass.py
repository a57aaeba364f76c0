"""One pass under a mask, whatever batches a network takes."""

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree

from med_cam.removal.dropped_tokens import DroppedTokens
from med_cam.removal.hidden import Hidden
from med_cam.removal.layer_masking import LayerMasking

Outputs = TypeVar("Outputs")

MODES: Mapping[str, type[LayerMasking] | type[DroppedTokens]] = {  # as in config.baselines
    "layer_masking": LayerMasking,
    "dropped_tokens": DroppedTokens,
}


def masked_pass(
    network: Callable[[Tensor], Outputs],
    x: Float[Tensor, "b c h w"],
    hidden: Hidden,
    batches: tuple[int, int | None] = (1, None),
) -> Outputs:
    """The network's outputs for images under their masks.

    Args:
        network: from images to outputs: tensors, one entry an image, in any nesting.
        x: what is shown where the mask shows it.
        hidden: the mask and the removal.
        batches: the smallest and the largest batch that the network takes; None: any. It would
            split and fill others by itself, and lose the masks.

    Raises:
        ClassifierError: if the removal cannot follow the network.
    """
    smallest, largest = batches
    masks = hidden.mask.expand(len(x), -1, -1, -1)
    outputs = []
    for images, mask in zip(
        *(t.split(largest or max(len(x), 1)) for t in (x, masks)), strict=True
    ):
        missing = max(0, smallest - len(images))
        with MODES[hidden.removal](repeated(mask, missing), hidden.intruder) as mode:
            found = network(repeated(images, missing))
        mode.refuse_unused()
        outputs.append(first(found, len(images)))
    return together(outputs)


def first(outputs: Outputs, count: int) -> Outputs:
    """So many entries of each tensor."""
    found: Outputs = _pytree.tree_map(lambda tensor: tensor[:count], outputs)
    return found


def repeated(x: Float[Tensor, "b *_"], more: int) -> Float[Tensor, "b1 *_"]:
    """A batch with its last entry so many more times."""
    return torch.cat([x, x[-1:].expand(more, *x.shape[1:])]) if more else x


def together(outputs: list[Outputs]) -> Outputs:
    """Outputs of several batches as those of one."""
    if len(outputs) == 1:
        return outputs[0]
    found: Outputs = _pytree.tree_map(lambda *parts: torch.cat(parts), *outputs)
    return found
