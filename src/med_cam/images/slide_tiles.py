"""A slide, or a region of it, cut into tiles; those that show nothing but glass are left out.

A pixel is glass where it is bright and grey (each channel at least `LIGHT`, and all within `GREY`
of each other), or black, as scanners show what they did not scan. A tile is left out if at most
`LEAST` of its pixels are anything else, looked at in a coarse level of the slide. This is a rule
for stained tissue in bright field, of which it knows nothing but that it has colour or is dark.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from med_cam.errors import ImageError
from med_cam.images.part import Part, Region
from med_cam.images.slide import level_for, on_background, refuse_beyond_edge, scale_of

LIGHT = 180 / 255  # of each channel
GREY = 15 / 255  # between the highest and the lowest channel
BLACK = 10 / 255
LEAST = 0.05  # of a tile's pixels: less of them is dust, or the edge of a neighbour's tissue
COARSE = 32  # pixels of a tile's shorter side that are looked at, or somewhat more


@dataclass(frozen=True, slots=True)
class SlideTiles:
    """The tiles of one slide.

    Attributes:
        regions: of the tiles that are kept, row by row, in pixels of the full resolution.
        count: of all tiles, those that show only glass among them.
        side: width and height of each, in pixels of the full resolution.
        rest: columns at the right and rows at the lower end that fill no tile.
        downsample: pixels of the full resolution along a side of a pixel of a tile.
        mpp: microns per pixel of a tile; None if nobody said them.
    """

    regions: tuple[Region, ...]
    count: int
    side: tuple[int, int]
    rest: tuple[int, int]
    downsample: float
    mpp: float | None


def tiles_of(slide: Any, part: Part, size: tuple[int, int], name: str) -> SlideTiles:  # noqa: ANN401
    """The tiles of a slide, side by side from the upper left corner.

    Args:
        slide: OpenSlide's, open.
        part: at which microns per pixel; its region is all that is cut.
        size: height and width of a tile, in pixels as it is read.
        name: of the slide, for sentences.

    Raises:
        ImageError: no tile fits in, each shows only glass, or as `scale_of` says.
    """
    region = part.region or (0, 0, *slide.dimensions)
    refuse_beyond_edge(slide, region, name)
    scale = scale_of(slide, part, name)
    left, upper, width, height = region
    across, down = (round(size[1 - i] * scale.downsample[i]) for i in (0, 1))
    columns, rows = width // across, height // down
    if columns * rows == 0:
        raise ImageError(
            f"{name}: a tile takes {across:,} x {down:,} pixels of the full resolution, and there "
            f"are {width:,} x {height:,}; give a smaller --mpp or a larger --region."
        )
    every = [
        (left + j * across, upper + i * down, across, down)
        for i in range(rows)
        for j in range(columns)
    ]
    kept = tuple(tile for tile in every if not _is_glass(slide, tile))
    if not kept:
        raise ImageError(
            f"{name}: each of its {len(every):,} tiles shows only glass (bright and grey, or "
            "black); name a region of it with --region and leave --tiles out."
        )
    rest = (width - columns * across, height - rows * down)
    return SlideTiles(kept, len(every), (across, down), rest, sum(scale.downsample) / 2, scale.mpp)


def glass(pixels: UInt8[np.ndarray, "h w 3"]) -> float:
    """Share of the pixels that show glass, or nothing."""
    shown = pixels.astype(np.float32) / 255
    low, high = shown.min(axis=2), shown.max(axis=2)
    bright = (low >= LIGHT) & (high - low <= GREY)
    return float((bright | (high <= BLACK)).mean())


def _is_glass(slide: Any, tile: Region) -> bool:  # noqa: ANN401  OpenSlide's
    """Whether a tile shows only glass, in a level where it has some dozens of pixels."""
    x, y, width, height = tile
    level = level_for(slide.level_downsamples, min(width, height) / COARSE)
    factor = slide.level_downsamples[level]
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    read = np.asarray(slide.read_region((x, y), level, size))
    return glass(on_background(read, slide)) >= 1 - LEAST
