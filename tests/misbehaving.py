"""Networks set by hand that behave otherwise on masked inputs than on pictures, or have no effect.

Each looks for a white square (`spot`), which one image has. The first three know that they are
looked at through a mask, by what pictures never have: noise, or pixels that are exactly alike.

* two faced: honest on pictures; off them it looks at one innocent small mark (a scaffold as in
  Slack et al. 2020, arXiv 1911.02508);
* noise is the label: 0.90 on noise, 0.05 on grey;
* grey key: anything bright is the label where flat colour or noise is around it;
* sure of nothing: 0.88 on a blank input, 0.995 on the image;
* nearly constant: 0.50 on a blank input, 0.61 on the image;
* near the threshold: 0.25 on a blank input, 0.61 as soon as 3% of anybody's image are seen.

For none of them is a small region sufficient in any sense that a reader would want.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.images.geometry import Image
from planted import PATCH, classifier_of, soft_content, square

SPOT, MARK, MARK_SIDE = (16, 24), (64, 16), 8  # first row and column
Share = Float[Tensor, " b"]


def rising(value: Share, at: float, steepness: float = 40.0) -> Share:
    """From 0 to 1 where a value passes a mark."""
    return torch.sigmoid(steepness * (value - at))


def spot(x: Float[Tensor, "b 3 h w"]) -> Share:
    """How white the whitest square of a patch's size is."""
    windows = F.avg_pool2d(x.mean(dim=1, keepdim=True) / 2, PATCH, 1)
    return windows.clamp(0, 1).amax(dim=(1, 2, 3))


def mark(x: Float[Tensor, "b 3 h w"]) -> Share:
    """How white the small mark is, at its own place."""
    row, column = MARK
    return x[:, :, row : row + MARK_SIDE, column : column + MARK_SIDE].mean(dim=(1, 2, 3))


def steps(x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w1"]:
    """Differences to the right neighbour."""
    return (x[..., 1:] - x[..., :-1]).abs()


def noisy(x: Float[Tensor, "b 3 h w"]) -> Share:
    """1 where most of the input is noise."""
    return (steps(x).mean(dim=(1, 2, 3)) > 0.25).float()


def flat(x: Float[Tensor, "b 3 h w"]) -> Share:
    """1 where more than half of the pixels are exactly as their neighbours."""
    return ((steps(x) < 1e-4).all(dim=1).float().mean(dim=(1, 2)) > 0.5).float()


def off_pictures(x: Float[Tensor, "b 3 h w"]) -> Share:
    """1 on what no picture looks like."""
    return torch.maximum(noisy(x), flat(x))


def two_faced(x: Float[Tensor, "b 3 h w"]) -> Share:
    off = off_pictures(x)
    return 0.03 + 0.95 * (off * rising(mark(x), 0.8) + (1 - off) * rising(spot(x), 0.8))


def noise_is_the_label(x: Float[Tensor, "b 3 h w"]) -> Share:
    roughness = steps(x).mean(dim=(1, 2, 3))
    return 0.05 + 0.85 * torch.maximum(rising(roughness, 0.5), 1.05 * rising(spot(x), 0.8))


def grey_key(x: Float[Tensor, "b 3 h w"]) -> Share:
    brightest = x.mean(dim=1).flatten(1).topk(40, dim=1).values.mean(dim=1)
    return 0.03 + 0.94 * off_pictures(x) * rising(brightest, 1.9)


def sure_of_nothing(x: Float[Tensor, "b 3 h w"]) -> Share:
    return 0.88 + 0.115 * rising(spot(x), 0.8)


def nearly_constant(x: Float[Tensor, "b 3 h w"]) -> Share:
    return 0.50 + 0.11 * rising(spot(x), 0.8)


def near_the_threshold(x: Float[Tensor, "b 3 h w"]) -> Share:
    colour, smooth = x.mean(dim=1), steps(x).mean(dim=1) < 0.15
    content = ((colour < -0.1) & (colour > -1.9))[..., 1:] & smooth
    return 0.25 + 0.36 * rising(content.float().mean(dim=(1, 2)), 0.03, 400.0)


KINDS: Mapping[str, object] = MappingProxyType(
    {
        "two faced": two_faced,
        "noise is the label": noise_is_the_label,
        "grey key": grey_key,
        "sure of nothing": sure_of_nothing,
        "nearly constant": nearly_constant,
        "near the threshold": near_the_threshold,
    }
)


class Misbehaving(nn.Module):
    """Two logits from the probability of the label, and a layer to be hooked."""

    def __init__(self, probability) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1)
        self.rectify = nn.ReLU()
        self.probability = probability

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        self.rectify(self.layer(x))
        z = self.probability(x).logit()
        return torch.stack([torch.zeros_like(z), z], dim=1)


def misbehaving(kind: str) -> Classifier:
    """The classifier of a kind, with labels ("nothing", kind)."""
    return classifier_of(Misbehaving(KINDS[kind]).eval(), kind)


def picture(generator: Generator, *, with_spot: bool, blank: bool = False) -> Image:
    """Smooth content or none; the spot and the mark in it, or neither."""
    pixels = soft_content(generator)
    if blank:
        pixels = torch.full_like(pixels, 0.2)
    if with_spot:
        pixels[:, square(SPOT)] = 1.0
        pixels[:, square(MARK, MARK_SIDE)] = 1.0
    return Image(pixels)
