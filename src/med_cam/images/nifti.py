"""One slice of a NIfTI volume to pixels, laid out as radiologists see it.

By the affine: axial slices with the front of the body up, coronal and sagittal ones with the head
up; the patient's right, or front, to the left. Where the file does not say how the volume lies,
the first axis left runs to the right and the other one down.
"""

import gzip
import io
import math
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from med_cam.errors import ImageError, first_line
from med_cam.images.budget import refuse_beyond
from med_cam.images.damage import damaged
from med_cam.images.foreign import HEAD, is_nifti
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.overheard import overheard
from med_cam.images.part import Part
from med_cam.images.white import Range, White, note_on, unit

EXTRA = 'pip install "med-cam-evidence[nifti]"'
GZIP = b"\x1f\x8b"
PLANES = {
    "sagittal": 0,
    "coronal": 1,
    "axial": 2,
}  # the direction in space that they are cut across
VOLUMES = (".nii", ".nii.gz")  # how files are called
SQUARE = 0.01  # sides of pixels may differ by so much of the shorter one
HOW = "--slice AXIS=INDEX, as in --slice axial=80 or 2=80"


@dataclass(frozen=True, slots=True)
class NiftiPicture:
    """What was read: values h w in [0, 1], where they lie, and what a reader must know."""

    values: NDArray[np.float32]
    slice: NiftiSlice
    notes: tuple[str, ...] = ()


def holds_nifti(content: bytes) -> bool:
    """Whether the bytes begin as a NIfTI file does, compressed or not."""
    return is_nifti(_unpacked(content[:HEAD], HEAD) if content.startswith(GZIP) else content)


def is_called_volume(path: Path) -> bool:
    """Whether a file has the name of a NIfTI volume."""
    return path.name.lower().endswith(VOLUMES)


def read_nifti(content: bytes, name: str, part: Part, white: White, budget: int) -> NiftiPicture:
    """One slice of a volume.

    Args:
        content: of the file.
        name: of the image, for sentences.
        part: which slice, in which window.
        white: the value that is white, where no window is declared.
        budget: bytes of memory that it may take.

    Raises:
        ImageError: nibabel is not installed, the file is damaged or too large, no slice is named
            or there is no such slice, it has more than three axes, or values without a range.
    """
    with overheard(tiff=False, log="nibabel.global") as said:
        found = _read(content, name, part, white, budget)
    return replace(found, notes=(*found.notes, *said))


def _read(content: bytes, name: str, part: Part, white: White, budget: int) -> NiftiPicture:
    volume = _volume(content, name, budget)
    shape = tuple(int(side) for side in volume.shape)
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3:
        raise ImageError(
            f"{name} is a volume of {len(shape)} axes {shape}; save the one volume of three axes "
            "that is to be explained."
        )
    where = _where(volume, shape, part, name)
    height, width = shape[where.rows_axis], shape[where.columns_axis]
    refuse_beyond(name, (height, width), len(content), budget=budget)
    place = tuple(where.index if axis == where.axis else slice(None) for axis in range(3))
    try:
        plane = np.asarray(volume.dataobj[place + (0,) * (len(volume.shape) - 3)])
    except Exception as error:
        raise damaged(name, first_line(error)) from error
    values, notes = _grey(_laid(plane, where), volume, part, white, name)
    return NiftiPicture(values, where, (*notes, *_shape_note(where)))


def laid_back(mask: NDArray[np.bool_], where: NiftiSlice) -> NDArray[np.bool_]:
    """The mask of a slice as a volume of the shape of the file's; inverts how it was laid out."""
    rows = mask[::-1] if where.rows_reversed else mask
    plane = rows[:, ::-1] if where.columns_reversed else rows
    plane = plane.T if where.columns_axis < where.rows_axis else plane
    volume = np.zeros(where.shape, dtype=np.bool_)
    volume[tuple(where.index if axis == where.axis else slice(None) for axis in range(3))] = plane
    return volume


def _laid(plane: NDArray[Any], where: NiftiSlice) -> NDArray[Any]:
    """The values of a slice, its axes in the order of the volume, as rows and columns."""
    values = plane.T if where.columns_axis < where.rows_axis else plane
    values = values[::-1] if where.rows_reversed else values
    return values[:, ::-1] if where.columns_reversed else values


def _volume(content: bytes, name: str, budget: int) -> Any:  # noqa: ANN401  nibabel's
    """The volume, its values not yet decoded.

    Raises:
        ImageError: as `read_nifti` says.
    """
    try:
        from nibabel import Nifti1Image, Nifti2Image
    except ImportError as error:
        raise ImageError(
            f"{name} is a NIfTI volume, and nibabel is not installed; {EXTRA}."
        ) from error
    try:
        plain = _unpacked(content, budget + 1) if content.startswith(GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(name, first_line(error)) from error
    if len(plain) > budget:
        raise ImageError(
            f"{name} takes more than the {budget / 2**30:.3g} GiB that one image may take; cut "
            "out the slices to explain."
        )
    if plain[344:347] == b"ni1":
        raise ImageError(
            f"{name} is the header of a NIfTI pair; save header and values in one file."
        )
    kind = Nifti2Image if plain[4:6] == b"n+" else Nifti1Image
    try:
        volume: Any = kind.from_stream(io.BytesIO(plain))
    except Exception as error:
        raise damaged(name, first_line(error)) from error
    size = math.prod(volume.shape) * np.dtype(volume.get_data_dtype()).itemsize
    if len(plain) < int(volume.dataobj.offset) + size:
        raise damaged(name, "it ends within its values")
    return volume


def _unpacked(content: bytes, most: int) -> bytes:
    """The first bytes of what a gzip file holds; what is there of one that was cut short."""
    if most <= HEAD:
        try:
            return zlib.decompressobj(wbits=31).decompress(content, most)
        except zlib.error:
            return b""
    with gzip.open(io.BytesIO(content)) as file:
        return file.read(most)


def _where(volume: Any, shape: tuple[int, ...], part: Part, name: str) -> NiftiSlice:  # noqa: ANN401
    """Which slice is asked for, and how it is laid out.

    Raises:
        ImageError: none is named, or there is no such axis or index.
    """
    if part.slice is None:
        raise ImageError(
            f"{name} is a volume of {_sides(shape)} voxels; say which slice with {HOW}."
        )
    word, _, number = part.slice.partition("=")
    placed = int(volume.header["qform_code"]) > 0 or int(volume.header["sform_code"]) > 0
    ways = _directions(volume.affine) if placed else None
    if word in PLANES and ways is None:
        raise ImageError(
            f"{name} does not say how it lies in space (sform_code and qform_code are 0), so that "
            f"{word} has no meaning; name the axis by its number: 0, 1 or 2."
        )
    axis = ways.index(PLANES[word]) if ways is not None and word in PLANES else int(word)
    index = int(number)
    if index >= shape[axis]:
        raise ImageError(
            f"{name} has no slice {part.slice}: that axis has {shape[axis]} slices, from 0 to "
            f"{shape[axis] - 1}."
        )
    first, second = (other for other in range(3) if other != axis)
    columns, rows = first, second
    if ways is not None and ways[first] == 2:  # up and down is never across the image
        columns, rows = second, first
    if ways is not None and {ways[first], ways[second]} == {0, 1}:  # right and left is
        columns, rows = (first, second) if ways[first] == 0 else (second, first)
    flips = tuple(_against(volume.affine, a, ways) for a in (rows, columns))
    flat = tuple(float(value) for value in np.asarray(volume.affine).ravel())
    window = tuple(map(float, part.window)) if isinstance(part.window, tuple) else None
    return NiftiSlice(axis, index, shape, flat, placed, rows, flips[0], columns, flips[1], window)


def _directions(affine: NDArray[np.float64]) -> list[int]:
    """For each axis of the volume the direction in space (x, y, z) that it follows most."""
    from nibabel.orientations import io_orientation

    return [int(way) for way in io_orientation(affine)[:, 0]]


def _against(affine: NDArray[np.float64], axis: int, ways: list[int] | None) -> bool:
    """Whether an axis has to be reversed to run to the left side, the back or the feet."""
    return ways is not None and bool(affine[ways[axis], axis] > 0)  # indices grow to R, A or S


def _grey(
    values: NDArray[Any],
    volume: Any,  # noqa: ANN401  nibabel's
    part: Part,
    white: White,
    name: str,
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Values in [0, 1] by the window, else by what is white.

    Raises:
        ImageError: colours, NaN, or values without a range.
    """
    if values.dtype.kind not in "iuf":
        raise ImageError(f"{name} holds colours or complex numbers; save it as grey values.")
    if not np.isfinite(values).all():
        raise ImageError(f"{name} holds NaN or infinite values; replace them.")
    if isinstance(part.window, int):
        raise ImageError(f"{name} is NIfTI, which names no windows; give --window CENTRE,WIDTH.")
    if part.window is not None:
        centre, width = part.window
        shown = (values.astype(np.float64) - (centre - width / 2)) / width
        return shown.clip(0, 1).astype(np.float32), ()
    found = _range(volume)
    if float(values.min()) < 0:
        raise ImageError(
            f"{name} holds values from {values.min():g} to {values.max():g}, and no NIfTI file "
            "says which are black and white; give --window CENTRE,WIDTH."
        )
    scaled, chosen = unit(values, found, white, name=name)
    return scaled, note_on(chosen, found, values)


def _range(volume: Any) -> Range:  # noqa: ANN401  nibabel's
    """What the file can hold: whole numbers as they are stored, floats where they are scaled."""
    stored = np.dtype(volume.get_data_dtype())
    slope, offset = volume.dataobj.slope, volume.dataobj.inter
    hint = ", or a window with --window CENTRE,WIDTH"
    if stored.kind == "f" or (slope, offset) != (1.0, 0.0):
        return Range(1.0, "floats", hint=hint, deep=True)
    full, bits = float(np.iinfo(stored).max), 8 * stored.itemsize
    signed = "signed " if stored.kind == "i" else ""
    return Range(full, f"{signed}{bits}-bit values", hint=hint, deep=full > 255)


def _shape_note(where: NiftiSlice) -> tuple[str, ...]:
    """What a reader must know of pixels that are not square."""
    affine = np.array(where.affine).reshape(4, 4)
    down, across = (
        float(np.linalg.norm(affine[:3, axis])) for axis in (where.rows_axis, where.columns_axis)
    )
    if min(down, across) <= 0 or max(down / across, across / down) <= 1 + SQUARE:
        return ()
    return (
        f"its pixels are not square (height to width as {down / across:.3g} to 1): the classifier "
        "sees them as if they were",
    )


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
