"""Bytes to a DICOM data set that holds an image, or one sentence why there is none."""

import struct
import zlib
from io import BytesIO
from typing import Any

from med_cam.errors import ImageError, first_line
from med_cam.images.damage import damaged
from med_cam.images.foreign import HEAD, is_headless_dicom

BROKEN = (  # what pydicom raises on damaged files
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
    RuntimeError, struct.error, zlib.error,
)  # fmt: skip
EXTRA = 'pip install "med-cam-evidence[dicom]"'
DIRECTORY = "1.2.840.10008.1.3.10"
NO_IMAGES = {  # SOP classes by the beginning of their UID that are found beside images
    DIRECTORY: "a directory of DICOM files (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.66.7": "a segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.30": "a parametric map",
    "1.2.840.10008.5.1.4.1.1.66": "raw data or a registration",
    "1.2.840.10008.5.1.4.1.1.67": "a real world value mapping",
    "1.2.840.10008.5.1.4.1.1.481.2": "a radiotherapy dose (RTDOSE)",
    "1.2.840.10008.5.1.4.1.1.481.3": "a radiotherapy structure set (RTSTRUCT)",
    "1.2.840.10008.5.1.4.1.1.481.5": "a radiotherapy plan (RTPLAN)",
    "1.2.840.10008.5.1.4.1.1.88": "a structured report (SR)",
    "1.2.840.10008.5.1.4.1.1.104.1": "an encapsulated PDF",
    "1.2.840.10008.5.1.4.1.1.104": "an encapsulated document",
    "1.2.840.10008.5.1.4.1.1.11": "a presentation state",
    "1.2.840.10008.5.1.4.1.1.9": "a waveform",
}
TILED = "1.2.840.10008.5.1.4.1.1.77.1.6"
DECODERS = {  # what the extra brings, by the beginning of the transfer syntax's UID
    "1.2.840.10008.1.2.4.9": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.20": "pylibjpeg pylibjpeg-openjpeg",
    "1.2.840.10008.1.2.4.8": "pyjpegls",
    "1.2.840.10008.1.2.4.5": "python-gdcm",
    "1.2.840.10008.1.2.4.7": "python-gdcm",
}


def is_dicom(content: bytes) -> bool:
    """Whether the bytes begin as DICOM does, with its preamble or without."""
    head = content[:HEAD]
    return head.startswith(b"DICM", 128) or is_headless_dicom(head)


def require_pydicom(name: str) -> Any:  # noqa: ANN401  a module
    """The package that reads DICOM.

    Raises:
        ImageError: it is not installed; the sentence says what to install.
    """
    try:
        import pydicom
        import pydicom.pixels
    except ImportError as error:
        raise ImageError(
            f"{name} is a DICOM file, and the packages that read it are not installed; {EXTRA}."
        ) from error
    return pydicom


def dataset_of(content: bytes, name: str) -> Any:  # noqa: ANN401  a pydicom Dataset
    """The data set of a file that holds an image.

    Raises:
        ImageError: it is damaged, holds no image, or a whole slide.
    """
    found = parsed(content, name)
    if words := no_image(found):
        raise ImageError(f"{name} is {words}, no image to explain; name the image itself.")
    kind = str(found.get("SOPClassUID", ""))
    if kind == TILED:
        raise ImageError(
            f"{name} is a whole slide in DICOM, which is not read whole; export the region to "
            "explain as PNG or TIFF."
        )
    lacking = [key for key in ("Rows", "Columns", "BitsStored") if not found.get(key)]
    if lacking or not any(key in found for key in PIXELS):
        raise damaged(name, f"it has no {(lacking or ['PixelData'])[0]}")
    return found


PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def parsed(content: bytes, name: str, *, pixels: bool = True) -> Any:  # noqa: ANN401
    """The data set of a file; with `pixels` false only what stands before them.

    Raises:
        ImageError: pydicom is not installed, or the file cannot be taken apart.
    """
    pydicom = require_pydicom(name)
    force = not content.startswith(b"DICM", 128)
    try:
        found = pydicom.dcmread(BytesIO(content), force=force, stop_before_pixels=not pixels)
        _with_syntax(found, pydicom)
        found.walk(lambda _, element: element.value)  # every value is decoded now, or fails here
    except (*BROKEN, pydicom.errors.InvalidDicomError) as error:
        reason = first_line(error)
        raise damaged(name, f"its DICOM data: {reason[:120]}") from error
    return found


def no_image(found: Any) -> str:  # noqa: ANN401  a pydicom Dataset
    """What a data set is that is found beside images; "" if it may be one itself."""
    meta = getattr(found, "file_meta", None) or {}
    kind = str(found.get("SOPClassUID", "") or meta.get("MediaStorageSOPClassUID", ""))
    fitting = [uid for uid in NO_IMAGES if kind == uid or kind.startswith(f"{uid}.")]
    if fitting:
        return NO_IMAGES[max(fitting, key=len)]
    if "Rows" not in found:  # as private reports, and files of which nothing is known
        return "a DICOM file without an image"
    return ""


def decoder_lacks(found: Any) -> str:  # noqa: ANN401  a pydicom Dataset
    """What to say where nothing installed decodes these pixels; "" where something does."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = found.file_meta.TransferSyntaxUID
    try:
        if get_decoder(syntax).is_available:
            return ""
    except NotImplementedError:
        pass
    known = next((p for uid, p in DECODERS.items() if str(syntax).startswith(uid)), "")
    cure = f"pip install {known}" if known else "export it without compression"
    return f"compressed as {syntax.name}, and no decoder for that is installed; {cure}"


def _with_syntax(found: Any, pydicom: Any) -> None:  # noqa: ANN401
    """Say how the pixels are written where the file lacks the group that says it."""
    if not hasattr(found, "file_meta"):
        found.file_meta = pydicom.dataset.FileMetaDataset()
    if "TransferSyntaxUID" in found.file_meta:
        return
    implicit, little = found.original_encoding
    uid = pydicom.uid
    explicit = uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian
    found.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian if implicit else explicit
