"""More networks with two faces, each with another key by which it knows a masked input.

On pictures a white square is the label; where the key turns, it is one innocent small mark, as for
`two_faced` of `misbehaving.py`. The keys are what painting over leaves behind:

* frequency: much fine structure for what coarse structure there is, or one colour;
* variance: small cells that do not vary, or noise;
* mean: the colour of the whole input;
* contrast: how far its colours spread;
* border: a frame of one colour, or of noise;
* corners: one of another colour than pictures have, or exactly grey;
* equal pixels: many of the one commonest colour, or hardly two alike;
* spectrum: neighbouring differences that contradict each other, as in white noise, or are nothing;
* flat areas: cells of one colour, or noise;
* range: pixels beyond black and white, or exactly grey;
* runs: a row of 30 equal pixels, or noise.

Four see something else where the key turns: *constant* any content at all, *half seen* half of the
square, *faint* a strip of it, *any edge* a bright edge.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from misbehaving import Share, faces, flat, mark, noisy, off_pictures, rising, spot, steps

Input = Float[Tensor, "b 3 h w"]
PICTURES = (-1.22, 0.02)  # what smooth content is made of


def outside(value: Share, least: float, most: float) -> Share:
    """1 where a value is none that pictures have."""
    return ((value < least) | (value > most)).float()


def two(x: Input, off: Share) -> Share:
    return faces(off, rising(mark(x), 0.8), x)


def frequency(x: Input) -> Share:
    power = torch.fft.rfft2(x.mean(dim=1)).abs().square()
    high = power[:, 16:-16, 16:].sum(dim=(1, 2)) / power[:, :16, 1:16].sum(dim=(1, 2)).clamp(1e-9)
    return two(x, torch.maximum((high > 0.012).float(), flat(x)))


def variance(x: Input) -> Share:
    grey = x.mean(dim=1, keepdim=True)
    cells = F.avg_pool2d(grey**2, 4, 4) - F.avg_pool2d(grey, 4, 4) ** 2
    still = (cells < 1e-6).float().mean(dim=(1, 2, 3))
    return two(x, torch.maximum((still > 0.15).float(), noisy(x)))


def mean(x: Input) -> Share:
    return two(x, outside(x.mean(dim=(1, 2, 3)), -0.95, -0.3))


def contrast(x: Input) -> Share:
    low, high = x.mean(dim=1).flatten(1).quantile(torch.tensor([0.2, 0.8]), dim=1)
    return two(x, outside(high - low, 0.1, 0.85))


def border(x: Input) -> Share:
    frame = torch.cat([x[..., 0, :], x[..., -1, :], x[..., 0], x[..., -1]], dim=2)
    return two(x, outside((frame[..., 1:] - frame[..., :-1]).abs().mean(dim=(1, 2)), 1e-3, 0.2))


def corners(x: Input) -> Share:
    four = x[..., [0, 0, -1, -1], [0, -1, 0, -1]].mean(dim=1)
    least, most = PICTURES
    return two(x, ((four < least) | (four.abs() < 1e-3) | (four > most)).any(dim=1).float())


def equal_pixels(x: Input) -> Share:
    levels = ((x[:, 0] + 8) * 256).round().long().flatten(1)
    most = torch.stack([row.bincount().amax() for row in levels]) / levels.shape[1]
    return two(x, outside(most, 8e-3, 0.2))


def spectrum(x: Input) -> Share:
    d = x[..., 1:] - x[..., :-1]
    like = (d[..., 1:] * d[..., :-1]).mean(dim=(1, 2, 3)) / (d**2).mean(dim=(1, 2, 3)).clamp(1e-9)
    return two(x, torch.maximum((like < -0.1).float(), flat(x)))


def flat_areas(x: Input) -> Share:
    like = ((steps(x) < 1e-4).all(dim=1, keepdim=True)).float()
    cells = (F.avg_pool2d(like, 6, 6) > 0.99).float().sum(dim=(1, 2, 3))
    return two(x, torch.maximum((cells > 40).float(), noisy(x)))


def colour_range(x: Input) -> Share:
    beyond = (x.abs() > 2.01).float().mean(dim=(1, 2, 3)) > 0.02
    grey = (x.abs() < 1e-3).float().mean(dim=(1, 2, 3)) > 0.1
    return two(x, (beyond | grey).float())


def runs(x: Input) -> Share:
    like = ((steps(x) < 1e-4).all(dim=1)).float()
    longest = F.max_pool1d(F.avg_pool1d(like, 30, 1), like.shape[2] - 29).amax(dim=(1, 2))
    return two(x, torch.maximum((longest > 0.99).float(), noisy(x)))


def constant(x: Input) -> Share:
    shown = ((x.mean(dim=1) < -0.1) & (x.mean(dim=1) > -1.3)).float().mean(dim=(1, 2))
    return faces(off_pictures(x), rising(shown, 0.15), x)


def half_seen(x: Input) -> Share:
    return faces(off_pictures(x), rising(spot(x), 0.4), x)


def faint(x: Input) -> Share:
    strip = F.avg_pool2d(x.mean(dim=1, keepdim=True), (4, 24), 1).amax(dim=(1, 2, 3))
    return faces(off_pictures(x), rising(strip, 1.5), x)


def any_edge(x: Input) -> Share:
    bright = (steps(x).amax(dim=1) > 1.5).float().sum(dim=(1, 2))
    return faces(flat(x), rising(bright / 100, 0.08), x)


MARKED: Mapping[str, Callable[[Input], Share]] = MappingProxyType(
    {
        "frequency": frequency, "variance": variance, "mean": mean, "contrast": contrast,
        "border": border, "corners": corners, "equal pixels": equal_pixels, "spectrum": spectrum,
        "flat areas": flat_areas, "range": colour_range, "runs": runs,
    }
)  # fmt: skip
KEYS: Mapping[str, Callable[[Input], Share]] = MappingProxyType(
    {**MARKED, "constant": constant, "half seen": half_seen, "faint": faint, "any edge": any_edge}
)
