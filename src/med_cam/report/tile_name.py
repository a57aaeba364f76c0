"""Where a tile lies in its slide: as our own reading says, or the name that QuPath gives it.

By QuPath's source: its TileExporter writes `slide [d=4,x=1024,y=2048,w=2048,h=2048].png`, the
corner and the size of the tile in pixels of the slide's full resolution, and by how much it is
scaled down (up to five decimals); `d` is not there for 1, `,z=1` and `,t=2` follow where there are
several planes, `-labelled` may. Its command to export a selected region proposes
`slide (4.00, x=1024, y=2048, w=2048, h=2048).png`. Both count from the corner of what QuPath
shows: where a file says its bounds, that is their corner, not the slide's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from med_cam.errors import OutputError

REGION = re.compile(
    r"\[(?:d=[\d.]+,)?x=(-?\d+),y=(-?\d+),w=(\d+),h=(\d+)(?:,[zt]=\d+)*\]"
    r"|\([\d.,]+, x=(-?\d+), y=(-?\d+), w=(\d+), h=(\d+)\)"
)


@dataclass(frozen=True, slots=True)
class TilePlace:
    """A tile in its slide, in pixels of the slide's full resolution.

    Attributes:
        x: of its left edge.
        y: of its upper edge.
        scale: width of one pixel of the tile, and its height.
    """

    x: int = 0
    y: int = 0
    scale: tuple[float, float] = (1.0, 1.0)


def place_of(image: Mapping[str, Any]) -> TilePlace:
    """The place that a result's image has, as QuPath counts; the origin where nobody says one.

    Args:
        image: of an explanation.json.

    Raises:
        OutputError: its name speaks of a region of another shape: regions would be misplaced.
    """
    height, width, slide = image["height"], image["width"], image["slide"]
    if slide is None:
        return tile_place(image["name"] or "", height, width) or TilePlace()
    left, upper = (slide["bounds"] or (0, 0))[:2]
    scale = (slide["region_width"] / width, slide["region_height"] / height)
    return TilePlace(slide["x"] - left, slide["y"] - upper, scale)


def tile_place(name: str, height: int, width: int) -> TilePlace | None:
    """The place that the name of a file says; None if it says none.

    By how much it is scaled down follows from both sizes, also where it was resized since.

    Args:
        name: of the image's file.
        height: rows of the image.
        width: columns of the image.

    Raises:
        OutputError: the name speaks of a region of another shape: regions would be misplaced.
    """
    found = REGION.findall(name)
    if not found:
        return None
    x, y, w, h = (int(number) for number in found[-1] if number)
    scale = (w / width, h / height)
    if not _alike(*scale, rounding=1 / min(height, width)):
        raise OutputError(
            f"{name} is called a region of {w} x {h} pixels, but has {width} x {height}, which is "
            "another shape: where it lies cannot be said; take [...] out of its name, or export "
            "the tile again"
        )
    return TilePlace(x, y, scale)


def _alike(across: float, down: float, *, rounding: float) -> bool:
    """Whether both are one scale, but for the rounding of a side to whole pixels."""
    return across > 0 < down and abs(across / down - 1) <= 2 * rounding
