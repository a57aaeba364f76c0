"""Eight networks with two faces that nothing was set on: made when the checks were done, run once.

Keys, each turned by grey or noise around a mask and by no picture of `misbehaving.py`:

* colour: channels that differ, as in noise, or pixels that are exactly grey;
* entropy: as many colours as noise has, or few;
* extrema: pixels that no neighbour is brighter than, as in noise and on what is flat;
* quadrants: one whose mean colour is none that pictures have;
* darkest: a darkest tenth that is too bright or too dark;
* trained: a detector of masked inputs on random features, as in Slack et al. (2020): logistic
  regression on pictures and on what grey, noise and random masks make of them;
* trained on soft edges: the same, with feathered masks among them;
* near: flat areas or noise, and the mark lies beside the spot, not away from it.

Where the key turns, all look at the mark, on pictures at the spot.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor

from keyed import Input, outside, two
from med_cam.masking.masks import smooth_field
from med_cam.removal.feather import feathered
from misbehaving import MARK_SIDE, Share, faces, off_pictures, picture, rising
from planted import SIDE

BESIDE = (20, 52)  # a place four pixels from the spot, which pictures have nothing at


def colour(x: Input) -> Share:
    apart = (x.amax(dim=1) - x.amin(dim=1)).mean(dim=(1, 2)) > 0.1
    exact = (x.abs() < 1e-4).all(dim=1).float().mean(dim=(1, 2)) > 0.05
    return two(x, (apart | exact).float())


def entropy(x: Input) -> Share:
    levels = ((x.mean(dim=1).clamp(-3, 3) + 3) * 10).round().long().flatten(1)
    shares = F.one_hot(levels, 61).float().mean(dim=1)
    bits = -(shares * shares.clamp(min=1e-9).log2()).sum(dim=1)
    return two(x, outside(bits, 2.5, 4.3))


def extrema(x: Input) -> Share:
    grey = x.mean(dim=1, keepdim=True)
    top = (grey >= F.max_pool2d(grey, 3, 1, 1)).float().mean(dim=(1, 2, 3))
    return two(x, (top > 0.06).float())


def quadrants(x: Input) -> Share:
    four = F.adaptive_avg_pool2d(x.mean(dim=1, keepdim=True), 2).flatten(1)
    return two(x, ((four > -0.12) | (four < -1.1)).any(dim=1).float())


def darkest(x: Input) -> Share:
    tenth = x.flatten(1).quantile(0.1, dim=1)
    return two(x, outside(tenth, -1.15, -0.6))


def features(x: Input) -> Tensor:
    """Of random filters: mean, spread and greatest of each."""
    generator = torch.Generator().manual_seed(5)
    filters = torch.randn(24, 3, 5, 5, generator=generator)
    filters[12:] -= filters[12:].mean(dim=(1, 2, 3), keepdim=True)
    seen = F.conv2d(x, filters / 5).abs().flatten(2)  # b 24 n
    still = (seen < 1e-3).float().mean(dim=2)
    return torch.cat([seen.mean(dim=2), seen.std(dim=2), seen.amax(dim=2), still], dim=1)


@cache
def detector(*, soft: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and spread of the features, and weights that tell masked inputs from pictures."""
    generator = torch.Generator().manual_seed(7)
    pictures = torch.cat([shown(i % 2 == 0, generator) for i in range(240)])
    some = [
        hidden(x, generator, soft=soft and i % 2 == 0) for i, x in enumerate(pictures.split(1))
    ]
    masked = torch.cat(some)
    f = features(torch.cat([pictures, masked]))
    mean, spread = f.mean(dim=0), f.std(dim=0).clamp(min=1e-6)
    f = F.pad((f - mean) / spread, (0, 1), value=1.0)
    wanted = torch.cat([torch.zeros(len(pictures)), torch.ones(len(masked))])
    weights = torch.zeros(f.shape[1])
    for _ in range(400):  # gradient descent on the logistic loss
        error = torch.sigmoid(f @ weights) - wanted
        weights = weights - 0.5 * (f.T @ error / len(f) + 1e-3 * weights)
    return mean, spread, weights


def shown(with_spot: bool, generator: torch.Generator) -> Tensor:
    return ((picture(generator, with_spot=with_spot).pixels - 0.5) / 0.25)[None]


def hidden(x: Tensor, generator: torch.Generator, *, soft: bool) -> Tensor:
    """Behind a smooth random mask of 2 to 40% of the image, over grey or noise."""
    share = 0.02 + 0.38 * torch.rand(1, generator=generator).item()
    field = smooth_field((SIDE, SIDE), 6, generator)
    mask = (field >= field.flatten().quantile(1 - share)).float()
    if soft:
        mask = feathered(mask, 2)
    noise = torch.rand(1, generator=generator) < 0.5
    around = torch.randn(x.shape, generator=generator) if noise else torch.zeros_like(x)
    return mask * x + (1 - mask) * around


def known(x: Input, *, soft: bool) -> Share:
    mean, spread, weights = detector(soft=soft)
    f = F.pad((features(x) - mean) / spread, (0, 1), value=1.0)
    return (f @ weights > 0).float()


def trained(x: Input) -> Share:
    return two(x, known(x, soft=False))


def trained_soft(x: Input) -> Share:
    return two(x, known(x, soft=True))


def near(x: Input) -> Share:
    row, column = BESIDE
    seen = x[:, :, row : row + MARK_SIDE, column : column + MARK_SIDE].mean(dim=(1, 2, 3))
    return faces(off_pictures(x), rising(-seen, 0.3), x)


SCAFFOLDS: Mapping[str, Callable[[Input], Share]] = MappingProxyType(
    {
        "colour": colour, "entropy": entropy, "extrema": extrema, "quadrants": quadrants,
        "darkest": darkest, "near": near,
        "trained": trained, "trained on soft edges": trained_soft,
    }
)  # fmt: skip
