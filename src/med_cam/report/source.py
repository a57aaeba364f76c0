"""The image that was explained, as a file of the result, so that every claim can be re-checked."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.decode import SUFFIXES
from med_cam.images.file import sha256_of
from med_cam.images.image import Image
from med_cam.images.read import read_image

PIXELS_FILE = "source.npy"
LEVELS_FILE = "source.png"  # of DICOM and slides: the pixels as they were read, nothing else
DICOM_FILE = "source.dcm"  # the file itself, with all that it says of the patient
SOURCE_FILES = frozenset(
    {"source", PIXELS_FILE, DICOM_FILE, *(f"source{suffix}" for suffix in SUFFIXES)}
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and its bytes; without a name it is not kept.

    `known` is the hash of a file that is too large to be taken into memory for it.
    """

    name: str
    content: bytes
    known: str = ""

    @property
    def sha256(self) -> str:
        """Of the bytes, in hexadecimal."""
        return self.known or hashlib.sha256(self.content).hexdigest()


def source_of(image: Image, *, kept: bool = True, keep_identity: bool = False) -> Source:
    """The image's own file, if the pixels are what is in it; else the pixels.

    Pixels are saved for an image made in memory, one cut from a larger file, or one changed after
    it was read; and of DICOM, whose file names the patient.

    Args:
        image: that was explained.
        kept: whether it will be written; of DICOM that is not, the hash of the file itself is
            wanted, by which the file will be known again.
        keep_identity: keeps of DICOM the file itself.

    Raises:
        OutputError: the file is gone, or is not the one that was read.
        ImageError: the file cannot be read any more.
    """
    if image.slide is not None:
        return _of_slide(image, kept=kept)
    content = unchanged_content(image) if image.sha256 else b""
    volume = image.nifti is not None and kept  # all of it is more than what was explained
    if not content or volume or not _is_whole(image):
        return Source(PIXELS_FILE, pixels_file(image.pixels))
    if image.dicom is not None:
        private = kept and not keep_identity
        return source_of_pixels(image.pixels) if private else Source(DICOM_FILE, content)
    suffix = Path(image.path).suffix.lower()
    return Source(f"source{suffix if suffix in SUFFIXES else ''}", content)


def _of_slide(image: Image, *, kept: bool) -> Source:
    """The pixels of the region; where they are not kept, the hash of the slide.

    Raises:
        OutputError: the slide is gone, or is not the one that was read.
        ImageError: it cannot be read any more.
    """
    if sha256_of(Path(image.path)) != image.sha256:
        raise _changed(image)
    known = "" if kept or not _is_whole(image) else image.sha256
    return Source("source", b"", known) if known else source_of_pixels(image.pixels)


def _changed(image: Image) -> OutputError:
    return OutputError(
        f"{image.path} was changed while it was explained; explain it again as it is now"
    )


def _is_whole(image: Image) -> bool:
    """Whether the pixels are what is in the image's file, read again as it was read."""
    path, channels = Path(image.path), image.pixels.shape[0]
    again = read_image(path, channels=channels, white=image.white, part=image.part)
    return torch.equal(again.pixels, image.pixels.cpu())


def source_of_pixels(pixels: Float[Tensor, "c h w"]) -> Source:
    """Pixels as PNG, grey with 16 bits or colour with 8, where it holds them exactly."""
    grey = bool((pixels == pixels[:1]).all())
    full, kind = (65535, np.uint16) if grey else (255, np.uint8)
    levels = (pixels.cpu().double() * full).round().numpy().astype(kind)
    if not np.array_equal(levels.astype(np.float32) / np.float32(full), pixels.cpu().numpy()):
        return Source(PIXELS_FILE, pixels_file(pixels))
    buffer = BytesIO()
    picture = levels[0] if grey else np.ascontiguousarray(np.moveaxis(levels, 0, 2))
    PIL.Image.fromarray(picture).save(buffer, format="PNG")
    return Source(LEVELS_FILE, buffer.getvalue())


def pixels_file(pixels: Float[Tensor, "c h w"]) -> bytes:
    """The pixels as they are, in NumPy's format: c h w, 32-bit floats."""
    buffer = BytesIO()
    np.save(buffer, pixels.detach().cpu().numpy().astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def unchanged_content(image: Image) -> bytes:
    """The bytes of an image's file.

    Raises:
        OutputError: it is gone, or was changed since the image was read.
    """
    try:
        content = Path(image.path).read_bytes()
    except OSError as error:
        raise OutputError(
            f"{image.path} cannot be copied to its result ({error.strerror or error}); leave it "
            "where it is until it is explained"
        ) from error
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise _changed(image)
    return content
