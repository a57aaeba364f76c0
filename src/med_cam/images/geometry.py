"""Where the classifier's input lies in the source image, and the way back.

Everything rests on one fact an axis: the source's `source` pixels are scaled to `scaled` pixels,
of which the first lies at `start` in a frame of `frame` pixels (negative: cut off; positive:
padding before it). Masks are carried by pixel centres in whole-number arithmetic, so that no
rounding can shift them:

* source pixel i takes the frame pixel that its centre falls into,
* frame pixel j takes the source pixel under its centre.

Hence `project(restore(m)) == m` off the padding where the source is at least as large as its place
in the frame, `restore(project(s)) == s` on the seen pixels where it is at most as large, and
`restore(project(restore(m))) == restore(m)` always: one trip settles a mask for good.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from med_cam.errors import ConfigError, ImageError

RULES = ("squash", "crop", "pad")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area")
LARGEST_STEP = 2**24  # pixels; a crop of 5000 x 3 would pass through 426667 x 224


class Axis(NamedTuple):
    """One axis of a geometry, in pixels; see the head of this file."""

    source: int
    scaled: int
    start: int
    frame: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """One source size against one input size under one resize rule; exact both ways.

    The image is first scaled, with a target of `input / crop_share` (rounded down) for each side:

    * "squash": both sides to their targets;
    * "crop": the side that is shortest for its target to the target, the other in proportion
      (rounded down), as torchvision's Resize does;
    * "pad": the side that is longest for its target to the target, the other in proportion
      (rounded).

    Then the centre is taken as torchvision's CenterCrop does: what is larger than the input is
    cut, what is smaller is padded at both ends. At a `crop_share` of 1, squash and pad show the
    whole image.

    interpolation: "nearest" (by pixel centres), "bilinear" or "bicubic" (both antialiased when
    shrinking, as in Pillow; bicubic with Pillow's kernel also when growing), "area" (the mean of
    what a pixel covers when shrinking, as OpenCV's INTER_AREA; bilinear when growing).

    antialias: False takes bilinear and bicubic as OpenCV's INTER_LINEAR and INTER_CUBIC do, from
    2 or 4 pixels of the source, however much is shrunk.

    Raises:
        ConfigError: rule, crop_share, interpolation or input size out of range.
        ImageError: the image is empty, or no pixel of it would be left in the frame.
    """

    source: tuple[int, int]  # h w
    input: tuple[int, int]  # h w
    rule: str = "squash"
    crop_share: float = 1.0
    interpolation: str = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        _refuse_bad_settings(self)
        if min(self.source) < 1:
            raise ImageError(f"The image has no pixels (its size is {_size(self.source)}).")
        # By hand, not by seen(), which is as large as the image.
        if not all(a.scaled and _frame_of_source(a)[1].any() for a in self.axes()):
            raise ImageError(
                f"An image of {_size(self.source)} pixels vanishes when it is fitted to "
                f"{_size(self.input)} by the rule {self.rule!r}: cut out a less narrow part of it,"
                " or choose the rule 'squash' with a crop_share of 1."
            )

    def axes(self) -> tuple[Axis, Axis]:
        """Rows and columns: source, scaled and frame size, and where the scaled image begins."""
        scaled = _scaled(self.source, _targets(self.input, self.crop_share), self.rule)
        rows, columns = (
            Axis(source, size, _start(size, frame), frame)
            for source, size, frame in zip(self.source, scaled, self.input, strict=True)
        )
        return rows, columns

    def to_input(
        self, pixels: Float[Tensor, "c h w"], fill: float = 0.0
    ) -> Float[Tensor, "1 c h1 w1"]:
        """The image as the classifier sees it, in [0, 1]; `fill` is the value of padding."""
        _refuse_other_size(pixels, self.source, "image")
        rows, columns = self.axes()
        steps = [(columns, -1), (rows, -2)]  # Pillow's order
        if rows.scaled * columns.frame > LARGEST_STEP:
            steps.reverse()
        frame = pixels[None]
        for axis, dim in steps:
            frame = _resample(
                frame,
                axis,
                dim=dim,
                interpolation=self.interpolation,
                antialias=self.antialias,
            )
        return F.pad(frame, (*_margins(columns), *_margins(rows)), value=fill)

    def valid(self) -> Bool[Tensor, "1 1 h1 w1"]:
        """True where the model input shows the image, false where it shows padding."""
        rows, columns = (_source_of_frame(axis)[1] for axis in self.axes())
        return (rows[:, None] & columns[None, :])[None, None]

    def seen(self) -> Bool[Tensor, "h w"]:
        """True on source pixels whose centre lies in the model input."""
        rows, columns = (_frame_of_source(axis)[1] for axis in self.axes())
        return rows[:, None] & columns[None, :]

    def restore(self, mask: Bool[Tensor, "1 1 h1 w1"]) -> Bool[Tensor, "h w"]:
        """Carry a mask from the model input to the source; never true on pixels unseen."""
        _refuse_other_size(mask, self.input, "mask")
        rows, columns = (_frame_of_source(axis) for axis in self.axes())
        return _gather(mask[0, 0], rows, columns)

    def restore_scores(self, scores: Float[Tensor, "1 1 h1 w1"]) -> Float[Tensor, "h w"]:
        """Carry scores to the source as masks are; pixels unseen get the lowest score."""
        _refuse_other_size(scores, self.input, "map")
        rows, columns = (_frame_of_source(axis)[0].to(scores.device) for axis in self.axes())
        seen = self.seen().to(scores.device)
        return torch.where(seen, scores[0, 0][rows][:, columns], scores.min())

    def project(self, mask: Bool[Tensor, "h w"]) -> Bool[Tensor, "1 1 h1 w1"]:
        """Carry a source mask to the model input; never true on padding.

        Inverts `restore` when the source is at least as large as its place in the frame.
        """
        _refuse_other_size(mask, self.source, "mask")
        rows, columns = (_source_of_frame(axis) for axis in self.axes())
        return _gather(mask, rows, columns)[None, None]


def _targets(frame: tuple[int, int], crop_share: float) -> tuple[int, int]:
    """Sides before the centre is taken, rounded down as timm does; 224 / (224 / 232) is 232."""
    height, width = (math.floor(side / crop_share + 1e-6) for side in frame)
    return height, width


def _scaled(source: tuple[int, int], targets: tuple[int, int], rule: str) -> tuple[int, int]:
    """The size of the whole image, scaled by the rule and not yet cut or padded."""
    if rule == "squash":
        return targets
    scales = [Fraction(t, s) for t, s in zip(targets, source, strict=True)]
    if rule == "crop":
        height, width = (math.floor(side * max(scales)) for side in source)
    else:
        height, width = (round(side * min(scales)) for side in source)
    return height, width


def _start(scaled: int, frame: int) -> int:
    """Where the scaled image begins in the frame, rounded as torchvision's CenterCrop does."""
    if scaled > frame:
        return -round((scaled - frame) / 2)
    return (frame - scaled) // 2


def _margins(axis: Axis) -> tuple[int, int]:
    """Pixels of padding before and after the image."""
    return max(0, axis.start), max(0, axis.frame - axis.start - axis.scaled)


def _frame_of_source(axis: Axis) -> tuple[Int64[Tensor, " source"], Bool[Tensor, " source"]]:
    """For each source pixel the frame pixel that holds its centre, and whether there is one."""
    centres = 2 * torch.arange(axis.source) + 1  # in half pixels
    index = centres * axis.scaled // (2 * axis.source) + axis.start
    return index.clamp(0, axis.frame - 1), (index >= 0) & (index < axis.frame)


def _source_of_frame(axis: Axis) -> tuple[Int64[Tensor, " frame"], Bool[Tensor, " frame"]]:
    """For each frame pixel the source pixel under its centre, and whether there is one."""
    scaled = torch.arange(axis.frame) - axis.start
    index = (2 * scaled + 1) * axis.source // (2 * axis.scaled)
    return index.clamp(0, axis.source - 1), (scaled >= 0) & (scaled < axis.scaled)


def _gather(
    mask: Bool[Tensor, "h w"],
    rows: tuple[Int64[Tensor, " h1"], Bool[Tensor, " h1"]],
    columns: tuple[Int64[Tensor, " w1"], Bool[Tensor, " w1"]],
) -> Bool[Tensor, "h1 w1"]:
    """The mask at the given rows and columns, false where either is marked as not there."""
    (row, row_there), (column, column_there) = rows, columns
    there = (row_there[:, None] & column_there[None, :]).to(mask.device)  # h1 w1
    return mask[row.to(mask.device)][:, column.to(mask.device)] & there


def _resample(
    image: Float[Tensor, "1 c h w"], axis: Axis, *, dim: int, interpolation: str, antialias: bool
) -> Float[Tensor, "1 c h1 w1"]:
    """One axis scaled and cut to the frame; padding is left to be added."""
    if interpolation == "nearest":
        index, there = _source_of_frame(axis)
        return image.index_select(dim, index[there].to(image.device))
    if interpolation == "area" and axis.scaled < axis.source:
        image = _averaged(image, axis.scaled, dim=dim)
    elif axis.scaled != axis.source:
        mode = "bilinear" if interpolation == "area" else interpolation
        size = (axis.scaled, image.shape[3]) if dim == -2 else (image.shape[2], axis.scaled)
        image = F.interpolate(image, size, mode=mode, antialias=antialias)
        image = image.clamp(0, 1)  # after each axis, as Pillow does
    first = max(0, -axis.start)
    return image.narrow(dim, first, min(axis.frame, axis.scaled))


def _averaged(
    image: Float[Tensor, "1 c h w"], scaled: int, *, dim: int
) -> Float[Tensor, "1 c h1 w1"]:
    """One axis made smaller: each pixel the mean of what it covers, of pixels cut by its share.

    Differences of the running sum at the borders of the new pixels, which lie between whole ones.
    """
    source = image.shape[dim]
    zero = torch.zeros_like(image.narrow(dim, 0, 1), dtype=torch.float64)
    sums = torch.cat([zero, image.double().cumsum(dim)], dim)  # up to each border of the source
    borders = torch.arange(scaled + 1, device=image.device) * source
    whole, part = borders // scaled, (borders % scaled) / scaled  # part of the pixel after `whole`
    shape = (-1, 1) if dim == -2 else (-1,)
    below, above = (sums.index_select(dim, (whole + k).clamp(max=source)) for k in (0, 1))
    at = below + (above - below) * part.double().view(shape)
    return (at.diff(dim=dim) * (scaled / source)).to(image.dtype).clamp(0, 1)


def _refuse_bad_settings(geometry: Geometry) -> None:
    """Each setting against its range.

    Raises:
        ConfigError: naming the first that is out of it.
    """
    if geometry.rule not in RULES:
        raise ConfigError(
            f"The resize rule {geometry.rule!r} is unknown; choose one of {', '.join(RULES)}."
        )
    if geometry.interpolation not in INTERPOLATIONS:
        raise ConfigError(
            f"The interpolation {geometry.interpolation!r} is unknown; choose one of "
            f"{', '.join(INTERPOLATIONS)}."
        )
    if not 0 < geometry.crop_share <= 1:
        raise ConfigError(f"crop_share is {geometry.crop_share}; it must be in (0, 1].")
    if min(geometry.input) < 1:
        raise ConfigError(
            f"The classifier's input size is {_size(geometry.input)}; both sides must be positive."
        )


def _refuse_other_size(found: Tensor, expected: tuple[int, int], noun: str) -> None:
    """The last two axes against the size they must have.

    Raises:
        ImageError: if they differ.
    """
    size = (int(found.shape[-2]), int(found.shape[-1]))
    if size != expected:
        raise ImageError(
            f"The {noun} has {_size(size)} pixels where this geometry expects {_size(expected)}; "
            "use the geometry made for it."
        )


def _size(size: tuple[int, int]) -> str:
    """Height x width, in words."""
    return f"{size[0]} x {size[1]} (height x width)"
