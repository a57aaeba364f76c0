"""A region of a slide to pixels, by OpenSlide: of the level that fits, resampled once.

The coarsest level that is at least as fine as what is wanted is read, and each pixel becomes the
mean of what it covers there (`area_mean`), rounded to 8 bits. A level that has exactly the wanted
resolution is taken as it is. What was not scanned has the slide's background colour, else white.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from med_cam.errors import ImageError
from med_cam.images.area_mean import area_mean
from med_cam.images.budget import refuse_beyond
from med_cam.images.damage import damaged
from med_cam.images.dicom_file import is_dicom
from med_cam.images.file import head_of
from med_cam.images.foreign import HEAD
from med_cam.images.part import Part, Region
from med_cam.images.slide_region import SlideRegion

EXTRA = 'pip install "med-cam-evidence[slides]"'
SUFFIXES = (".svs", ".ndpi", ".mrxs", ".scn", ".bif", ".svslide")  # of slides and nothing else
LIKE = 0.01  # a level that is so much coarser than wanted is still taken
EXACT = 0.001  # so much is the rounding of what a file says
NEAR = 0.05  # a slide that is so much coarser than wanted is read as it is: scanners differ so
SQUARE = 0.01  # sides of pixels may differ by so much
WHITE = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class SlidePicture:
    """What was read: values h w 3 in [0, 1], where they lie, and what a reader must know."""

    values: NDArray[np.float32]
    region: SlideRegion
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scale:
    """How a region is read.

    Attributes:
        downsample: pixels of the full resolution along a side of a pixel, across and down.
        mpp: microns per pixel; None if nobody said them.
        mpp_file: of the full resolution by the file, across and down; None if it does not say.
        notes: what a reader must know of it.
    """

    downsample: tuple[float, float]
    mpp: float | None
    mpp_file: tuple[float, float] | None
    notes: tuple[str, ...] = ()


def read_slide(path: Path, part: Part, budget: int) -> SlidePicture:
    """The region of a slide that is asked for.

    Args:
        path: of the slide.
        part: its region, and at how many microns per pixel.
        budget: bytes of memory that it may take.

    Raises:
        ImageError: OpenSlide is not installed or does not read the file, the region lies beyond
            the slide or is too large, or its resolution is not known or finer than the slide's.
    """
    with opened(path) as slide:
        region = part.region or (0, 0, *slide.dimensions)
        refuse_beyond_edge(slide, region, str(path))
        scale = scale_of(slide, part, str(path))
        level = level_for(slide.level_downsamples, min(scale.downsample))
        values, scanned = _pixels(slide, region, level, scale, (str(path), budget))
        found = _said(slide, region, level, scale)
    unscanned = f"{1 - scanned:.1%} of the region was not scanned, and is shown in one colour"
    notes = (*scale.notes, *([unscanned] if scanned < 1 else []))
    return SlidePicture(values.astype(np.float32) / np.float32(255), found, notes)


def not_whole(name: str, what: str) -> ImageError:
    """What to say of a slide of which no region is named."""
    return ImageError(
        f"{name} is {what}, which is not read whole: med-cam explain reads a region of it "
        "(--region X,Y,W,H --mpp M) or cuts it into tiles (--tiles --mpp M); for reference images "
        "and audits export tiles as PNG."
    )


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The slide, open for the length of a `with`.

    Raises:
        ImageError: OpenSlide is not installed, or does not read the file.
    """
    try:
        import openslide
    except (ImportError, OSError) as error:  # the package, or the library below it
        raise ImageError(
            f"{path} is read by OpenSlide, which is not installed; {EXTRA}."
        ) from error
    if is_dicom(head_of(path, HEAD)):
        raise ImageError(
            f"{path} is DICOM, of which no region is read; export the region to explain as PNG or "
            "TIFF."
        )
    try:
        with openslide.OpenSlide(path) as slide:
            yield slide
    except openslide.OpenSlideUnsupportedFormatError as error:
        raise ImageError(
            f"{path} is no slide that OpenSlide reads, or is damaged; --region and --tiles are of "
            "slides, other images are read without them."
        ) from error
    except openslide.OpenSlideError as error:
        raise damaged(str(path), str(error).rstrip(".")) from error


def refuse_beyond_edge(slide: Any, region: Region, name: str) -> None:  # noqa: ANN401
    """Check that a region lies on the slide.

    Raises:
        ImageError: it does not.
    """
    (x, y, width, height), (right, lower) = region, slide.dimensions
    if x + width > right or y + height > lower:
        raise ImageError(
            f"{name} has {right:,} x {lower:,} pixels, and the region {x},{y},{width},{height} "
            f"ends at {x + width:,}, {y + height:,}, beyond its edge; name one that lies on it."
        )


def scale_of(slide: Any, part: Part, name: str) -> Scale:  # noqa: ANN401  OpenSlide's
    """At which scale to read, from what is wanted and what the slide has.

    Raises:
        ImageError: nobody says what the slide has, or it is coarser than what is wanted.
    """
    file = mpp_said(slide)
    own = file if part.slide_mpp is None else (float(part.slide_mpp),) * 2
    if own is not None and max(own) / min(own) > 1 + SQUARE:
        raise ImageError(
            f"{name} has pixels that are not square ({own[0]:g} x {own[1]:g} microns); export the "
            "region to explain as PNG or TIFF."
        )
    if part.mpp is None:
        return Scale((1.0, 1.0), own and sum(own) / 2, file, (*_full(own), *_other(part, file)))
    if own is None:
        raise ImageError(
            f"{name} does not say how large its pixels are, so that nothing of it can be read at "
            f"{part.mpp:g} microns per pixel; say what its full resolution is with --slide-mpp, "
            "as in --slide-mpp 0.25, or leave --mpp out to read the full resolution."
        )
    wanted = (part.mpp / own[0], part.mpp / own[1])
    if max(abs(factor - 1) for factor in wanted) <= EXACT:
        return Scale((1.0, 1.0), float(part.mpp), file, _other(part, file))
    if min(wanted) < 1 - NEAR:
        raise ImageError(
            f"{name} has {max(own):g} microns per pixel, and detail of {part.mpp:g} is not in it; "
            "give a larger --mpp."
        )
    if max(wanted) < 1:
        near = f"it was read at {max(own):g} microns per pixel, all that it has, not {part.mpp:g}"
        return Scale((1.0, 1.0), max(own), file, (near, *_other(part, file)))
    return Scale(wanted, float(part.mpp), file, _other(part, file))


def mpp_said(slide: Any) -> tuple[float, float] | None:  # noqa: ANN401  OpenSlide's
    """Microns per pixel of the full resolution by the file, across and down."""
    try:
        across, down = (float(slide.properties[f"openslide.mpp-{axis}"]) for axis in "xy")
    except (KeyError, ValueError):
        return None
    there = all(math.isfinite(value) and value > 0 for value in (across, down))
    return (across, down) if there else None


def level_for(downsamples: tuple[float, ...], wanted: float) -> int:
    """The coarsest level that is as fine as what is wanted."""
    fine = [i for i, factor in enumerate(downsamples) if factor <= wanted * (1 + LIKE)]
    return max(fine, key=lambda i: downsamples[i], default=0)


def bounds_of(slide: Any) -> Region | None:  # noqa: ANN401  OpenSlide's
    """The part of the slide that was scanned, where the file says it."""
    try:
        x, y, width, height = (
            int(slide.properties[f"openslide.bounds-{side}"])
            for side in ("x", "y", "width", "height")
        )
    except (KeyError, ValueError):
        return None
    return x, y, width, height


def _full(own: tuple[float, float] | None) -> tuple[str, ...]:
    """What to say where no resolution was asked for."""
    known = "microns per pixel unknown" if own is None else f"{own[0]:.3g} microns per pixel"
    return (
        f"the slide was read at its full resolution ({known}), as no other was asked for with "
        "--mpp: fine detail looks otherwise to a classifier that was trained at another",
    )


def _other(part: Part, file: tuple[float, float] | None) -> tuple[str, ...]:
    """What to say where the file says another resolution than the user."""
    if part.slide_mpp is None or file is None or abs(part.slide_mpp / file[0] - 1) <= SQUARE:
        return ()
    return (
        f"the slide's file says {file[0]:g} microns per pixel, and {part.slide_mpp:g} were "
        "declared with --slide-mpp",
    )


def _pixels(
    slide: Any,  # noqa: ANN401  OpenSlide's
    region: Region,
    level: int,
    scale: Scale,
    limits: tuple[str, int],
) -> tuple[NDArray[np.uint8], float]:
    """The region's pixels, h w 3, and the share of them that was scanned."""
    factor, size = slide.level_downsamples[level], slide.level_dimensions[level]
    columns, rows = (
        _borders(region[i], region[i + 2], scale.downsample[i], factor, size[i]) for i in (0, 1)
    )
    left, top = math.floor(columns[0]), math.floor(rows[0])
    width, height = math.ceil(columns[-1]) - left, math.ceil(rows[-1]) - top
    name, budget = limits
    refuse_beyond(name, (height, width), 0, budget=budget)
    place = (round(left * factor), round(top * factor))
    read = np.asarray(slide.read_region(place, level, (width, height)))  # h w 4
    shown = on_background(read, slide)
    scanned = float((read[..., 3] > 0).mean())
    return area_mean(shown, rows - top, columns - left), scanned


def _borders(
    start: int, length: int, downsample: float, factor: float, size: int
) -> NDArray[np.float64]:
    """Borders of the new pixels along one axis, in pixels of the level that is read."""
    count = max(1, round(length / downsample))
    first, reach = start / factor, length / factor
    if abs(reach - count) < 0.5:  # the level has this resolution
        return max(0.0, min(first, size - count)) + np.arange(count + 1, dtype=np.float64)
    return np.linspace(first, min(first + reach, size), count + 1)


def on_background(read: NDArray[np.uint8], slide: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """RGB of RGBA; what was not scanned in the background's colour of the slide."""
    if read[..., 3].min() == 255:
        return np.ascontiguousarray(read[..., :3])
    color = slide.properties.get("openslide.background-color", "")
    try:
        behind = tuple(bytes.fromhex(color.removeprefix("#"))[:3])
    except ValueError:
        behind = ()
    share = read[..., 3:].astype(np.float32) / 255
    ground = np.array(behind if len(behind) == 3 else WHITE, dtype=np.float32)
    return (read[..., :3] * share + ground * (1 - share)).round().astype(np.uint8)


def _said(slide: Any, region: Region, level: int, scale: Scale) -> SlideRegion:  # noqa: ANN401
    from openslide import __library_version__

    width, height = slide.dimensions
    x, y, across, down = region
    return SlideRegion(
        vendor=str(slide.properties.get("openslide.vendor", "unknown")),
        reader=f"OpenSlide {__library_version__}",
        width=width,
        height=height,
        levels=slide.level_count,
        level=level,
        level_downsample=float(slide.level_downsamples[level]),
        x=x,
        y=y,
        region_width=across,
        region_height=down,
        downsample=sum(scale.downsample) / 2,
        mpp=scale.mpp,
        mpp_file=scale.mpp_file,
        bounds=bounds_of(slide),
    )
