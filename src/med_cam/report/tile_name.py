"""Where a tile lies in its slide, by the name that QuPath gives it.

QuPath's TileExporter writes `slide [d=4,x=1024,y=2048,w=2048,h=2048].png`: the corner and the size
of the tile in pixels of the slide's full resolution, and by how much it is scaled down; `d` is not
there for 1. https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_images.html
"""

import re
from dataclasses import dataclass

from med_cam.errors import OutputError

REGION = re.compile(r"\[(?:d=[\d.]+,)?x=(-?\d+),y=(-?\d+),w=(\d+),h=(\d+)(?:,[zt]=\d+)*\]")


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


def tile_place(name: str, height: int, width: int) -> TilePlace | None:
    """The place that the name of a file says; None if it says none.

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
    x, y, w, h = map(int, found[-1])
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
