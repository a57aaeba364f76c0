"""Eight honest networks: they do the same on every input, masked or not.

What their label needs is known, so that a claim on it is true. Half of them was looked at while
the check of consistency was mended, half was run once, after it.

Looked at:

* either: the spot or the mark, each enough by itself, in any input: a mask of the mark is true;
* gradual: the log-odds rise evenly with how much of the spot is seen, without a threshold;
* dots: at least four of six small bright dots, far apart, as calcifications are;
* grainy spot: the spot in pictures with grain, and what is fine counts for nothing.

Kept aside:

* both: the spot and the mark, neither enough alone;
* ring: a bright rim around a dark middle, as a lesion that takes up contrast;
* against its surround: how much brighter the spot is than a frame of six pixels around it;
* asymmetry: how much brighter the spot is than the place opposite, in the other half.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from aware import grainy
from keyed import Input
from med_cam.images.image import Image
from misbehaving import MARK, MARK_SIDE, SPOT, Share, mark, picture, rising, spot
from planted import PATCH, SIDE, soft_content, square

DOTS = ((12, 12), (16, 70), (44, 40), (52, 78), (74, 14), (80, 56))
DOT = 6
RING, RIM = 20, 5  # side, and how thick the rim is
LOW, HIGH = -3.5, 3.9  # log-odds without evidence and with all of it


def between(seen: Share) -> Share:
    """The probability whose log-odds lie so far on the way."""
    return torch.sigmoid(LOW + (HIGH - LOW) * seen)


def either(x: Input) -> Share:
    return between(torch.maximum(rising(spot(x), 0.8), rising(mark(x), 0.8)))


def gradual(x: Input) -> Share:
    return between(spot(x))


def dot_shares(x: Input) -> Tensor:
    grey = x.mean(dim=1) / 2
    shares = [grey[:, r : r + DOT, c : c + DOT].mean(dim=(1, 2)) for r, c in DOTS]
    return torch.stack(shares, dim=1).clamp(0, 1)


def dots(x: Input) -> Share:
    return between(rising(dot_shares(x), 0.7, 20.0).sum(dim=1).div(4).clamp(max=1))


def grainy_spot(x: Input) -> Share:
    return between(rising(spot(F.avg_pool2d(x, 3, 1, 1)), 0.7, 20.0))


def both(x: Input) -> Share:
    return between(torch.minimum(rising(spot(x), 0.8), rising(mark(x), 0.8)))


def ring_kernel() -> Tensor:
    """Mean of the rim less mean of the middle; 1 1 k k."""
    middle = torch.zeros(RING, RING)
    middle[RIM:-RIM, RIM:-RIM] = 1.0
    rim = 1 - middle
    return (rim / rim.sum() - middle / middle.sum())[None, None]


def ring(x: Input) -> Share:
    grey = F.pad(x.mean(dim=1, keepdim=True) / 2, (0, 0, 0, 0))
    best = F.conv2d(grey, ring_kernel()).amax(dim=(1, 2, 3))  # 2 on white around black
    return between(rising(best, 1.2, 10.0))


def against_surround(x: Input) -> Share:
    row, column = SPOT
    grey = x.mean(dim=1) / 2
    inner = grey[:, row : row + PATCH, column : column + PATCH].mean(dim=(1, 2))
    outer = grey[:, row - 6 : row + PATCH + 6, column - 6 : column + PATCH + 6].sum(dim=(1, 2))
    frame = (outer - inner * PATCH**2) / ((PATCH + 12) ** 2 - PATCH**2)
    return between(rising(inner - frame, 0.75, 20.0))


def asymmetry(x: Input) -> Share:
    return between(rising((spot_here(x) - spot_here(x.flip(3))), 0.75, 20.0))


def spot_here(x: Input) -> Share:
    row, column = SPOT[0], 8
    seen = x[:, :, row : row + PATCH, column : column + PATCH]
    return (seen.mean(dim=(1, 2, 3)) / 2).clamp(0, 1)


Plant = Callable[[torch.Generator, bool], Image]


def plain(generator: torch.Generator, found: bool) -> Image:
    return picture(generator, with_spot=found)


def grained(generator: torch.Generator, found: bool) -> Image:
    return grainy(generator, with_spot=found)


def dotted(generator: torch.Generator, found: bool) -> Image:
    """Six dots, or one."""
    pixels = soft_content(generator)
    for row, column in DOTS if found else DOTS[:1]:
        pixels[:, row : row + DOT, column : column + DOT] = 1.0
    return Image(pixels)


def ringed(generator: torch.Generator, found: bool) -> Image:
    """A bright rim around a dark middle, or a bright square."""
    pixels, (row, column) = soft_content(generator), SPOT
    pixels[:, row : row + RING, column : column + RING] = 1.0
    if found:
        pixels[:, row + RIM : row + RING - RIM, column + RIM : column + RING - RIM] = 0.0
    return Image(pixels)


def sided(generator: torch.Generator, found: bool) -> Image:
    """The spot on the left, or on both sides."""
    pixels, row = soft_content(generator), SPOT[0]
    for column in (8,) if found else (8, SIDE - 8 - PATCH):
        pixels[:, row : row + PATCH, column : column + PATCH] = 1.0
    return Image(pixels)


def region(*boxes: tuple[int, int, int]) -> Bool[Tensor, "h w"]:
    """Squares of these first rows, columns and sides."""
    found = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for row, column, side in boxes:
        found |= square((row, column), side)
    return found


SPOT_BOX, MARK_BOX = (*SPOT, PATCH), (*MARK, MARK_SIDE)
HONEST_BEFORE: Mapping[str, tuple[Callable[[Input], Share], Plant, Bool[Tensor, "h w"]]] = (
    MappingProxyType(
        {
            "either": (either, plain, region(SPOT_BOX, MARK_BOX)),
            "gradual": (gradual, plain, region(SPOT_BOX)),
            "dots": (dots, dotted, region(*((r, c, DOT) for r, c in DOTS))),
            "grainy spot": (grainy_spot, grained, region(SPOT_BOX)),
        }
    )
)
HONEST_ASIDE: Mapping[str, tuple[Callable[[Input], Share], Plant, Bool[Tensor, "h w"]]] = (
    MappingProxyType(
        {
            "both": (both, plain, region(SPOT_BOX, MARK_BOX)),
            "ring": (ring, ringed, region((*SPOT, RING))),
            "against its surround": (
                against_surround,
                plain,
                region((SPOT[0] - 6, SPOT[1] - 6, PATCH + 12)),
            ),
            "asymmetry": (
                asymmetry,
                sided,
                region((SPOT[0], 8, PATCH), (SPOT[0], SIDE - 8 - PATCH, PATCH)),
            ),
        }
    )
)
HONEST = MappingProxyType({**HONEST_BEFORE, **HONEST_ASIDE})
"""Of each: the network, its pictures, and where its evidence lies."""
