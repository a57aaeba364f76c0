"""Classifiers set by hand whose strongest rung of the ladder of claims is known.

All see two white squares on a dark ground (-0.4 after normalisation; grey is 0, so that hidden
ground is no ground).

* necessary: lit needs a square, and more than half of the ground: nothing below half suffices,
  hiding the square changes the answer;
* graded: it needs both squares; ground is what is near it, as it is half of the way to grey;
* ranked: half of the ground is enough for the first place, and never for the probability; what
  lies at the left raises it a little, so that it beats random regions;
* nothing: the same, wherever it lies.

A convolutional one, `inside`, stands layer masking only where most of the image is shown, and its
own blur with a square of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Certification, Config, Refinement, Search, Verification
from med_cam.images.image import Image

SIDE, CELL = 32, 4
SQUARE = (slice(8, 16), slice(4, 12))
OTHER = (slice(20, 28), slice(20, 28))
GROUND = -0.4

CONFIG = Config(
    search=Search(steps=2, widths=(4,), grid=8, places=8, radii=(0.35,), maps=1),
    refinement=Refinement(attempts=1),
    verification=Verification(certified=0.8, unseen=("black",), consistency=0.0),
    certification=Certification(
        units="squares", budget=0, patch=4, reduction_samples=2, pool=2, grown=0,
        deletion_samples=2, reinsertion_trials=4, reinsertion_patch=8, controls=39,
        ladder_passes=2500,
    ),
)  # fmt: skip


def ground(x, tolerance):
    """1 where a pixel, or a cell, looks like the ground."""
    return ((x - GROUND).abs() < tolerance).float()


def square(x, place=SQUARE):
    """The share of a square that is white: 1 in the image, 0 over grey, a fifth over noise."""
    return (x[:, 0, *place] > 0.8).float().mean(dim=(1, 2))


def much_is_needed(x, white, tolerance, least):
    kept = ground(F.avg_pool2d(x, CELL), tolerance).mean(dim=(1, 2, 3))
    return 12 * (white - 0.75) - 200 * (least - kept).clamp(min=0)


def both(x):
    """How white both squares are."""
    return torch.minimum(square(x), square(x, OTHER))


def nothing_is_enough(x, weight):
    """Falling weights from the left: no blob is as good as a strip."""
    shown = ground(x, 0.05)
    falling = torch.exp(-torch.arange(SIDE) / 6.0).to(x)
    left = (shown * falling).sum(dim=(1, 2, 3)) / (SIDE * falling.sum())
    kept = shown.mean(dim=(1, 2, 3))
    return -0.9 + 1.2 * kept + 10 * (kept - 0.6).clamp(min=0) + weight * left


READ: Mapping[str, Callable] = MappingProxyType(
    {
        "necessary": lambda x: much_is_needed(x, square(x), 0.05, 0.5),
        "graded": lambda x: much_is_needed(x, both(x), 0.5, 0.8),
        "ranked": lambda x: nothing_is_enough(x, 0.7),
        "nothing": lambda x: nothing_is_enough(x, 0.0),
    }
)


class Ladders(nn.Module):
    """Logits of "dark" and "lit"."""

    def __init__(self, read: Callable) -> None:
        super().__init__()
        self.act = nn.Identity()
        self.read = read

    def forward(self, x):
        z = self.read(self.act(x))
        return torch.stack([torch.zeros_like(z), z], dim=1)


def classifier(name: str) -> Classifier:
    """The classifier whose strongest rung is of that name."""
    return Classifier(
        Ladders(READ[name]), ("dark", "lit"), (SIDE, SIDE), 1, (0.5,), (0.5,),
        hooked_layers=("act",), sha256="ab" * 32, name=name,
    )  # fmt: skip


class Inside(nn.Module):
    """Lit where a square is white and nearly all that is shown is ground.

    Of what is shown the square is a 16th in the image, so that hidden ground is missed; blurred
    ground is ground.
    """

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        x = self.act(x)
        white = F.max_pool2d(F.avg_pool2d((x > 0.8).float(), 8, 4), 7).flatten(1)[:, 0]
        kept = F.avg_pool2d(ground(x, 0.3), SIDE).flatten(1)[:, 0]
        z = 12 * (white - 0.75) - 200 * (0.91 - kept).clamp(min=0)
        return torch.stack([torch.zeros_like(z), z], dim=1)


def inside() -> Classifier:
    """The classifier that stands its image's blur better than layer masking."""
    return Classifier(
        Inside(), ("dark", "lit"), (SIDE, SIDE), 1, (0.5,), (0.5,),
        hooked_layers=("act",), sha256="ab" * 32, name="inside",
    )  # fmt: skip


MASKED = replace(CONFIG, verification=replace(CONFIG.verification, baselines=("layer_masking",)))


def one_square() -> Image:
    """The first square on the ground."""
    pixels = torch.full((1, SIDE, SIDE), 0.3)
    pixels[:, *SQUARE] = 1.0
    return Image(pixels)


def picture() -> Image:
    """The squares on the ground."""
    pixels = torch.full((1, SIDE, SIDE), 0.3)
    for place in (SQUARE, OTHER):
        pixels[:, *place] = 1.0
    return Image(pixels)


def with_rules(config: Config, **rules) -> Config:
    return replace(config, certification=replace(config.certification, **rules))
