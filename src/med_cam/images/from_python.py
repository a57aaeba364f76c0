"""One image in any form that a program in Python has: an Image, a file, an array, of Pillow."""

from pathlib import Path
from typing import TypeAlias

import numpy as np
import PIL.Image
import torch
from PIL import ImageOps
from torch import Tensor

from med_cam.config.given import given, refuse_other
from med_cam.errors import ConfigError, ImageError, first_line
from med_cam.images.channels import channels_first
from med_cam.images.damage import damaged
from med_cam.images.decode import DAMAGED, DEEP_MODES, upright
from med_cam.images.from_array import image_from_array
from med_cam.images.image import Image
from med_cam.images.part import WHOLE, Part
from med_cam.images.read import read_image
from med_cam.images.white import Range, White

AnyImage: TypeAlias = Image | str | Path | np.ndarray | Tensor | PIL.Image.Image
ANY_IMAGE = "an Image, the path of a file, a NumPy array, a tensor or a PIL image"
NAME = "The PIL image"


def image_of(
    image: AnyImage, *, channels: int = 3, white: White = None, part: Part = WHOLE
) -> Image:
    """The image, its values in [0, 1]; a range that is not known is asked for.

    Args:
        image: an Image, which stays as it is; the path of a file; an array or a tensor h w, h w c
            or c h w; or a PIL image.
        channels: 1 or 3, of what is read from a file.
        white: see `read_image` and `image_from_array`.
        part: of a file; see `read_image`.

    Raises:
        ConfigError: white is given with an Image, or is no grey value; or a part is asked for of
            what is no file.
        ImageError: it is none of these, or cannot be read as one image.
    """
    if part != WHOLE and not isinstance(image, str | Path):
        raise ConfigError(f"part is of a file, got it with {given(image)}; cut the image yourself")
    if isinstance(image, Image):
        if white is not None:
            raise ImageError(
                "white belongs to a file or an array; the values of an Image lie in [0, 1]."
            )
        return image
    if isinstance(image, str | Path):
        return read_image(image, channels=channels, white=white, part=part)
    if isinstance(image, PIL.Image.Image):
        return image_from_pillow(image, white=white)
    refuse_other("image", image, (np.ndarray, Tensor), ANY_IMAGE, ImageError)
    return image_from_array(image, white=white)


def image_from_pillow(picture: PIL.Image.Image, *, white: White = None) -> Image:
    """A PIL image as `read_image` would have it from a file; the picture itself is not changed.

    Raises:
        ImageError: several frames, transparency, other colours, values without a known range.
    """
    if (frames := getattr(picture, "n_frames", 1)) > 1 and picture.format != "MPO":
        raise ImageError(f"{NAME} has {frames} frames; give the one to explain, as a copy.")
    try:
        copy = picture.copy()
        if copy.mode in DEEP_MODES:
            return image_from_array(np.asarray(ImageOps.exif_transpose(copy)), white=white)
        values = upright(copy, NAME, None, Range(255.0, "8-bit values")).values
    except DAMAGED as error:
        reason = first_line(error)
        raise damaged(NAME, reason) from error
    return Image(
        torch.from_numpy(np.ascontiguousarray(channels_first(values, prefer_first=False)))
    )
