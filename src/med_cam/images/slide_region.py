"""What is kept of a slide besides the pixels of the region: where it lies, and how it was read."""

from dataclasses import dataclass
from typing import Annotated

from med_cam.results.ranges import Count, Number, Positive

Microns = Annotated[float, Number(0)]
Factor = Annotated[float, Number(0)]


@dataclass(frozen=True, slots=True)
class SlideRegion:
    """The region of a slide that was explained, in pixels of the slide's full resolution.

    Attributes:
        vendor: of the slide's format, as OpenSlide calls it: `aperio`, `generic-tiff`.
        reader: what read it, with its version.
        width: of the slide, in pixels of its full resolution.
        height: of the slide, in pixels of its full resolution.
        levels: resolutions that it has.
        level: that was read; 0 is the full resolution.
        level_downsample: pixels of the full resolution along a side of a pixel of that level.
        x: of the region's left edge, from the left edge of the slide.
        y: of the region's upper edge, from the upper edge of the slide.
        region_width: of the region.
        region_height: of the region.
        downsample: pixels of the full resolution along a side of a pixel of the image explained.
        mpp: microns along a side of a pixel of the image explained; null if nobody said them.
        mpp_file: microns per pixel of the full resolution that the file says, across and down;
            null if it does not.
        bounds: x, y, width and height of the part of the slide that was scanned; null if the file
            does not say it. QuPath counts from there.
    """

    vendor: str
    reader: str
    width: Positive
    height: Positive
    levels: Positive
    level: Count
    level_downsample: Factor
    x: Count
    y: Count
    region_width: Positive
    region_height: Positive
    downsample: Factor
    mpp: Microns | None = None
    mpp_file: tuple[Microns, Microns] | None = None
    bounds: tuple[Count, Count, Count, Count] | None = None
