"""Arrays and tensors to images."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from med_cam.config.given import refuse_other
from med_cam.errors import ImageError, first_line
from med_cam.images.channels import channels_first, with_channels
from med_cam.images.image import Image
from med_cam.images.white import FILE, Range, White, note_on, refuse_other_white, unit

AN_ARRAY = "a NumPy array or a tensor (explain takes paths and PIL images as they are)"


def image_from_array(
    array: np.ndarray | Tensor, *, channels: int | None = None, white: White = None
) -> Image:
    """An image from an array h w, h w c or c h w, with c = 1 or 3; copied.

    Where both ends could be the channels (3 x 5 x 3), they are last in a NumPy array and first
    in a tensor. Bytes are divided by 255, uint16 by 65535 or what is declared white, floats have
    to lie in [0, 1] or below what is declared white; of other whole numbers white is asked for.

    Args:
        array: the pixels.
        channels: 1 or 3 to convert; as the array has it if not given.
        white: the value that is white; "file" is the highest of the type (65535 of uint16),
            however dark the picture is.

    Raises:
        ConfigError: channels is neither 1 nor 3.
        ImageError: another shape, type or range; or uint16 of which less than an eighth of the
            range is used, bytes of 0 and 1 only, or other whole numbers, and no white.
    """
    refuse_other("array", array, (np.ndarray, Tensor), AN_ARRAY, ImageError)
    refuse_other_white(white)
    values, is_tensor = array, isinstance(array, Tensor)
    if isinstance(values, Tensor):
        values = _numpy(values)
    planes = channels_first(values, prefer_first=is_tensor)
    found = _range_of_array(planes, white)
    scaled, chosen = unit(planes, found, white, name="The array")
    pixels = torch.from_numpy(np.ascontiguousarray(scaled))
    pixels = with_channels(pixels, pixels.shape[0] if channels is None else channels)
    return Image(pixels, notes=note_on(chosen, found, planes))


def _range_of_array(planes: NDArray[np.generic], white: White) -> Range:
    """What an array of this type can hold.

    Raises:
        ImageError: nobody can know.
    """
    kind, option = planes.dtype, "white={}"
    full = {"bool": 1, "uint8": 255, "uint16": 65535}.get(kind.name, 1 if kind.kind == "f" else 0)
    if not full and (kind.kind not in "iu" or white in (None, FILE)):
        raise ImageError(
            f"An array of {kind.name} has no known range; say which value is white with "
            "white=VALUE, or give uint8, uint16, or floats in [0, 1]."
            if kind.kind in "iu"
            else f"An array of {kind.name} has no known range; give uint8, uint16, or floats."
        )
    if kind.name == "uint8" and white is None and planes.max() == 1:
        raise ImageError(
            "The array holds bytes of 0 and 1 only; say white=1 if 1 is white, or white=255 if it "
            "is so dark."
        )
    words = {"uint16": "16-bit values", "uint8": "bytes"}.get(kind.name, "floats")
    deep = kind.name == "uint16" or white is not None
    return Range(float(full or white or 1), words, deep=deep, option=option)


def _numpy(values: Tensor) -> np.ndarray:
    """A tensor of any device and precision as an array.

    Raises:
        ImageError: it has no values, or is sparse or quantised.
    """
    try:
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    except (RuntimeError, TypeError) as error:
        raise ImageError(f"The array has no plain values ({first_line(error)}).") from error
