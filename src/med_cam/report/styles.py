"""One picture of an image and its evidence, in one of three styles, on axes of anybody's."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.rules import one_of, refuse_value
from med_cam.report.panels import (
    ALONE,
    DIMMED,
    OUTLINE,
    OUTLINED,
    dimmed,
    display_mask,
    display_pixels,
    draw_evidence,
    draw_image,
    outline,
    stroke,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes", Float[Tensor, "h w 3"], Bool[Tensor, "h w"]], None]


def draw(
    axes: "Axes", pixels: Float[Tensor, "c h w"], mask: Bool[Tensor, "h w"], style: str
) -> None:
    """Draw the image and the mask on axes, without ticks, each pixel a square.

    Args:
        axes: of matplotlib.
        pixels: the image.
        mask: true = evidence.
        style: one of `STYLES`.

    Raises:
        ConfigError: there is no such style.
    """
    refuse_value("style", style, one_of(*STYLES))
    STYLES[style](axes, display_pixels(pixels), display_mask(mask))
    axes.set(xticks=(), yticks=(), aspect="equal")


def _outlined(axes: "Axes", rgb: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]) -> None:
    draw_image(axes, rgb)
    stroke(axes, outline(mask), color=OUTLINE)


def _dimmed(axes: "Axes", rgb: Float[Tensor, "h w 3"], mask: Bool[Tensor, "h w"]) -> None:
    draw_image(axes, dimmed(rgb, mask))
    stroke(axes, outline(mask), color=OUTLINE)


STYLES: Mapping[str, Draw] = MappingProxyType(
    {OUTLINED: _outlined, DIMMED: _dimmed, ALONE: draw_evidence}
)
