"""Which part of a file is read, and how its values become grey, where a file leaves that open.

A DICOM file may hold many frames, and name several windows or none; a NIfTI file has many slices,
and a slide more pixels than any classifier sees at once.
"""

import re
from dataclasses import dataclass

from med_cam.config.rules import is_number, is_whole
from med_cam.errors import ConfigError

# Centre and width, in the units of the file's values (Hounsfield units in CT); or the number of
# one of the windows that the file itself names, from 1; None: the first of these.
Window = tuple[int | float, int | float] | int | None
WINDOW = (
    "a centre and a width in the units of the image, as in 300,2000, or the number of one of the "
    "file's own windows, as in 2"
)

# Left and upper edge, width and height, in pixels of a slide's full resolution.
Region = tuple[int, int, int, int]
REGION = (
    "left edge, upper edge, width and height in pixels of the slide's full resolution, as in "
    "20000,12000,2048,2048"
)

MPP = (0.01, 1000)  # microns per pixel: a slide has 0.1 to 1, an overview of one some dozens
SLICE = re.compile(r"(axial|coronal|sagittal|[012])=\d{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """What is read of a file that holds more than one picture.

    Attributes:
        window: of a DICOM file of grey values; see `Window`.
        frame: of a DICOM file with several, from 1; None where there is one.
        slice: of a NIfTI volume: `axial`, `coronal`, `sagittal` or the number of an axis from 0,
            and the index on it from 0, as `axial=80`; None for files that are no volume.
        region: of a slide: x, y, width, height in pixels of its full resolution, from its upper
            left corner; None for files that are read whole.
        mpp: of a region: microns per pixel that it is read at; None: the full resolution.
        slide_mpp: of a slide: microns per pixel of its full resolution, where its file does not
            say them or says them wrong.

    Raises:
        ConfigError: no such window, frame, slice or region can be.
    """

    window: Window = None
    frame: int | None = None
    slice: str | None = None
    region: Region | None = None
    mpp: int | float | None = None
    slide_mpp: int | float | None = None

    def __post_init__(self) -> None:
        if self.frame is not None and not (is_whole(self.frame) and self.frame >= 1):
            raise ConfigError(f"frame must be a whole number from 1, got {self.frame!r}")
        if self.window is not None and not _is_window(self.window):
            raise ConfigError(f"window must be {WINDOW}, got {self.window!r}")
        if self.slice is not None and not SLICE.fullmatch(str(self.slice)):
            raise ConfigError(
                "slice must be an axis (axial, coronal, sagittal, 0, 1 or 2) and an index from 0, "
                f"as in axial=80, got {self.slice!r}"
            )
        if self.region is not None and not _is_region(self.region):
            raise ConfigError(f"region must be {REGION}, got {self.region!r}")
        if self.mpp is not None or self.slide_mpp is not None:
            _refuse_bad_mpp(self)


WHOLE = Part()


def window_of(text: str) -> Window:
    """A window as users write it: `300,2000` (centre, width) or `2`.

    Raises:
        ConfigError: it is neither.
    """
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    window: Window = None
    if len(numbers) == 2:
        window = (numbers[0], numbers[1])
    elif len(numbers) == 1 and numbers[0].is_integer():
        window = int(numbers[0])
    if window is None or not _is_window(window):
        raise ConfigError(f"window must be {WINDOW}, got {text!r}")
    return window


def window_text(window: Window) -> str | None:
    """A window as `window_of` reads it; None for none."""
    if window is None or isinstance(window, int):
        return None if window is None else str(window)
    return ",".join(f"{value:.15g}" for value in window)


def region_of(text: str) -> Region:
    """A region as users write it: `20000,12000,2048,2048`.

    Raises:
        ConfigError: it is none.
    """
    words = text.split(",")
    if len(words) == 4 and all(re.fullmatch(r" ?\d{1,9} ?", word, re.ASCII) for word in words):
        x, y, width, height = map(int, words)
        if _is_region((x, y, width, height)):
            return x, y, width, height
    raise ConfigError(f"region must be {REGION}, got {text!r}")


def _is_region(region: object) -> bool:
    if not isinstance(region, tuple) or len(region) != 4 or not all(map(is_whole, region)):
        return False
    return bool(min(region) >= 0 and min(region[2:]) >= 1)


def _refuse_bad_mpp(part: Part) -> None:
    """Check the microns per pixel.

    Raises:
        ConfigError: they are no such number, or there is no region to be read at them.
    """
    for name, value in (("mpp", part.mpp), ("slide_mpp", part.slide_mpp)):
        if value is None:
            continue
        if not is_number(value) or not MPP[0] <= value <= MPP[1]:
            raise ConfigError(
                f"{name} must be microns per pixel from {MPP[0]} to {MPP[1]}, got {value!r}"
            )
        if part.region is None:
            raise ConfigError(f"{name} is of a region of a slide; name one, as {REGION}")


def _is_window(window: object) -> bool:
    if isinstance(window, tuple) and len(window) == 2:
        numbers = all(isinstance(v, int | float) and abs(v) < float("inf") for v in window)
        return numbers and window[1] >= 1
    return is_whole(window) and isinstance(window, int) and window >= 1
