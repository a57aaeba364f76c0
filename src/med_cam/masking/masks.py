"""Masks cut from scores and moved, and the random fields that random ones are cut from."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor


def shifted(mask: Float[Tensor, "b 1 h w"], dy: int, dx: int) -> Float[Tensor, "b 1 h w"]:
    """The mask moved down by `dy` and right by `dx` pixels; what comes in at the edge is 0."""
    h, w = mask.shape[-2:]
    padded = F.pad(mask, (max(dx, 0), max(-dx, 0), max(dy, 0), max(-dy, 0)))
    return padded[..., max(-dy, 0) : max(-dy, 0) + h, max(-dx, 0) : max(-dx, 0) + w]


def keep_most(scores: Float[Tensor, "1 1 h w"], share: float) -> Bool[Tensor, "1 1 h w"]:
    """The given share of the pixels, highest first, of equal ones the first; at least one.

    So masks of one map are nested; `topk` chooses among equal scores by the number wanted.
    """
    count = max(1, round(share * scores.numel()))
    chosen = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    chosen[scores.flatten().argsort(descending=True, stable=True)[:count]] = True
    return chosen.view_as(scores)


def smooth_field(
    size: Sequence[int], cells: int, generator: Generator
) -> Float[Tensor, "1 1 h w"]:
    """A random field of so many independent values a side, bicubic between them."""
    coarse = torch.randn(1, 1, cells, cells, generator=generator)
    return F.interpolate(coarse, (size[0], size[1]), mode="bicubic", align_corners=False)
