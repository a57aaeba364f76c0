"""The image that was explained, as a file of the result, so that every claim can be re-checked."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.geometry import Image
from med_cam.images.read import SUFFIXES, read_image

PIXELS_FILE = "source.npy"
SOURCE_FILES = frozenset({"source", PIXELS_FILE, *(f"source{suffix}" for suffix in SUFFIXES)})


@dataclass(frozen=True, slots=True)
class Source:
    """A file's name and its bytes; without a name it is not kept."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def source_of(image: Image) -> Source:
    """The image's own file, if the pixels are what is in it; else the pixels.

    Pixels are saved for an image made in memory, one cut from a larger file, or one changed after
    it was read.

    Raises:
        OutputError: the file is gone, or is not the one that was read.
        ImageError: the file cannot be read any more.
    """
    if not image.sha256:
        return Source(PIXELS_FILE, pixels_file(image.pixels))
    content = unchanged_content(image)
    path, channels = Path(image.path), image.pixels.shape[0]
    again = read_image(path, channels=channels, white=image.white)
    if not torch.equal(again.pixels, image.pixels.cpu()):
        return Source(PIXELS_FILE, pixels_file(image.pixels))
    suffix = path.suffix.lower()
    return Source(f"source{suffix if suffix in SUFFIXES else ''}", content)


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
        raise OutputError(
            f"{image.path} was changed while it was explained; explain it again as it is now"
        )
    return content
