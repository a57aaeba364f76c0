"""Which part of a file is read, and how its values become grey, where a file leaves that open.

A DICOM file may hold many frames, and name several windows or none.
"""

import re
from dataclasses import dataclass

from med_cam.config.rules import is_whole
from med_cam.errors import ConfigError

# Centre and width, in the units of the file's values (Hounsfield units in CT); or the number of
# one of the windows that the file itself names, from 1; None: the first of these.
Window = tuple[int | float, int | float] | int | None
WINDOW = (
    "a centre and a width in the units of the image, as in 300,2000, or the number of one of the "
    "file's own windows, as in 2"
)

SLICE = re.compile(r"(axial|coronal|sagittal|[012])=\d{1,6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """What is read of a file that holds more than one picture.

    Attributes:
        window: of a DICOM file of grey values; see `Window`.
        frame: of a DICOM file with several, from 1; None where there is one.
        slice: of a NIfTI volume: `axial`, `coronal`, `sagittal` or the number of an axis from 0,
            and the index on it from 0, as `axial=80`; None for files that are no volume.

    Raises:
        ConfigError: no such window or frame can be.
    """

    window: Window = None
    frame: int | None = None
    slice: str | None = None

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


def _is_window(window: object) -> bool:
    if isinstance(window, tuple) and len(window) == 2:
        numbers = all(isinstance(v, int | float) and abs(v) < float("inf") for v in window)
        return numbers and window[1] >= 1
    return is_whole(window) and isinstance(window, int) and window >= 1
