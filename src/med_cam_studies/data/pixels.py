"""A file of a data set as a small square, squashed to the size of the model input."""

import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image as Pillow, ImageOps
from torch import Tensor

from med_cam.errors import ImageError
from med_cam.images.decode import DAMAGED, DEEP_MODES, FORMATS
from med_cam.images.read import read_image

MODES = {1: "L", 3: "RGB"}


def square(path: Path, *, size: int, channels: int) -> UInt8[Tensor, "c h w"]:
    """One image, grey or in colour, squashed to a square, turned as its camera says.

    Raises:
        ImageError: if the file cannot be decoded to its end.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of many pixels
            whole = upright(path).convert(MODES[channels])
    except (*DAMAGED, Pillow.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read as an image; copy the data set again.") from error
    small = whole.resize((size, size), Pillow.Resampling.BILINEAR)
    return torch.from_numpy(np.array(small).reshape(size, size, channels)).permute(2, 0, 1)


def upright(path: Path) -> Pillow.Image:
    """A picture as viewers show it, with 8 bits per value.

    Raises:
        ImageError: if it has more bits and values out of their range.
        Exception: what Pillow raises on bad files.
    """
    with Pillow.open(path, formats=FORMATS) as image:
        if image.mode not in DEEP_MODES:
            return ImageOps.exif_transpose(image)
    grey = read_image(path, channels=1).pixels[0]  # Pillow would cut 16 bits off at 255
    return Pillow.fromarray((grey * 255).round().byte().numpy())
