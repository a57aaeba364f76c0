"""A soft edge inside a mask: no seam between the evidence and what is painted around it."""

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor


def feathered(
    mask: Bool[Tensor, "b 1 h w"] | Float[Tensor, "b 1 h w"], radius: int
) -> Float[Tensor, "b 1 h w"]:
    """0 outside of each mask, and from its edge up to 1 inside: what is hidden stays hidden.

    The image's own edge is no edge of the mask. Gradients are those of the mask as it came, so
    that a search sees beyond the edge what it would see without a feather.

    Args:
        mask: hard, or soft with gradients.
        radius: inside a straight edge the mask is whole again after twice as many pixels; 0 = it
            stays as it is.
    """
    given = mask if mask.is_floating_point() else mask.float()
    if radius < 1:
        return given
    blurred = given.detach()
    for _ in range(2):
        padded = F.pad(blurred, (radius,) * 4, mode="replicate")
        blurred = F.avg_pool2d(padded, 2 * radius + 1, 1)
    soft = (2 * blurred - 1).clamp(min=0) * given.detach()
    return soft + (given - given.detach()) if given.requires_grad else soft


def radius_of(share: float, height: int, width: int) -> int:
    """The radius of an edge as wide as this share of the shorter side; at least one pixel."""
    return max(1, round(share / 2 * min(height, width)))
