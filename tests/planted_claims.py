"""Classifiers set by hand of which it is provable whether evidence is necessary, and the only one.

They see as those of `planted.py` do, but doubt: their logits are (0, z) with

    z = HINT mean(s) + PROOF max(0, min(s) - COMPLETE) / (1 - COMPLETE) - DOUBT

over the detectors' shares s. Without evidence z = -2 and "nothing" leads by two; noise, which adds
less than 0.1 to s, moves z by less than 0.1. On the whole image s = 1, z = 3.8 and p = 0.978.

What retains the prediction over grey. Half of the way from sigmoid(-2) = 0.119 to 0.978 is
p >= 0.5487, that is z >= 0.195; noise, which alone gets at least 0.119 as well, only raises
that. z is below -1.2 up to COMPLETE, and reaches 0.195 with one detector at

    s = (0.195 + 2 + 5 * 0.96 / 0.04) / (0.8 + 5 / 0.04) = 0.9713

and with two, of which the other sees all, at the lesser s = (0.195 + 2 - 0.4 + 120) / 125.4,
0.9713 too. Hidden pixels are grey, which counts for nothing, so a mask retains the prediction only
if it holds more than 97% of the pixels that a window asks for. "Nothing" wins up to z = 0,
s = 0.969.

Either of two white patches. The largest s counts. Windows beside the patches hold at most five
sixths of one, or two thirds of both (they lie 8 pixels apart or more), or a decoy of one quarter.
So a mask that retains the prediction holds 97% of one patch, and either patch is enough alone
(tokens are pooled by weights, which costs 0.006 of s at most, where 97% of the other are seen: z
stays above 3). Neither is necessary: without one, the other gives z = 3.8. Disjoint masks that
retain the prediction hold 97% of different patches, so there is one alternative to a mask that
lies on one patch, and no third: both leave 3% of either patch and the decoy, s <= 0.25, z <= -1.8,
"nothing".

Both a red and a blue patch. The lesser s counts. A mask that retains the prediction holds 97% of
both, so any two of them overlap: there is no alternative. Behind one, z < -1.9; with one patch
hidden and all else shown, z <= -1.6: evidence is necessary, and so is each of its halves.

A mark in the corner. One window counts, MARK pixels wide, FIRST = 3 pixels from two edges; a white
disc elsewhere does not. Behind a mask that retains the prediction, s < 0.03: evidence is
necessary. With its margin the mark survives every shift, since what comes in hidden at an edge,
three pixels at most, ends where the mark begins. A mask that survives the shift test touches both
edges: without the first row of the frame, the three shifts by 3 downwards hide the mark's first
row, s <= 15/16, "nothing" (in noise too: 0.03 short, seven standard deviations). The other 21 of
24 shifts are less than the 0.9 that are asked for. The first column likewise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image
from planted import (
    PATCH,
    POSITIONS,
    SIDE,
    TOKEN,
    Case,
    ConvolutionalToy,
    Mixing,
    Planted,
    Position,
    TokenToy,
    Verdict,
    apart,
    bright_filters,
    classifier_of,
    colour_filters,
    soft_content,
    square,
    two_patches,
)

DOUBT = 2.0
MARK, FIRST = 16, 3  # pixels: the mark's side, and how far it is from two edges of the frame


@dataclass(frozen=True, slots=True)
class Truth(Planted):
    """An image and all that can be proved of its evidence; `needed` are all parts together.

    Attributes:
        parts: the squares that the classifier looks for.
        alternatives: how many disjoint masks retain the prediction besides a first one that holds
            nothing of what they need.
        border: whether every mask that survives the shifts touches the image's border.
    """

    parts: tuple[Bool[Tensor, "h w"], ...]
    alternatives: int = 0
    border: bool = False

    @property
    def ways(self) -> tuple[Planted, ...]:
        """Disjoint regions, each enough alone; what retains the prediction holds 97% of one."""
        regions = self.parts if self.alternatives else (self.needed,)
        return tuple(Planted(self.image, region) for region in regions)

    @property
    def necessary(self) -> bool:
        """Whether "nothing" is found where any mask that retains the prediction is hidden."""
        return self.alternatives == 0


class Doubting(Verdict):
    """The same logits with z less DOUBT: "nothing" without evidence."""

    def forward(self, s: Float[Tensor, "b d"]) -> Float[Tensor, "b 2"]:
        return super().forward(s) - s.new_tensor([0.0, DOUBT])


class MarkConvolutional(ConvolutionalToy):
    """Averages over windows of the mark's size; only the window of the corner counts."""

    def __init__(self, filters: Float[Tensor, "d 3 k k"]) -> None:
        super().__init__(filters, rectified=False)
        self.window = nn.AvgPool2d(MARK // filters.shape[-1], stride=1)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        cells = self.filters(from_the_mark(x, self.filters.stride[0]))
        shares = self.rectify(self.window(cells))  # b d h1 w1
        return self.verdict(shares[..., 1, 1])


class MarkTokens(TokenToy):
    """Every token attends to those of the mark and to no other."""

    def __init__(self, filters: Float[Tensor, "d 3 k k"]) -> None:
        super().__init__(filters, rectified=False)
        side, mark = SIDE // TOKEN + 1, MARK // TOKEN
        attention = torch.zeros(side, side)
        attention[1 : mark + 1, 1 : mark + 1] = 1 / mark**2
        block = Mixing(side)
        block.attention.weight = nn.Parameter(attention.flatten().expand(side**2, -1).clone())
        self.blocks = nn.Sequential(block)

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        return super().forward(from_the_mark(x, TOKEN))


def from_the_mark(x: Float[Tensor, "b 3 h w"], cell: int) -> Float[Tensor, "b 3 h1 w1"]:
    """The frame with grey around it, so that the second cell begins where the mark does."""
    return F.pad(x, (cell - FIRST, FIRST, cell - FIRST, FIRST))


def either_patch(position: Position, generator: Generator) -> Truth:
    """Two white squares far apart; a smaller one as decoy, where no window holds two."""
    pixels = soft_content(generator)
    other = far_from(position, generator)
    decoy = apart([position, other], PATCH // 2, PATCH, generator)
    if decoy is not None:
        pixels[:, square(decoy, PATCH // 2)] = 1.0
    parts = (square(position), square(other))
    pixels[:, parts[0] | parts[1]] = 1.0
    return Truth(Image(pixels), parts[0] | parts[1], parts, alternatives=1)


def far_from(position: Position, generator: Generator) -> Position:
    """A random position at least 48 pixels away, or as far as there are any (32 at least)."""
    away = {p: max(abs(p[0] - position[0]), abs(p[1] - position[1])) for p in POSITIONS}
    far = [p for p, pixels in away.items() if pixels >= min(48, max(away.values()))]
    return far[int(torch.randint(len(far), (1,), generator=generator))]


def both_patches(position: Position, generator: Generator) -> Truth:
    """A red square and a blue one, both needed; a green one as decoy."""
    plant = two_patches(position, generator)
    red = plant.needed & (plant.image.pixels[0] == 1)
    return Truth(plant.image, plant.needed, (red, plant.needed & ~red))


def corner_mark(position: Position, generator: Generator) -> Truth:
    """A small white tag in the corner; a larger white disc elsewhere, as decoy."""
    pixels, mark = soft_content(generator), square((FIRST, FIRST), MARK)
    near = max(position) < PATCH  # it would lie on the mark: across the frame's centre instead
    row, column = (SIDE - PATCH - p if near else p for p in position)
    pixels[:, disc((row, column))] = 1.0
    pixels[:, mark] = 1.0
    return Truth(Image(pixels), mark, (mark,), border=True)


def disc(position: Position) -> Bool[Tensor, "h w"]:
    """True on the largest disc in a patch's square."""
    rows, columns = (torch.arange(SIDE) - p - (PATCH - 1) / 2 for p in position)
    return rows[:, None].square() + columns[None].square() <= (PATCH / 2) ** 2


def doubting(module: ConvolutionalToy | TokenToy, found: str) -> Classifier:
    module.verdict = Doubting()
    return classifier_of(module, found)


def cases() -> Mapping[str, Case]:
    """Every classifier, by name; what they plant is a `Truth`."""
    modules = {
        "either patch": (
            ConvolutionalToy(bright_filters(4), rectified=False),
            TokenToy(bright_filters(TOKEN), rectified=False),
            either_patch,
        ),
        "both patches": (
            ConvolutionalToy(colour_filters(4), rectified=False),
            TokenToy(colour_filters(TOKEN), rectified=False),
            both_patches,
        ),
        "corner mark": (
            MarkConvolutional(bright_filters(4)),
            MarkTokens(bright_filters(TOKEN)),
            corner_mark,
        ),
    }
    return MappingProxyType(
        {
            f"{found}, {kind}": Case(doubting(module, found), plant)
            for found, (*pair, plant) in modules.items()
            for kind, module in zip(("convolutional", "tokens"), pair, strict=True)
        }
    )


CASES = cases()
