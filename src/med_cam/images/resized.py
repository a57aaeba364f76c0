"""An image brought to a size that is quick to work on, and what was found there brought back."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def resized(
    pixels: Float[Tensor, "c h w"], *, smallest: int = 1, largest: int
) -> Float[Tensor, "c h1 w1"]:
    """The image on the CPU, its longer side brought between the two."""
    height, width = pixels.shape[1:]
    side = max(height, width)
    scale = min(max(side, smallest), largest) / side
    frame = pixels.cpu().float()
    if scale == 1:
        return frame
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    mode = "bicubic" if scale > 1 else "bilinear"
    return F.interpolate(frame[None], size, mode=mode, antialias=scale < 1)[0].clamp(0, 1)


def at_size(found: Bool[Tensor, "h1 w1"], height: int, width: int) -> Bool[Tensor, "h w"]:
    """A map of the resized image: each pixel of the image takes the one under its centre."""
    rows, columns = (
        (2 * torch.arange(side) + 1) * small // (2 * side)
        for side, small in zip((height, width), found.shape, strict=True)
    )
    return found[rows][:, columns]
