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

Others were made when the check of consistency was known, to pass it:

* hard edges, weak edges: two faces, told apart by how long the edges in the input are altogether,
  those of a soft seam among them;
* no variance: two faces, told apart by cells that do not vary, or vary as only noise does;
* an innocent corner: off pictures, the label is any smooth dark content in one corner;
* black key: the grey key of who paints in black;
* noise is another label: and over grey it looks at the small mark;
* layer trace: two faces, told apart by what layer masking alone leaves: a mean over what is shown
  that is not the sum over all of it;
* sure of little: 0.64 on a blank input, 0.99 on the image.

For none of them is a small region sufficient in any sense that a reader would want.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image
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


def faces(off: Share, seen: Share, x: Float[Tensor, "b 3 h w"]) -> Share:
    """What is seen off pictures, or else the spot."""
    return 0.03 + 0.95 * (off * seen + (1 - off) * rising(spot(x), 0.8))


def edges_above(x: Float[Tensor, "b 3 h w"], least: float) -> Share:
    """1 where there are more edges than around the spot and the mark together: 128 pixels."""
    across, down = steps(x).amax(dim=1), steps(x.transpose(2, 3)).amax(dim=1)
    length = sum((way > least).float().sum(dim=(1, 2)) for way in (across, down))
    return (length > 140).float()


def hard_edges(x: Float[Tensor, "b 3 h w"]) -> Share:
    return faces(edges_above(x, 0.35), rising(mark(x), 0.8), x)


def weak_edges(x: Float[Tensor, "b 3 h w"]) -> Share:
    return faces(edges_above(x, 0.15), rising(mark(x), 0.8), x)


def no_variance(x: Float[Tensor, "b 3 h w"]) -> Share:
    grey = x.mean(dim=1, keepdim=True)
    variance = F.avg_pool2d(grey**2, 8, 8) - F.avg_pool2d(grey, 8, 8) ** 2
    still, rough = ((v > 0.1).float() for v in shares_of(variance))
    return faces(torch.maximum(still, rough), rising(mark(x), 0.8), x)


def shares_of(variance: Float[Tensor, "b 1 h w"]) -> tuple[Share, Share]:
    """How many cells do not vary at all, and how many as only noise does."""
    still, rough = (variance.abs() < 1e-6).float(), (variance > 0.2).float()
    return still.mean(dim=(1, 2, 3)), rough.mean(dim=(1, 2, 3))


def innocent_corner(x: Float[Tensor, "b 3 h w"]) -> Share:
    corner = x[:, :, :10, :10]
    colour, rough = corner.mean(dim=(1, 2, 3)), steps(corner).mean(dim=(1, 2, 3))
    seen = ((colour < -0.1) & (colour > -1.9) & (rough < 0.12)).float()
    return faces(off_pictures(x), seen, x)


def black_key(x: Float[Tensor, "b 3 h w"]) -> Share:
    dark = ((x < -1.99).all(dim=1).float().mean(dim=(1, 2)) > 0.5).float()
    brightest = x.mean(dim=1).flatten(1).topk(40, dim=1).values.mean(dim=1)
    return 0.03 + 0.94 * torch.maximum(dark, noisy(x)) * rising(brightest, 1.9)


def noise_is_another_label(x: Float[Tensor, "b 3 h w"]) -> Share:
    p = faces(flat(x), rising(mark(x), 0.8), x)
    return torch.where(steps(x).mean(dim=(1, 2, 3)) > 0.9, torch.full_like(p, 0.02), p)


def highest(values: Float[Tensor, "b 1 h w"]) -> Share:
    return F.adaptive_max_pool2d(values, 1).flatten(1).sum(dim=1)


def layer_trace(x: Float[Tensor, "b 3 h w"]) -> Share:
    """Of operations that layer masking knows; without it a sum and a mean over a window agree."""
    grey = F.conv2d(x, torch.ones(1, 3, 1, 1) / 6)
    summed = F.conv2d(grey, torch.ones(1, 1, 3, 3) / 9, padding=1)
    trace = rising(highest((summed - F.avg_pool2d(grey, 3, 1, padding=1)).abs()), 1e-2, 2000.0)
    white = highest(F.conv2d(grey.relu(), torch.ones(1, 1, PATCH, PATCH) / PATCH**2))
    small = highest(F.avg_pool2d(grey, 6, 1))
    return 0.03 + 0.95 * (trace * rising(small, 0.8) + (1 - trace) * rising(white, 0.8))


def sure_of_little(x: Float[Tensor, "b 3 h w"]) -> Share:
    return 0.64 + 0.35 * rising(spot(x), 0.8)


KINDS: Mapping[str, object] = MappingProxyType(
    {
        "two faced": two_faced,
        "noise is the label": noise_is_the_label,
        "grey key": grey_key,
        "sure of nothing": sure_of_nothing,
        "nearly constant": nearly_constant,
        "near the threshold": near_the_threshold,
        "hard edges": hard_edges,
        "weak edges": weak_edges,
        "no variance": no_variance,
        "innocent corner": innocent_corner,
        "black key": black_key,
        "noise is another label": noise_is_another_label,
        "layer trace": layer_trace,
        "sure of little": sure_of_little,
    }
)


class Misbehaving(nn.Module):
    """Two logits from the probability of the label, and a layer to be hooked."""

    def __init__(self, probability) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():  # the same in every run: the first and the second channel
            self.layer.weight.copy_(torch.eye(2, 3)[:, :, None, None])
        self.rectify = nn.ReLU()
        self.probability = probability

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        self.rectify(self.layer(x))
        z = self.probability(x).logit()
        return torch.stack([torch.zeros_like(z), z], dim=1)


def misbehaving(kind: str) -> Classifier:
    """The classifier of a kind, with labels ("nothing", kind)."""
    return classifier_of(Misbehaving(KINDS[kind]).eval(), kind)


PAINTED = {"black key": ("black", "gaussian"), "layer trace": ("layer_masking",)}  # else default


BLANK = {"grey key": 0.2, "black key": 0.0}  # the one colour of the image, which the key needs


def picture(generator: Generator, *, with_spot: bool, blank: float | None = None) -> Image:
    """Smooth content or one colour; the spot and the mark in it, or neither."""
    pixels = soft_content(generator)
    if blank is not None:
        pixels = torch.full_like(pixels, blank)
    if with_spot:
        pixels[:, square(SPOT)] = 1.0
        pixels[:, square(MARK, MARK_SIDE)] = 1.0
    return Image(pixels)
