"""DICOM files in folders, whatever they are called: which are images, and in which order."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from med_cam.errors import ImageError
from med_cam.images.dicom_file import BROKEN, DIRECTORY, NO_IMAGES, is_dicom, no_image
from med_cam.images.foreign import HEAD
from med_cam.images.overheard import overheard

UNREAD = "DICOM file"  # of which nothing is known, where pydicom is not installed
TAGS = [
    "SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "InstanceNumber",
    "ImagePositionPatient", "ImageOrientationPatient", "Rows",
]  # fmt: skip
SHORT = {  # SOP class by the beginning of its UID: how it is counted
    uid: words.partition("(")[2].rstrip(")") or words.removeprefix("a ").removeprefix("an ")
    for uid, words in NO_IMAGES.items()
}


@dataclass(frozen=True, slots=True)
class Listed:
    """A DICOM file of a folder.

    Attributes:
        kind: what is said of it where it is left out; "" for an image.
        place: by which images are sorted: study, series, position along the slices.
        directory: whether it is a DICOMDIR.
        numbers: of series and image; 0 for one that is not said.
    """

    kind: str = ""
    place: tuple[Any, ...] = ()
    directory: bool = False
    numbers: tuple[int, int] = (0, 0)


def listed(path: Path) -> Listed | None:
    """What a file of a folder is; None if it is no DICOM file.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not is_dicom(head):
        return None
    try:
        import pydicom
    except ImportError:
        return Listed(UNREAD)
    try:
        with overheard(tiff=False, log="pydicom"):
            found = pydicom.dcmread(path, stop_before_pixels=True, force=True, specific_tags=TAGS)
        left_out = no_image(found) and not _cut_short(found)
        return Listed(
            kind=_short(found) if left_out else "",
            place=_place(found),
            directory=DIRECTORY in _kinds(found),
            numbers=(_number(found.get("SeriesNumber")), _number(found.get("InstanceNumber"))),
        )
    except (*BROKEN, pydicom.errors.InvalidDicomError, ImageError):
        return Listed()  # reading it says what is wrong with it


def _cut_short(found: Any) -> bool:  # noqa: ANN401  a pydicom Dataset
    """Whether it has no image although it says that it is one, or says nothing of what it is."""
    from pydicom.uid import UID

    kinds = [UID(kind) for kind in _kinds(found) if kind]
    return not kinds or "Image Storage" in kinds[0].name


def _kinds(found: Any) -> tuple[str, str]:  # noqa: ANN401  a pydicom Dataset
    meta = getattr(found, "file_meta", None) or {}
    return str(found.get("SOPClassUID", "")), str(meta.get("MediaStorageSOPClassUID", ""))


def _short(found: Any) -> str:  # noqa: ANN401  a pydicom Dataset
    kind = next(filter(None, _kinds(found)), "")
    fitting = [uid for uid in SHORT if kind == uid or kind.startswith(f"{uid}.")]
    return f"DICOM file ({SHORT[max(fitting, key=len)] if fitting else 'no image'})"


def _place(found: Any) -> tuple[Any, ...]:  # noqa: ANN401  a pydicom Dataset
    """Study, series, how far along the normal of its plane, number of the image."""
    return (
        str(found.get("StudyInstanceUID", "")),
        _number(found.get("SeriesNumber")),
        str(found.get("SeriesInstanceUID", "")),
        _along(found.get("ImagePositionPatient"), found.get("ImageOrientationPatient")),
        _number(found.get("InstanceNumber")),
    )


def _along(position: Any, orientation: Any) -> float:  # noqa: ANN401  lists of numbers or None
    """Millimetres along the normal of the image's plane, to 1/1000; 0 where that is not known."""
    if position is None or orientation is None or len(position) != 3 or len(orientation) != 6:
        return 0.0
    x, y, z, u, v, w = (float(value) for value in orientation)
    normal = (y * w - z * v, z * u - x * w, x * v - y * u)
    return round(sum(float(p) * n for p, n in zip(position, normal, strict=True)), 3)


def _number(value: Any) -> int:  # noqa: ANN401  a number, text or nothing
    return int(value) if value not in (None, "") else 0
