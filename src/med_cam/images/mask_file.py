"""A mask as a 1-bit PNG in memory, and back, bit for bit: what is verified is what is exported."""

import struct
import zlib
from io import BytesIO

import numpy as np
import torch
from jaxtyping import Bool
from PIL import Image as Picture
from PIL.PngImagePlugin import PngImageFile
from torch import Tensor

from med_cam.errors import ImageError

# What Pillow raises on bytes that are not, or not wholly, a PNG.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)


def mask_png(mask: Bool[Tensor, "h w"]) -> bytes:
    """The mask as a 1-bit PNG of the same size, white = true.

    Raises:
        ImageError: the mask has no pixel.
    """
    if mask.numel() == 0:
        raise ImageError(
            f"a mask of {mask.shape[0]} x {mask.shape[1]} pixels cannot be saved as PNG; "
            "give an image with at least one pixel"
        )
    buffer = BytesIO()
    Picture.fromarray(mask.cpu().numpy()).save(buffer, format="PNG", bits=1)
    return buffer.getvalue()


def mask_from_png(data: bytes) -> Bool[Tensor, "h w"]:
    """Read a 1-bit PNG again, white = true.

    Raises:
        ImageError: the bytes are no PNG, are cut short, or hold more than one bit a pixel.
    """
    try:
        # Not Picture.open: its pixel limit is for unknown files; a mask is as large as the image
        # that was explained, and was accepted then.
        with PngImageFile(BytesIO(data)) as picture:
            mode, pixels = picture.mode, np.array(picture)
    except BROKEN as error:
        raise ImageError(
            f"the mask is not a complete PNG file ({error}); export it again"
        ) from error
    if mode != "1":
        raise ImageError(
            f"the mask PNG has pixels of kind {mode!r}, not 1 bit each; save it as a 1-bit PNG "
            "with white for evidence"
        )
    return torch.from_numpy(pixels)
