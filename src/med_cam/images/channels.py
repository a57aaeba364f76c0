"""Grey and colour: which side of an array the channels are, and how many."""

import numpy as np
from jaxtyping import Float
from torch import Tensor

from med_cam.config.given import given
from med_cam.config.rules import is_whole
from med_cam.errors import ConfigError, ImageError

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's and torchvision's grey


def with_channels(pixels: Float[Tensor, "c h w"], channels: int) -> Float[Tensor, "c1 h w"]:
    """Colour to grey by ITU-R BT.601, or grey repeated; unchanged if the number is right.

    Raises:
        ConfigError: channels is neither 1 nor 3.
    """
    refuse_other_channels(channels)
    if pixels.shape[0] == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(3, 1, 1)
    weights = pixels.new_tensor(LUMA)[:, None, None]
    return (pixels * weights).sum(dim=0, keepdim=True).clamp(0, 1)


def channels_first(values: np.ndarray, *, prefer_first: bool) -> np.ndarray:
    """To c h w, from h w, h w c or c h w.

    Raises:
        ImageError: no pixels, or neither end has 1 or 3 channels.
    """
    shape = values.shape
    if values.ndim == 4 and 0 not in shape:
        raise ImageError(
            f"An array of shape {shape} is no image but a batch of {shape[0]}; give one of them, "
            "as in images[0]."
        )
    if values.ndim not in (2, 3) or 0 in shape:
        raise ImageError(f"An array of shape {shape} is no image; give h w, h w c or c h w.")
    if values.ndim == 2:
        return values[None]
    first, last = shape[0] in (1, 3), shape[2] in (1, 3)
    if not first and not last:
        more = "; of red, green, blue and alpha give the first three, if all is opaque"
        seen = more if 4 in (shape[0], shape[2]) else ""
        raise ImageError(f"An array of shape {shape} has neither 1 nor 3 channels{seen}.")
    return values if first and (prefer_first or not last) else np.moveaxis(values, 2, 0)


def refuse_other_channels(channels: int) -> None:
    """A classifier's number of channels.

    Raises:
        ConfigError: neither 1 nor 3.
    """
    if not is_whole(channels) or channels not in (1, 3):
        raise ConfigError(f"channels is {given(channels)}; it must be 1 (grey) or 3 (colour).")
