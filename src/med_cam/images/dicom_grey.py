"""Values of a DICOM image to grey in [0, 1]: modality LUT, window or VOI LUT, presentation.

PS3.3 C.11.1, C.11.2 and C.11.6. What comes out is rounded to 65535 levels, so that a PNG of 16
bits holds exactly what was explained.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from med_cam.errors import ImageError
from med_cam.images.dicom_image import DicomWindow
from med_cam.images.part import Window
from med_cam.images.white import EIGHTH

LEVELS = 65535
FINE = 6  # decimals of a level: what differs by less is the same, in whatever order it was summed


@dataclass(frozen=True, slots=True)
class Grey:
    """What became of the values of an image.

    Attributes:
        values: h w, in [0, 1].
        window: how.
        notes: what a reader must know of it.
    """

    values: NDArray[np.float64]
    window: DicomWindow
    notes: tuple[str, ...] = ()


def grey_of(stored: NDArray[Any], said: Any, window: Window, name: str) -> Grey:  # noqa: ANN401
    """Stored values as a viewer shows them.

    Args:
        stored: h w, as decoded.
        said: the data set, with what is said of this frame at its top.
        window: that was asked for.
        name: of the image, for sentences.

    Raises:
        ImageError: there is no such window, none where one is needed, or one that shows nothing.
    """
    from pydicom.pixels.processing import apply_modality_lut

    values = np.asarray(apply_modality_lut(_used_bits(stored, said), said), dtype=np.float64)
    if not np.isfinite(values).all():
        raise ImageError(f"{name} holds NaN or infinite values; replace them.")
    shown = _shown(values, said, window, name)
    inverted, notes = _inverted(said)
    grey = 1 - shown.values if inverted else shown.values
    even = (f"in its window the whole image is {shown.values.flat[0]:.0%} of white",)
    flat = even if np.ptp(shown.values) == 0 else ()
    return Grey(grey, replace(shown.window, inverted=inverted), (*shown.notes, *notes, *flat))


def in_levels(values: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Grey in [0, 1] as whole numbers of 16 bits."""
    return np.floor(np.round(values * LEVELS, FINE) + 0.5).astype(np.uint16)


def windowed(
    values: NDArray[np.float64], centre: float, width: float, function: str
) -> NDArray[np.float64]:
    """Values to [0, 1] by pydicom's windowing, whose output is that of an image of one bit."""
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_windowing

    asked = Dataset()
    asked.PhotometricInterpretation = "MONOCHROME2"
    asked.PixelRepresentation, asked.BitsStored = 0, 1
    asked.WindowCenter, asked.WindowWidth, asked.VOILUTFunction = centre, width, function
    return np.asarray(apply_windowing(values, asked), dtype=np.float64)


def _shown(values: NDArray[np.float64], said: Any, window: Window, name: str) -> Grey:  # noqa: ANN401
    """The values in a window of the file, in one that was given, or in the whole range."""
    function = str(said.get("VOILUTFunction") or "LINEAR").strip().upper()
    tables, own = _tables(said), _windows(said)
    if isinstance(window, tuple):
        made = DicomWindow("declared", None, float(window[0]), float(window[1]), function)
        return _in_window(values, made, name)
    number, known = window or 1, len(tables) + len(own)
    if known == 0 and window is None:
        return _in_range(values, said, name)
    if number > known:
        raise ImageError(
            f"{name} names {known or 'no'} {'window' if known == 1 else 'windows'}, and --window "
            f"is {number}; {SAY}."
        )
    if number <= len(tables):  # as in pydicom, a table of the file goes before its windows
        return _in_table(values, tables[number - 1], number, name)
    centre, width = own[number - 1 - len(tables)]
    return _in_window(values, DicomWindow("file", number, centre, width, function), name)


SAY = "say how its values become grey with --window CENTRE,WIDTH, in its units"


def _in_window(values: NDArray[np.float64], window: DicomWindow, name: str) -> Grey:
    centre, width, function = window.centre, window.width, window.function
    try:
        shown = windowed(values, float(centre or 0), float(width or 0), str(function))
    except ValueError as error:
        raise ImageError(
            f"{name} has the window {centre:g},{width:g} ({function}), which is none; {SAY}."
        ) from error
    return Grey(shown, window)


def _in_table(values: NDArray[np.float64], table: Any, number: int, name: str) -> Grey:  # noqa: ANN401
    """The values through a VOI LUT, whose highest output is white."""
    count, first, bits = (int(value) for value in table.LUTDescriptor)
    data = table.LUTData
    kind = "<u1" if isinstance(data, bytes) and len(data) == count else "<u2"
    entries = np.frombuffer(data, kind) if isinstance(data, bytes) else np.asarray(data)
    if not 8 <= bits <= 16 or len(entries) < (count or 2**16):
        raise ImageError(f"{name} has a VOI LUT that is not whole; {SAY}.")
    entries = entries[: count or 2**16]
    full = 2**bits - 1
    if not EIGHTH * full <= entries.max() <= full:
        raise ImageError(
            f"{name} has a VOI LUT whose highest entry is {entries.max()}, where {bits} bits "
            f"reach {full}; {SAY}."
        )
    place = np.clip(np.rint(values) - first, 0, len(entries) - 1).astype(np.int64)
    return Grey(entries[place] / full, DicomWindow("table", number))


def _in_range(values: NDArray[np.float64], said: Any, name: str) -> Grey:  # noqa: ANN401
    """The values in all that the file can hold, where it says nothing of a window.

    Raises:
        ImageError: it is CT, whose range says nothing, or it uses little of its range.
    """
    lowest, highest = float(values.min()), float(values.max())
    hint = f"its values reach from {lowest:g} to {highest:g}"
    if said.get("Modality") == "CT":
        raise ImageError(
            f"{name} is CT and names no window ({hint}); {SAY}, as in --window 40,400."
        )
    low, high = _range(said)
    bits = int(said.BitsStored)
    if bits > 8 and highest - lowest < EIGHTH * (high - low):
        raise ImageError(
            f"{name} names no window and would have almost no contrast: {hint}, where {bits} bits "
            f"reach from {low:g} to {high:g}; {SAY}."
        )
    return Grey(np.clip((values - low) / (high - low), 0, 1), DicomWindow("range"))


def _range(said: Any) -> tuple[float, float]:  # noqa: ANN401  a Dataset
    """The lowest and highest value that the file can hold, after the modality LUT."""
    bits, signed = int(said.BitsStored), bool(said.PixelRepresentation)
    if said.get("ModalityLUTSequence"):
        return 0.0, 2.0 ** int(said.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)
    slope, intercept = said.get("RescaleSlope"), said.get("RescaleIntercept")
    if slope is not None and intercept is not None:
        low, high = sorted(float(v) * float(slope) + float(intercept) for v in (low, high))
    return low, high


def _used_bits(stored: NDArray[Any], said: Any) -> NDArray[Any]:  # noqa: ANN401  a Dataset
    """The values without what older files keep in the bits above: overlays."""
    bits, width = int(said.BitsStored), stored.dtype.itemsize * 8
    if stored.dtype.kind not in "iu" or bits >= width or int(said.HighBit) != bits - 1:
        return stored
    shift = width - bits
    used: NDArray[Any] = np.right_shift(np.left_shift(stored, shift), shift)
    return used  # of signed values with their sign


def _inverted(said: Any) -> tuple[bool, tuple[str, ...]]:  # noqa: ANN401  a Dataset
    """Whether low values are shown bright, and a note where the file contradicts itself."""
    first = said.PhotometricInterpretation == "MONOCHROME1"
    shape = str(said.get("PresentationLUTShape") or "").strip().upper()
    if not shape or (shape == "INVERSE") == first:
        return first, ()
    return first, (
        f"the file says {said.PhotometricInterpretation} and a presentation LUT shape of {shape}, "
        "which contradict each other; the first was followed, as most viewers do",
    )


def _windows(said: Any) -> list[tuple[float, float]]:  # noqa: ANN401  a Dataset
    centres, widths = (_numbers(said.get(key)) for key in ("WindowCenter", "WindowWidth"))
    return list(zip(centres, widths, strict=False))


def _numbers(value: Any) -> list[float]:  # noqa: ANN401  one number or several
    if value is None or value == "":
        return []
    several = isinstance(value, Sequence) and not isinstance(value, str)
    return [float(v) for v in (value if several else [value])]


def _tables(said: Any) -> list[Any]:  # noqa: ANN401  a Dataset
    whole = ("LUTDescriptor", "LUTData")
    return [t for t in said.get("VOILUTSequence") or () if all(key in t for key in whole)]
