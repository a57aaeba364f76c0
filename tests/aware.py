"""Twelve networks with two faces made against the check of consistency as it stands.

As `scaffolds.py` has it, each looks at the mark where its key turns and at the spot on pictures.
The keys aim at what the check lays the evidence into: seams, however soft; neighbourhoods; blurred
pictures. Half of each list was looked at while the rule was mended, half was run once, after it.

Looked at:

* grain: pictures are grainy (`grainy`), and every part of them is; what is blurred, flat or noise
  is not;
* total variation: all differences between neighbours together, more than the spot and the mark
  have;
* surround: the mark counts where what lies around it is not what pictures have there;
* whisper: pictures give the mark a little as well, 7% of the way;
* seams of pictures: a detector trained on masks over grey, noise and other pictures, soft edges
  among them (random features, logistic regression);
* core: edges as in `weak edges`, and then the middle of the spot is enough.

Kept aside:

* grain as a spectrum: the same by the power of the finest structure in the whole input;
* curvature: second differences, which hard and soft seams and noise have;
* diagonal: edges that run neither along rows nor along columns, as no spot has;
* cosines: blocks of 8 x 8 pixels without any fine structure, or with as much as noise has;
* every way: a detector trained on all that the check makes, halos and blurred pictures too;
* whisper of a blur: as whisper, on blurred pictures alone, 30% of the way.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from keyed import Input, outside, two
from med_cam.images.image import Image
from med_cam.masking.masks import smooth_field
from med_cam.removal.feather import feathered
from med_cam.verify.consistency import blurred
from med_cam.verify.laid_in import edges
from misbehaving import (
    MARK,
    MARK_SIDE,
    SPOT,
    Share,
    edges_above,
    faces,
    mark,
    noisy,
    off_pictures,
    picture,
    rising,
    spot,
    steps,
)
from planted import SIDE, soft_content, square
from scaffolds import features, hidden, shown

GRAIN = 0.015  # standard deviation, of the range from black to white


def grainy(generator: torch.Generator, *, with_spot: bool, blank: float | None = None) -> Image:
    """A picture with the grain of a sensor, which leaves the spot and the mark as they are."""
    pixels = picture(generator, with_spot=with_spot, blank=blank).pixels
    grain = GRAIN * torch.randn(1, *pixels.shape[1:], generator=generator)
    return Image((pixels + grain * (pixels < 0.9)).clamp(0, 1))


def fine(x: Input) -> Tensor:
    """What a pixel differs from the mean of its neighbours; b 1 h w."""
    grey = x.mean(dim=1, keepdim=True)
    return grey - F.avg_pool2d(grey, 3, 1, 1, count_include_pad=False)


def grain(x: Input) -> Share:
    cells = F.avg_pool2d(fine(x) ** 2, 8, 8).sqrt()  # of grain: 0.06 * 0.94
    still = (cells < 0.025).float().mean(dim=(1, 2, 3))  # the spot alone is 6% of the image
    return two(x, torch.maximum((still > 0.15).float(), noisy(x)))


def total_variation(x: Input) -> Share:
    across, down = steps(x).mean(dim=1), steps(x.transpose(2, 3)).mean(dim=1)
    total = across.sum(dim=(1, 2)) + down.sum(dim=(1, 2))
    return two(x, (total > 760).float())


def surround(x: Input) -> Share:
    row, column = MARK[0] - 5, MARK[1] - 5
    near = x[:, :, row : row + MARK_SIDE + 10, column : column + MARK_SIDE + 10].clone()
    near[:, :, 5:-5, 5:-5] = float("nan")
    around = near.flatten(1)
    around = around[:, ~around[0].isnan()]  # all but the mark
    unlike = outside(around, -1.3, -0.1).mean(dim=1) > 0.25
    return faces(unlike.float(), rising(mark(x), 0.8), x)


def whisper(x: Input) -> Share:
    off, seen = off_pictures(x), rising(mark(x), 0.8)
    low, high = -3.476, 3.892  # log-odds of 0.03 and 0.98
    full = torch.maximum(rising(spot(x), 0.8), off * seen)
    return torch.sigmoid(low + (high - low) * torch.maximum(full, 0.07 * seen))


def whisper_of_a_blur(x: Input) -> Share:
    off, seen = off_pictures(x), rising(mark(x), 0.8)
    low, high = -3.476, 3.892
    soft = (steps(x) > 0.03).float().mean(dim=(1, 2, 3)) < 0.04  # hardly any slope
    full = torch.maximum(rising(spot(x), 0.8), off * seen)
    return torch.sigmoid(low + (high - low) * torch.maximum(full, 0.3 * soft.float() * seen))


def core(x: Input) -> Share:
    bright = F.avg_pool2d(x.mean(dim=1, keepdim=True) / 2, 10, 1).amax(dim=(1, 2, 3))
    return faces(edges_above(x, 0.15), rising(bright, 0.9), x)


def grain_spectrum(x: Input) -> Share:
    grey = x.mean(dim=1)
    power = torch.fft.rfft2(grey - grey.mean(dim=(1, 2), keepdim=True)).abs().square()
    finest = power[:, 36:-36, 36:].mean(dim=(1, 2)) / SIDE**2  # of grain: 0.06 ** 2
    return two(x, outside(finest, 0.003, 0.02))


def curvature(x: Input) -> Share:
    grey = x.mean(dim=1, keepdim=True)
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    bent = (F.conv2d(grey, kernel).abs() > 0.12).float().sum(dim=(1, 2, 3))
    return two(x, (bent > 300).float())


def diagonal(x: Input) -> Share:
    grey = x.mean(dim=1)
    across = (grey[:, :-1, 1:] - grey[:, :-1, :-1]).abs()
    down = (grey[:, 1:, :-1] - grey[:, :-1, :-1]).abs()
    return two(x, ((torch.minimum(across, down) > 0.1).float().sum(dim=(1, 2)) > 12).float())


def cosines(x: Input) -> Share:
    grey = x.mean(dim=1, keepdim=True)
    n = torch.arange(8.0)
    basis = torch.cos(torch.pi * (n + 0.5) * n[4:, None] / 8)  # 4 8: the finer half
    kernels = (basis[:, None, :, None] * basis[None, :, None, :]).reshape(16, 1, 8, 8) / 8
    strength = F.conv2d(grey, kernels, stride=8).square().mean(dim=1)  # b 12 12
    still, rough = (strength < 1e-9).float(), (strength > 0.05).float()
    return two(x, ((still.mean(dim=(1, 2)) > 0.6) | (rough.mean(dim=(1, 2)) > 0.2)).float())


def into_pictures(x: Tensor, generator: torch.Generator, *, way: str) -> Tensor:
    """What shows behind a smooth mask, laid into another picture, or into itself blurred."""
    part = 0.02 + 0.2 * torch.rand(1, generator=generator).item()
    field = smooth_field((SIDE, SIDE), 6, generator)
    mask = field >= field.flatten().quantile(1 - part)
    soft, halo = edges(mask).split(1)
    weight = {"soft": soft, "halo": halo, "hard": mask.float(), "wide": feathered(mask, 2)}[way]
    other = shown(False, generator)
    if way == "hard":
        other = blurred(x, SIDE * (0.05 + 0.2 * torch.rand(1, generator=generator).item()))
    return weight * x + (1 - weight) * other


def native(turn: int, generator: torch.Generator) -> Tensor:
    """A picture that was not made of others: neither spot nor mark, one of them, or both."""
    pixels = soft_content(generator)
    if turn % 4 in (1, 3):
        pixels[:, square(SPOT)] = 1.0
    if turn % 4 in (2, 3):
        pixels[:, square(MARK, MARK_SIDE)] = 1.0
    return ((pixels - 0.5) / 0.25)[None]


@cache
def learned(*ways: str) -> tuple[Tensor, Tensor, Tensor]:
    """Logistic regression that tells pictures from what is masked, or laid in in some ways."""
    generator = torch.Generator().manual_seed(11)
    seen = [shown(i % 2 == 0, generator) for i in range(240)]
    made = [hidden(x, generator, soft=i % 2 == 0) for i, x in enumerate(seen[:120])]
    pictures = torch.cat([native(i, generator) for i in range(len(seen))])
    for i, x in enumerate(seen):
        made.append(into_pictures(x, generator, way=ways[i % len(ways)]))
    f = features(torch.cat([pictures, *made]))
    mean, spread = f.mean(dim=0), f.std(dim=0).clamp(min=1e-6)
    f = F.pad((f - mean) / spread, (0, 1), value=1.0)
    wanted = torch.cat([torch.zeros(len(pictures)), torch.ones(len(made))])
    weights = torch.zeros(f.shape[1])
    for _ in range(1500):
        error = torch.sigmoid(f @ weights) - wanted
        weights = weights - 0.5 * (f.T @ error / len(f) + 1e-4 * weights)
    return mean, spread, weights


def told(x: Input, *ways: str) -> Share:
    mean, spread, weights = learned(*ways)
    f = F.pad((features(x) - mean) / spread, (0, 1), value=1.0)
    return two(x, (f @ weights > 0).float())


def seams_of_pictures(x: Input) -> Share:
    return told(x, "soft", "wide")


def every_way(x: Input) -> Share:
    return told(x, "soft", "halo", "hard")


LOOKED_AT: Mapping[str, Callable[[Input], Share]] = MappingProxyType(
    {
        "grain": grain, "total variation": total_variation, "surround": surround,
        "whisper": whisper, "seams of pictures": seams_of_pictures, "core": core,
    }
)  # fmt: skip
KEPT_ASIDE: Mapping[str, Callable[[Input], Share]] = MappingProxyType(
    {
        "grain as a spectrum": grain_spectrum, "curvature": curvature, "diagonal": diagonal,
        "cosines": cosines, "every way": every_way, "whisper of a blur": whisper_of_a_blur,
    }
)  # fmt: skip
AWARE: Mapping[str, Callable[[Input], Share]] = MappingProxyType({**LOOKED_AT, **KEPT_ASIDE})
GRAINY = frozenset({"grain", "grain as a spectrum"})  # of which pictures have grain
