"""Samples of removals: what is painted around evidence, or how a mask lies inside a network."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Generator, Tensor

REACH = 2  # pixels by which a mask is moved at most
WEARS = 2  # a rim of less than so many pixels is worn off
CUTS = (2 * REACH + 1) ** 2 * WEARS  # ways to cut a mask's rim: samples differ in no more


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of removals of which some work inside the network, one a masked input.

    Samples that are all painted are plain tensors n c h w. Both are indexed and joined alike.

    Attributes:
        infill: what is painted; without meaning for a removal inside the network.
        names: of the removal inside the network, or of a fill of the user's own that has to know
            the mask; "" where the infill is painted.
        rims: how the mask is cut: moved down, moved right, worn off; see `worn`.
        feathers: radius of the soft edge inside the mask, 0 = hard; see `removal/feather.py`.
        seeds: of what a fill of the user's own draws; without meaning for all others.
    """

    infill: Float[Tensor, "n c _ _"]
    names: tuple[str, ...]
    rims: Int[Tensor, "n 3"]
    feathers: tuple[int, ...]
    seeds: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: slice | Sequence[int] | Int[Tensor, " _"]) -> "Samples":
        chosen = torch.arange(len(self))[index]
        rows = chosen.tolist()
        names = tuple(self.names[i] for i in rows)
        feathers, seeds = (tuple(each[i] for i in rows) for each in (self.feathers, self.seeds))
        return Samples(self.infill[chosen], names, self.rims[chosen], feathers, seeds)


Sampled = Samples | Float[Tensor, "_ _ _ _"]  # n c h w


def inside(name: str, x: Float[Tensor, "1 c h w"], generator: Generator | None = None) -> Samples:
    """One sample of a removal inside the network.

    Args:
        name: of the removal.
        x: the image, for its kind of numbers.
        generator: draws what is cut from the mask's rim; None if nothing is drawn.
    """
    rims = torch.zeros(1, 3, dtype=torch.long)
    if generator is not None:
        rims[0, :2] = torch.randint(-REACH, REACH + 1, (2,), generator=generator)
        rims[0, 2:] = torch.randint(WEARS, (1,), generator=generator)
    return Samples(torch.zeros_like(x[..., :1, :1]), (name,), rims, (0,), (0,))


def joined(samples: Sequence[Sampled]) -> Sampled:
    """Samples one after the other."""
    plain = [s for s in samples if isinstance(s, Tensor)]
    if len(plain) == len(samples):
        return torch.cat(plain)
    every = [painted(s) if isinstance(s, Tensor) else s for s in samples]
    h, w = (max(s.infill.shape[side] for s in every) for side in (2, 3))
    return Samples(
        torch.cat([s.infill.expand(-1, -1, h, w) for s in every]),
        tuple(name for s in every for name in s.names),
        torch.cat([s.rims for s in every]),
        tuple(feather for s in every for feather in s.feathers),
        tuple(seed for s in every for seed in s.seeds),
    )


def painted(infill: Float[Tensor, "n c h w"], feather: int = 0) -> Samples:
    """Painted samples, beside others or behind a soft edge."""
    count = len(infill)
    rims = torch.zeros(count, 3, dtype=torch.long)
    return Samples(infill, ("",) * count, rims, (feather,) * count, (0,) * count)


def to_fill(
    name: str, x: Float[Tensor, "1 c h w"], generator: Generator | None, feather: int
) -> Samples:
    """One sample of a fill that is painted where the mask is known.

    Args:
        name: of the fill.
        x: the image, for its kind of numbers.
        generator: draws the sample's seed; None if nothing is drawn.
        feather: as in `Samples`.
    """
    seed = 0 if generator is None else int(torch.randint(2**31, (1,), generator=generator))
    rims = torch.zeros(1, 3, dtype=torch.long)
    return Samples(torch.zeros_like(x[..., :1, :1]), (name,), rims, (feather,), (seed,))


def worn(mask: Float[Tensor, "n 1 h w"], rims: Int[Tensor, "n 3"]) -> Float[Tensor, "n 1 h w"]:
    """Each mask without a rim: what is left when it is laid over itself, moved, and worn off.

    So a sample never shows what the mask hides. What comes in at the image's edge is what lies
    there: the edge is no rim.
    """
    pairs = zip(mask.split(1), rims.tolist(), strict=True)
    return torch.cat([without_rim(m, *rim) for m, rim in pairs])


def without_rim(
    mask: Float[Tensor, "1 1 h w"], dy: int, dx: int, wear: int
) -> Float[Tensor, "1 1 h w"]:
    """One mask less what is not in it when it is moved, and less so many pixels all around."""
    h, w = mask.shape[2:]
    wide = F.pad(mask, (REACH,) * 4, mode="replicate")
    moved = wide[..., REACH - dy : REACH - dy + h, REACH - dx : REACH - dx + w]
    left = torch.minimum(mask, moved)
    return -F.max_pool2d(-left, 2 * wear + 1, stride=1, padding=wear) if wear else left
