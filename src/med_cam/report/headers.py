"""The size that a picture's first bytes say it has: nothing of it is decoded."""

import math
import warnings
from io import BytesIO

import numpy as np
import PIL.Image
from PIL.PngImagePlugin import PngImageFile

from med_cam.images.decode import DAMAGED, FORMATS

PNG = b"\x89PNG\r\n\x1a\n"
ARRAY = b"\x93NUMPY"
BROKEN = (*DAMAGED, RecursionError, MemoryError, PIL.Image.DecompressionBombError)


def size_said(content: bytes) -> tuple[int, int] | None:
    """Rows and columns of a picture or an array; None if it has no header that is understood.

    What has none is not decoded either: whoever reads it says what is wrong with it.
    """
    if content.startswith(ARRAY):
        return _size_of_array(content)
    try:
        if content.startswith(PNG):  # however large: Picture.open would not say
            with PngImageFile(BytesIO(content)) as picture:
                return picture.height, picture.width
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with PIL.Image.open(BytesIO(content), formats=FORMATS) as other:
                return other.height, other.width
    except BROKEN:
        return None


def _size_of_array(content: bytes) -> tuple[int, int]:
    """Of c h w floats, with as many bytes as these take; no pixel if it is another array."""
    file = BytesIO(content)
    try:
        first = np.lib.format.read_magic(file) == (1, 0)
        shape, turned, kind = np.lib.format.read_array_header_1_0(file)
    except BROKEN:
        return 0, 0
    whole = file.tell() + 4 * math.prod(shape) == len(content)
    ours = first and len(shape) == 3 and shape[0] in (1, 3) and not turned and kind == np.float32
    return (shape[1], shape[2]) if ours and whole else (0, 0)
