"""How the evidence of an image is laid into a picture, so that little tells that it was.

With a soft edge inside the mask; with a halo of what lies around it; or into surroundings that
take on its tone. Each leaves a trace, or shows more than the evidence: a soft edge is a seam, a
halo shows what lies around. Surroundings in its tone show nothing else and have no seam where the
contents differ by as little as a picture does by itself; only outlines stay.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.removal.feather import feathered

SOFT = 80  # a side over this is the radius of the soft edge, in pixels
HALO = 8  # a side over this is how far the halo and the tone reach, in pixels
TONE = 0.5  # standard deviations of a picture, by which its surroundings are adapted at most


def edges(mask: Bool[Tensor, "1 1 h w"]) -> Float[Tensor, "2 1 h w"]:
    """How far the image covers a picture, in two ways: with a soft edge, and with a halo.

    The soft edge lies inside the mask. The halo lies around its solid parts, which are shown in
    full; dust has none, or all of the image would be shown.
    """
    side = min(mask.shape[2:])
    radius = max(1, round(side / SOFT))
    soft = feathered(mask, radius)
    core = F.max_pool2d((soft > 0).float(), 2 * radius + 1, stride=1, padding=radius)
    solid = core * mask if bool(soft.any()) else mask.float()
    return torch.cat([soft, cone(solid, side / HALO)])


def cone(shape: Float[Tensor, "1 1 h w"], reach: float) -> Float[Tensor, "1 1 h w"]:
    """1 on the shape, and around it evenly down to 0 at a distance (of rows plus columns)."""
    for axis in (2, 3):
        slope = torch.arange(shape.shape[axis]).to(shape) / reach
        slope = slope.view(1, 1, -1, 1) if axis == 2 else slope
        onward = (shape + slope).cummax(axis).values - slope
        back = (onward.flip(axis) + slope).cummax(axis).values - slope
        shape = back.flip(axis)
    return shape.clamp(0, 1)


def in_its_tone(
    x: Float[Tensor, "1 c h w"],
    mask: Bool[Tensor, "1 1 h w"],
    shown: Float[Tensor, "n c h w"],
) -> Float[Tensor, "n c h w"]:
    """Pictures whose colours go on around the evidence, and fade to their own.

    Each pixel outside is moved by as much as the nearest pixel of the evidence differs from the
    picture, at most by `TONE` of the picture's spread, and less the farther away it is.
    """
    from scipy import ndimage

    hidden = ~mask[0, 0].cpu().numpy()
    if hidden.all():
        return shown
    away, nearest = ndimage.distance_transform_edt(hidden, return_indices=True)
    row, column = (torch.from_numpy(index).to(x.device).long() for index in nearest)
    reach = min(mask.shape[2:]) / HALO
    fade = (1 - torch.from_numpy(away).to(x) / reach).clamp(0, 1)
    most = TONE * shown.std(dim=(2, 3), keepdim=True)
    return shown + fade * (x - shown)[:, :, row, column].clamp(-most, most)
