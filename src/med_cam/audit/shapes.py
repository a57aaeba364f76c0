"""Shapes without content: blobs, and square patches in random order."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.masking.masks import keep_most, smooth_field

FIELD = 6  # values per side of the random field that blobs are cut from
PATCH = 16  # pixels per side, a token of most vision transformers (Jain et al. hide those)
FEWEST = 8  # patches per side; smaller ones in model inputs below 128 pixels
NEVER = 2.0  # a place behind all others


def blob(
    valid: Bool[Tensor, "1 1 h w"], share: float, generator: Generator
) -> Bool[Tensor, "1 1 h w"]:
    """A smooth random shape of the given share of the valid pixels, in one piece or several."""
    field = smooth_field(valid.shape[2:], FIELD, generator).to(valid.device)
    behind = torch.where(valid, field, field.min() - 1)
    return keep_most(behind, share * valid.float().mean().item())


def patch_side(size: tuple[int, int]) -> int:
    """Pixels per side of a patch in a model input h w."""
    return max(1, min(PATCH, min(size) // FEWEST))


def patch_places(valid: Bool[Tensor, "1 1 h w"], generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """For each pixel the place of its patch in a random order, evenly spread over (0, 1).

    The patches below a share are that share of all patches, to the nearest whole one. They are
    nested: a larger share has all patches of a smaller one. Patches that show nothing of the image
    are last.
    """
    h, w = valid.shape[2:]
    side = patch_side((h, w))
    seen = F.max_pool2d(valid.float(), side, ceil_mode=True).cpu() > 0  # 1 1 rows columns
    count = int(seen.sum())
    places = torch.full(seen.shape, NEVER)
    places[seen] = (torch.randperm(count, generator=generator) + 0.5) / count
    pixels = places.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)
    return pixels[..., :h, :w].to(valid.device)
