"""Which part of a mask each pixel is in, as a 16-bit PNG in memory, and back, bit for bit."""

from io import BytesIO

import numpy as np
import torch
from jaxtyping import Int
from PIL import Image as Picture
from PIL.PngImagePlugin import PngImageFile
from torch import Tensor

from med_cam.errors import ImageError
from med_cam.images.mask_file import BROKEN

MOST = 2**16 - 1  # parts


def labels_png(labels: Int[Tensor, "h w"]) -> bytes:
    """The numbers as a grey PNG of 16 bits; 0 is no part.

    Raises:
        ImageError: a number is more than 16 bits hold.
    """
    if labels.numel() and int(labels.max()) > MOST:
        raise ImageError(f"a mask of {int(labels.max())} parts cannot be saved; {MOST} can")
    buffer = BytesIO()
    Picture.fromarray(labels.cpu().numpy().astype(np.uint16)).save(buffer, format="PNG")
    return buffer.getvalue()


def labels_from_png(content: bytes) -> Int[Tensor, "h w"]:
    """Read a grey PNG of 16 bits again.

    Raises:
        ImageError: the bytes are no PNG, are cut short, or have other pixels.
    """
    try:
        with PngImageFile(BytesIO(content)) as picture:
            mode, pixels = picture.mode, np.array(picture)
    except BROKEN as error:
        raise ImageError(f"it is not a complete PNG file ({error}); explain it again") from error
    if mode not in ("I;16", "I"):
        raise ImageError(f"it has pixels of kind {mode!r}, not 16 bits of grey")
    return torch.from_numpy(pixels.astype(np.int64))
