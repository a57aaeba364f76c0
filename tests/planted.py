"""Classifiers set by hand whose decision provably rests on a known region of the image.

Each looks for square patches of PATCH x PATCH pixels. A detector gives each place of the image the
share s in [0, 1] of a whole patch that is seen there, and the largest s counts (two detectors:
see below). From it come the logits (0, z) of the labels ("nothing", found):

    z = HINT s + PROOF max(0, s - COMPLETE) / (1 - COMPLETE)

What is needed, proved for the "sufficiency" check over grey. There the classifier says 1/2 without
evidence (z = 0), and on the whole image s = 1 and p = sigmoid(HINT + PROOF) = 0.997. A retained
share of 0.5 asks for p >= 0.7485, that is z >= 1.091; noise, which alone gets at least 0.5 as
well, only raises that. z is below HINT s <= 0.8 up to COMPLETE, and reaches 1.091 at

    s = (1.091 + 5 * 0.96 / 0.04) / (0.8 + 5 / 0.04) = 0.9626.

A masked input's s is at most the share of the patch's pixels that the mask keeps: hidden pixels
are grey, which every detector maps to zero; the content around the patch has no response above
zero (brightness, colours) or next to none (texture: 0.005); decoys lie where no window holds both.
So every mask that retains the prediction holds more than 95% of the patch, whatever else it holds,
and any half of the patch fails. With two patches the smaller s decides: 95% of both are needed.

What is enough: the patch and the MARGIN pixels around it that the shift test moves in and out.
Patches lie far enough from the border for that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.hooked_layers import find_hooked_layers
from med_cam.images.image import Image

SIDE, PATCH, TOKEN = 96, 24, 8
HINT, PROOF, COMPLETE = 0.8, 5.0, 0.96
MARGIN = 3  # pixels; the largest distance of the shift test
STEPS = range(8, SIDE - PATCH - 7, 8)  # whole tokens, and room for the margin
POSITIONS = tuple((row, column) for row in STEPS for column in STEPS)
SHARPNESS = 50.0  # of the attention that pools tokens; neighbours of a patch weigh e^-17

Position = tuple[int, int]  # row and column of the patch's first pixel


@dataclass(frozen=True, slots=True)
class Planted:
    """An image and the pixels that the decision provably rests on."""

    image: Image
    needed: Bool[Tensor, "h w"]

    @property
    def enough(self) -> Bool[Tensor, "h w"]:
        """What is needed, and the margin that the shift test asks for around it."""
        grown = F.max_pool2d(self.needed[None, None].float(), 2 * MARGIN + 1, 1, MARGIN)
        return grown[0, 0] > 0


@dataclass(frozen=True, slots=True)
class Case:
    """A planted classifier and images for it."""

    classifier: Classifier
    plant: Callable[[Position, Generator], Planted]


class Magnitude(nn.Module):
    """The absolute value: a texture counts in either phase."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Verdict(nn.Module):
    """Logits (0, z) from the share seen of each patch; of several patches the least counts."""

    def forward(self, s: Float[Tensor, "b d"]) -> Float[Tensor, "b 2"]:
        whole = (s.amin(dim=1) - COMPLETE).clamp(min=0) / (1 - COMPLETE)
        z = HINT * s.mean(dim=1) + PROOF * whole
        return torch.stack([torch.zeros_like(z), z], dim=1)


class ConvolutionalToy(nn.Module):
    """Small filters, averaged over windows of a patch's size; the best window counts."""

    def __init__(self, filters: Float[Tensor, "d 3 k k"], *, rectified: bool) -> None:
        super().__init__()
        cell = filters.shape[-1]
        self.filters = nn.Conv2d(3, len(filters), cell, stride=cell, bias=False)
        self.filters.weight = nn.Parameter(filters)
        self.cell = Magnitude() if rectified else nn.Identity()
        self.window = nn.AvgPool2d(PATCH // cell, stride=1)
        self.rectify = nn.ReLU()
        self.verdict = Verdict()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        shares = self.rectify(self.window(self.cell(self.filters(x))))  # b d h1 w1
        return self.verdict(shares.amax(dim=(2, 3)))


class Mixing(nn.Module):
    """Each token attends to its 3 x 3 neighbours alike: s of the window around it.

    A block of a transformer: what it finds is added to the second half of each token.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        place = torch.cartesian_prod(torch.arange(side), torch.arange(side))  # n 2
        near = (place[:, None] - place[None]).abs().amax(dim=2) <= 1  # n n
        self.attention = nn.Linear(side**2, side**2, bias=False)
        self.attention.weight = nn.Parameter(near.float() / 9)
        self.rectify = nn.ReLU()

    def forward(self, tokens: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        cells = tokens[..., : tokens.shape[2] // 2]
        shares = self.rectify(self.attention(cells.transpose(1, 2)).transpose(1, 2))
        return tokens + F.pad(shares, (shares.shape[2], 0))


class TokenToy(nn.Module):
    """Patches embedded as tokens, mixed with their neighbours, pooled by sharp attention."""

    def __init__(self, filters: Float[Tensor, "d 3 k k"], *, rectified: bool) -> None:
        super().__init__()
        self.embedding = nn.Linear(3 * TOKEN**2, len(filters), bias=False)
        self.embedding.weight = nn.Parameter(filters.flatten(1))
        self.rectify = Magnitude() if rectified else nn.Identity()
        self.blocks = nn.Sequential(Mixing(SIDE // TOKEN))
        self.verdict = Verdict()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        patches = F.unfold(x, TOKEN, stride=TOKEN).transpose(1, 2)  # b n 3*8*8
        cells = self.rectify(self.embedding(patches))  # b n d
        shares = self.blocks(F.pad(cells, (0, cells.shape[2])))[..., cells.shape[2] :]  # b n d
        weights = (SHARPNESS * shares).softmax(dim=1)
        return self.verdict((weights * shares).sum(dim=1))


def bright_filters(cell: int) -> Float[Tensor, "1 3 k k"]:
    """1 on white, 0 on grey, -1 on black."""
    return torch.full((1, 3, cell, cell), 1 / (2 * 3 * cell**2))


def colour_filters(cell: int) -> Float[Tensor, "2 3 k k"]:
    """Red and blue: 1 on the pure colour, 0 on anything grey, below 0 on other colours."""
    red, blue = torch.tensor([[1.0, -0.5, -0.5], [-0.5, -0.5, 1.0]])
    return (torch.stack([red, blue]) / (4 * cell**2))[..., None, None].expand(-1, -1, cell, cell)


def chequer_filters(cell: int) -> Float[Tensor, "1 3 k k"]:
    """1 or -1 on a chequerboard of two-pixel squares, by its phase; 0 on what is even."""
    return (2 * chequers(cell) - 1).expand(1, 3, -1, -1) / (2 * 3 * cell**2)


def chequers(side: int) -> Float[Tensor, "side side"]:
    squares = torch.arange(side) // 2
    return ((squares[:, None] + squares[None]) % 2).float()


def stripes(side: int) -> Float[Tensor, "side side"]:
    return ((torch.arange(side) // 2) % 2).float().expand(side, -1)


def soft_content(generator: Generator) -> Float[Tensor, "3 h w"]:
    """Smooth and grey, between a fifth and a half: never brighter than the grey baseline."""
    field = torch.rand(1, 1, 8, 8, generator=generator)
    smooth = F.interpolate(field, (SIDE, SIDE), mode="bilinear", align_corners=False)[0]
    return (0.2 + 0.3 * smooth).expand(3, -1, -1).clone()


def square(position: Position, side: int = PATCH) -> Bool[Tensor, "h w"]:
    """True on one square of the frame."""
    region = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    region[position[0] : position[0] + side, position[1] : position[1] + side] = True
    return region


def apart(taken: list[Position], side: int, gap: int, generator: Generator) -> Position | None:
    """A random place for another square, with a gap in at least one direction; None if full."""
    steps = range(0, SIDE - side + 1, 4)
    free = [
        (row, column)
        for row in steps
        for column in steps
        if all(
            row >= r + PATCH + gap or r >= row + side + gap
            or column >= c + PATCH + gap or c >= column + side + gap
            for r, c in taken
        )
    ]  # fmt: skip
    return free[int(torch.randint(len(free), (1,), generator=generator))] if free else None


def bright_patch(position: Position, generator: Generator) -> Planted:
    """A white square; a smaller one as decoy, where no window holds both."""
    pixels, needed = soft_content(generator), square(position)
    decoy = apart([position], PATCH // 2, PATCH, generator)
    if decoy is not None:
        pixels[:, square(decoy, PATCH // 2)] = 1.0
    pixels[:, needed] = 1.0
    return Planted(Image(pixels), needed)


def two_patches(position: Position, generator: Generator) -> Planted:
    """A red square and a blue one, both needed; a green one as decoy."""
    free = [p for p in POSITIONS if max(abs(p[0] - position[0]), abs(p[1] - position[1])) >= 32]
    other = free[int(torch.randint(len(free), (1,), generator=generator))]
    pixels, red, blue = soft_content(generator), square(position), square(other)
    decoy = apart([position, other], PATCH, 0, generator)
    if decoy is not None:
        pixels[:, square(decoy)] = torch.tensor([0.0, 1.0, 0.0])[:, None]
    pixels[:, red] = torch.tensor([1.0, 0.0, 0.0])[:, None]
    pixels[:, blue] = torch.tensor([0.0, 0.0, 1.0])[:, None]
    return Planted(Image(pixels), red | blue)


def texture(position: Position, generator: Generator) -> Planted:
    """A chequerboard; stripes of the same width as decoy."""
    pixels, needed = soft_content(generator), square(position)
    decoy = apart([position], PATCH, 0, generator)
    if decoy is not None:
        pixels[:, square(decoy)] = stripes(PATCH).flatten()
    pixels[:, needed] = chequers(PATCH).flatten()
    return Planted(Image(pixels), needed)


def classifier_of(module: nn.Module, found: str) -> Classifier:
    """Ready to be explained; white is 2, black -2 and middle grey 0 after normalisation."""
    bare = Classifier(
        module, ("nothing", found), (SIDE, SIDE), mean=(0.5,) * 3, std=(0.25,) * 3, name=found
    )
    return replace(bare, hooked_layers=find_hooked_layers(module, torch.zeros(1, 3, SIDE, SIDE)))


def cases() -> Mapping[str, Case]:
    """Every planted classifier, by name."""

    def pair(found, filters, plant, *, cell, rectified=False):
        conv = ConvolutionalToy(filters(cell), rectified=rectified)
        token = TokenToy(filters(TOKEN), rectified=rectified)
        return {
            f"{found}, convolutional": Case(classifier_of(conv, found), plant),
            f"{found}, tokens": Case(classifier_of(token, found), plant),
        }

    return MappingProxyType(
        pair("bright patch", bright_filters, bright_patch, cell=4)
        | pair("red and blue", colour_filters, two_patches, cell=4)
        | pair("chequerboard", chequer_filters, texture, cell=8, rectified=True)
    )


CASES = cases()
