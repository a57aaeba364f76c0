"""A DICOM file to pixels as a viewer shows them, and to what is saved of it.

Grey: modality LUT, then window or VOI LUT, then presentation (`dicom_grey`). Colour: palettes and
YBR become RGB. Pixels that are not square are not resampled, overlays are not drawn, and text
that is burnt in stays: each is a note.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from med_cam.errors import ImageError, first_line
from med_cam.images.budget import refuse_beyond
from med_cam.images.damage import damaged
from med_cam.images.dicom_file import BROKEN, dataset_of, decoder_lacks
from med_cam.images.dicom_frame import frame_of, with_frame
from med_cam.images.dicom_grey import LEVELS, Grey, grey_of, in_levels
from med_cam.images.dicom_image import DicomImage, DicomWindow
from med_cam.images.overheard import overheard
from med_cam.images.part import Part

SQUARE = 0.01  # sides of pixels may differ by so much of the shorter one
GREY = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True, slots=True)
class DicomPicture:
    """What was read of a DICOM file.

    Attributes:
        values: h w or h w 3, float32, in [0, 1]: whole numbers of 65535ths, of colour with 8
            bits of 255ths.
        image: what is saved of it.
        notes: what a reader must know of how it was read.
    """

    values: NDArray[np.float32]
    image: DicomImage
    notes: tuple[str, ...] = ()


def read_dicom(content: bytes, name: str, part: Part, budget: int) -> DicomPicture:
    """One frame of a DICOM file.

    Args:
        content: of the file.
        name: of the image, for sentences.
        part: which frame, in which window.
        budget: bytes of memory that it may take.

    Raises:
        ImageError: pydicom or a decoder is not installed, the file is damaged, holds no image,
            several frames of which none is named, or values without a window that need one.
    """
    with overheard(tiff=False, log="pydicom") as said:
        found = dataset_of(content, name)
        frame = frame_of(found, part, name)
        refuse_beyond(name, (int(found.Rows), int(found.Columns)), len(content), budget=budget)
        flat = with_frame(found, frame)
        stored = _decoded(found, frame, name)
        if found.PhotometricInterpretation in GREY:
            grey = grey_of(stored, flat, part.window, name)
            values = in_levels(grey.values).astype(np.float32) / np.float32(LEVELS)
        else:
            values, grey = _colours(stored, found, name)
    odd = f"the file breaks rules of DICOM (warnings of pydicom: {len(said)})" if said else ""
    notes = (*grey.notes, *_notes(flat), *filter(None, [odd]))  # what it warns of may be a name
    return DicomPicture(values, _image(flat, frame, grey.window), notes)


def _decoded(found: Any, frame: int | None, name: str) -> NDArray[Any]:  # noqa: ANN401  a Dataset
    """The values of one frame as they are stored; YBR as RGB.

    Raises:
        ImageError: no decoder is installed, or the data are damaged.
    """
    from pydicom.pixels.utils import pixel_array

    if lacks := decoder_lacks(found):
        raise ImageError(f"{name} is {lacks}.")
    try:
        values = pixel_array(found, index=(frame or 1) - 1)
    except BROKEN as error:
        reason = first_line(error).rstrip(":")
        raise damaged(name, f"its pixel data: {reason[:160]}") from error
    size, grey = (int(found.Rows), int(found.Columns)), found.PhotometricInterpretation in GREY
    palette = found.PhotometricInterpretation == "PALETTE COLOR"
    if values.shape != (size if grey or palette else (*size, 3)):
        raise ImageError(
            f"{name} has pixels of shape {values.shape} and is "
            f"{found.PhotometricInterpretation}; save it as grey or RGB."
        )
    return np.asarray(values)


def _colours(stored: NDArray[Any], found: Any, name: str) -> tuple[NDArray[np.float32], Grey]:  # noqa: ANN401
    """RGB in [0, 1], with as many levels as the file has."""
    from pydicom.pixels.processing import apply_color_lut

    values, bits = stored, int(found.BitsStored)
    if found.PhotometricInterpretation == "PALETTE COLOR":
        try:
            values = apply_color_lut(stored, found)
        except BROKEN as error:
            raise damaged(name, f"its palette: {first_line(error)}") from error
        bits = int(found.RedPaletteColorLookupTableDescriptor[2])
    full = 2**bits - 1
    shown = np.clip(values / full, 0, 1)
    if full > 255:  # PNG has no colour of more bits that would be read back, so 65535ths
        shown = in_levels(shown) / LEVELS
    return shown.astype(np.float32), Grey(shown, DicomWindow("colour"))


def _notes(said: Any) -> tuple[str, ...]:  # noqa: ANN401  a Dataset
    """What a reader must know besides: burnt-in text, overlays, pixels that are not square."""
    notes = []
    if str(said.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        notes.append(
            "the file says that text is burnt into its pixels (BurnedInAnnotation): it was not "
            "removed, the classifier sees it, and it may name the patient"
        )
    if any(0x6000 <= element.tag.group <= 0x60FF for element in said):
        notes.append("the file has an overlay, which is not part of its pixels and was not drawn")
    if (ratio := _ratio(said)) is not None:
        notes.append(
            f"its pixels are not square (height to width as {ratio:.3g} to 1): the classifier "
            "sees them as if they were"
        )
    return tuple(notes)


def _ratio(said: Any) -> float | None:  # noqa: ANN401  a Dataset
    """Height to width of a pixel, where they differ."""
    sides = (
        said.get("PixelSpacing") or said.get("ImagerPixelSpacing") or said.get("PixelAspectRatio")
    )
    if not sides or len(sides) != 2 or float(sides[1]) <= 0 or float(sides[0]) <= 0:
        return None
    ratio = float(sides[0]) / float(sides[1])
    return ratio if max(ratio, 1 / ratio) > 1 + SQUARE else None


def _image(said: Any, frame: int | None, window: DicomWindow) -> DicomImage:  # noqa: ANN401
    """What is saved: numbers and UIDs, nothing in a person's words."""
    return DicomImage(
        study=_word(said, "StudyInstanceUID"),
        series=_word(said, "SeriesInstanceUID"),
        instance=_word(said, "SOPInstanceUID"),
        sop_class=_word(said, "SOPClassUID"),
        modality=_word(said, "Modality"),
        series_number=_whole(said, "SeriesNumber"),
        instance_number=_whole(said, "InstanceNumber"),
        frame=frame,
        window=window,
        spacing=_numbers(said, "PixelSpacing", 2),  # type: ignore[arg-type]
        position=_numbers(said, "ImagePositionPatient", 3),  # type: ignore[arg-type]
        orientation=_numbers(said, "ImageOrientationPatient", 6),  # type: ignore[arg-type]
        frame_of_reference=_word(said, "FrameOfReferenceUID") or None,
        laterality=next(
            (
                word
                for key in ("FrameLaterality", "ImageLaterality", "Laterality")
                if (word := _word(said, key))
            ),
            None,
        ),
    )


def _word(said: Any, key: str) -> str:  # noqa: ANN401  a Dataset
    return "".join(c for c in str(said.get(key) or "").strip()[:64] if c.isalnum() or c in "._ ")


def _whole(said: Any, key: str) -> int | None:  # noqa: ANN401  a Dataset
    value = said.get(key)
    return None if value in (None, "") else int(value)


def _numbers(said: Any, key: str, count: int) -> tuple[float, ...] | None:  # noqa: ANN401
    values = said.get(key)
    if values is None or isinstance(values, str) or len(values) != count:
        return None
    numbers = tuple(float(value) for value in values)
    return numbers if all(abs(value) < float("inf") for value in numbers) else None
