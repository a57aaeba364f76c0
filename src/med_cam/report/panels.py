"""The pictures of the figure: the image, the mask's outline over it, the evidence alone."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from med_cam.report.lettering import Face, shortened, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST = 1000  # pixels a side that a picture is drawn with: twice its place on the page
OUTLINE = "#00e1ff"  # seen on grey, on skin, on stained tissue and on fundus photographs
RESTRICTED_OUTLINE = "#ffd500"
RUNNER_UP_OUTLINE = "#ff5cc8"
BESIDE_OUTLINE = "#7dff6b"
COMPARED_OUTLINE = "#ffffff"  # of other methods, as in the figures of studies
BLANK, BLANK_LINES = "#808080", "#929292"  # hatched grey: no image looks like it
GAP, TITLE = 28, 34  # pixels between pictures; for the title above each
TITLED = Face(17)
LEAST_TITLE = 230.0  # pixels that a title may have, however narrow its picture
TITLES = ("Image", "Evidence outlined", "Evidence alone")
OUTLINED, DIMMED, ALONE = "outline", "dimmed", "evidence"
STYLES = (OUTLINED, DIMMED, ALONE)
DARKER = 0.35  # of its brightness that a dimmed image keeps outside of the evidence

Line = NDArray[np.float64]  # n 2, columns x y
Box = tuple[float, float, float, float]  # left top right bottom, in pixels of the page


def draw_panels(  # noqa: PLR0913  a keyword for each thing that may be otherwise
    page: "Axes",
    pixels: Float[Tensor, "c h w"],
    mask: Bool[Tensor, "h w"] | Int[Tensor, "h w"],
    others: Sequence[tuple[Bool[Tensor, "h w"], str]] = (),
    *,
    box: Box,
    alone: tuple[str, Bool[Tensor, "h w"]] | None = None,
    style: str = OUTLINED,
    compared: Sequence[tuple[str, Bool[Tensor, "h w"]]] = (),
) -> None:
    """Draw image, outline (other masks dashed, in their colours) and evidence into a box.

    Args:
        page: of the figure.
        pixels: the image.
        mask: of the evidence; or on each pixel the number of its part, from 1, 0 outside: thin
            lines divide the parts.
        others: further masks and their colours.
        box: of all pictures.
        alone: title and mask of the last picture; None is the evidence.
        style: `outline`; `dimmed`, with the rest darker; `evidence`, without the picture between,
            unless other masks have to be outlined there.
        compared: titles and masks of other methods, a picture each.
    """
    last, region = alone or (TITLES[-1], mask > 0)
    rgb = display_pixels(pixels)
    between = () if style == ALONE and not others else (TITLES[1],)
    titles = (TITLES[0], *between, last, *(title for title, _ in compared))
    places = panel_boxes(rgb.shape[0], rgb.shape[1], box, len(titles))
    whole, *panels = (panel(page, *entry) for entry in zip(places, titles, strict=True))
    draw_image(whole, rgb)
    for axes in panels[: len(between)]:
        draw_parts(axes, rgb, mask, others, style=style)
    draw_evidence(panels[len(between)], rgb, display_mask(region))
    for axes, (_, other) in zip(panels[len(between) + 1 :], compared, strict=True):
        draw_image(axes, rgb)
        stroke(axes, outline(display_mask(other)), color=COMPARED_OUTLINE)


def draw_parts(
    axes: "Axes",
    rgb: Float[Tensor, "h1 w1 3"],
    mask: Bool[Tensor, "h w"] | Int[Tensor, "h w"],
    others: Sequence[tuple[Bool[Tensor, "h w"], str]] = (),
    *,
    style: str = OUTLINED,
) -> None:
    """The image with the evidence outlined, its parts divided, other masks dashed."""
    evidence = display_mask(mask > 0)
    draw_image(axes, dimmed(rgb, evidence) if style == DIMMED else rgb)
    for number in range(1, int(mask.max()) + 1 if mask.dtype != torch.bool else 1):
        _lines(axes, outline(display_mask(mask == number)), color=OUTLINE, width=0.8)
    stroke(axes, outline(evidence), color=OUTLINE)
    for other, color in others:
        stroke(axes, outline(display_mask(other)), color=color, dashed=True)


def dimmed(rgb: Float[Tensor, "h w 3"], evidence: Bool[Tensor, "h w"]) -> Float[Tensor, "h w 3"]:
    """The image, darker outside of the evidence."""
    return rgb * evidence[..., None].float().clamp(min=DARKER)


def draw_outlined(
    page: "Axes",
    pixels: Float[Tensor, "c h w"],
    masks: Sequence[tuple[Bool[Tensor, "h w"], str]],
    *,
    places: Sequence[Box],
    titles: tuple[str, str],
) -> None:
    """The image alone in the first place; in the second with the outlines of masks, in colours.

    Args:
        page: of the document.
        pixels: the image.
        masks: and their colours; the first is drawn solid, the others dashed.
        places: two boxes, in each of which a picture is as large as its shape allows.
        titles: above them.
    """
    rgb = display_pixels(pixels)
    for number, (place, title) in enumerate(zip(places, titles, strict=True)):
        axes = panel(page, fitted(rgb.shape[0], rgb.shape[1], place), title, Face(11))
        draw_image(axes, rgb)
        for order, (mask, color) in enumerate(masks if number else ()):
            stroke(axes, outline(display_mask(mask)), color=color, dashed=order > 0)


def fitted(height: int, width: int, box: Box) -> Box:
    """The largest place of the image's shape in a box, in its middle, at its top."""
    left, top, right, bottom = box
    scale = min((right - left) / width, (bottom - top - TITLE) / height)
    x = (left + right - scale * width) / 2
    return (x, top + TITLE, x + scale * width, top + TITLE + scale * height)


def panel_boxes(height: int, width: int, box: Box, count: int = 3) -> tuple[Box, ...]:
    """Equal places of the image's shape: side by side, or stacked if that is larger."""
    left, top, right, bottom = box
    beside = min(
        (right - left - (count - 1) * GAP) / count / width, (bottom - top - TITLE) / height
    )
    stacked = min((right - left) / width, ((bottom - top) / count - TITLE - 6) / height)
    middle = (count - 1) / 2
    if stacked > beside:
        w, h = stacked * width, stacked * height
        step = (0.0, (bottom - top) / count)
        x, y = (left + right - w) / 2, top + TITLE + middle * step[1]
    else:
        w, h = beside * width, beside * height
        x, y = (left + right - w) / 2, top + TITLE + (bottom - top - TITLE - h) / 2
        step = (min((right - left - w) / (count - 1), max(w, LEAST_TITLE) + 4 * GAP), 0.0)
    corners = [(x + (i - middle) * step[0], y + (i - middle) * step[1]) for i in range(count)]
    return tuple((x, y, x + w, y + h) for x, y in corners)


def display_pixels(pixels: Float[Tensor, "c h w"]) -> Float[Tensor, "h1 w1 3"]:
    """The image in three channels, averaged down to at most `LONGEST` a side."""
    k, small = _factor(pixels), pixels.cpu().float()[None]
    if k > 1:
        small = F.avg_pool2d(small, k, ceil_mode=True, count_include_pad=False)
    rgb = small[0].clamp(0, 1).expand(3, -1, -1)  # 3 h/k w/k
    return rgb.permute(1, 2, 0)


def display_mask(mask: Bool[Tensor, "h w"]) -> Bool[Tensor, "h1 w1"]:
    """The mask reduced in the same way; a pixel with any evidence in it stays evidence."""
    k = _factor(mask)
    if k == 1:
        return mask.cpu() > 0
    return F.max_pool2d(mask.cpu().float()[None, None], k, ceil_mode=True)[0, 0] > 0.5


def outline(mask: Bool[Tensor, "h w"]) -> list[Line]:
    """Closed lines of x y around the mask, along the edges of its pixels (centres at integers).

    The mask is enlarged first, so that the corners which the contour cuts are too small to see.
    """
    from skimage.measure import find_contours

    k = max(1, LONGEST // max(mask.shape))
    large = mask.numpy().repeat(k, axis=0).repeat(k, axis=1)
    padded = np.pad(large, 1).astype(np.float64)
    lines = find_contours(padded, 0.5, fully_connected="high")  # type: ignore[no-untyped-call]
    return [(line[:, ::-1] - 0.5) / k - 0.5 for line in lines]


def stroke(axes: "Axes", lines: Sequence[Line], *, color: str, dashed: bool = False) -> None:
    """Lines in a colour with a dark halo, so that they show on dark and on bright content."""
    _lines(axes, lines, color="black", width=4.4)
    _lines(axes, lines, color=color, width=2.2, dashed=dashed)


def panel(page: "Axes", place: Box, title: str, face: Face = TITLED) -> "Axes":
    """Axes for one picture with its title above."""
    left, top, right, bottom = place
    title = shortened(title, face, width=max(right - left, LEAST_TITLE))
    write(page, ((left + right) / 2, top - 11), title, face, centred=True)
    _, width = page.get_xlim()
    height, _ = page.get_ylim()
    corner = (left / width, 1 - bottom / height)
    size = ((right - left) / width, (bottom - top) / height)
    axes = page.figure.add_axes((*corner, *size))
    axes.tick_params(which="both", bottom=False, left=False, labelbottom=False, labelleft=False)
    axes.set(xticks=(), yticks=())
    for spine in axes.spines.values():
        spine.set(edgecolor="#9aa1a9", linewidth=0.8, visible=True)
    return axes


def draw_image(axes: "Axes", rgb: Float[Tensor, "h w 3"]) -> None:
    """The image, small ones pixel by pixel."""
    smooth = "nearest" if max(rgb.shape[:2]) < 100 else "antialiased"
    axes.imshow(rgb.numpy(), interpolation=smooth, aspect="auto", origin="upper")


def draw_evidence(axes: "Axes", rgb: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]) -> None:
    """The evidence alone, on hatched grey."""
    axes.patch.set(facecolor=BLANK, edgecolor=BLANK_LINES, hatch="///", linewidth=0, visible=True)
    rgba = torch.cat([rgb, mask[..., None].float()], dim=2).numpy()  # h w 4
    axes.imshow(rgba, interpolation="nearest", aspect="auto", origin="upper")
    # Grey content would melt into the grey around it without a line.
    _lines(axes, outline(mask), color=OUTLINE, width=0.9)


def _lines(
    axes: "Axes", lines: Sequence[Line], *, color: str, width: float, dashed: bool = False
) -> None:
    from matplotlib.collections import LineCollection

    style: Any = (0, (3.2, 1.8)) if dashed else "solid"
    caps: Any = "butt" if dashed else "round"
    batch = LineCollection(lines, colors=color, linewidths=width, linestyles=style, zorder=3)
    batch.set(capstyle=caps, joinstyle="round", clip_on=False)
    axes.add_collection(batch, autolim=False)


def _factor(pixels: Tensor) -> int:
    return math.ceil(max(pixels.shape[-2:]) / LONGEST)
