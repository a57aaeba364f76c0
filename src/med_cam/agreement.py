"""How alike masks of one image are."""

from collections.abc import Sequence
from itertools import combinations
from statistics import fmean

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.values import Agreement


def agreement(
    masks: Sequence[Bool[Tensor, "h w"]], seeds: Sequence[int], *, verified: int
) -> Agreement:
    """Masks of the same image under several seeds.

    Args:
        masks: at least two.
        seeds: one a mask, the explanation's own first.
        verified: how many of the masks hold their claim.
    """
    areas = [mask.float().mean().item() for mask in masks]
    return Agreement(
        seeds=tuple(seeds),
        shares=torch.stack(list(masks)).float().mean(dim=0),
        areas=tuple(areas),
        iou=fmean(pairwise(masks)),
        chance=fmean(chance_iou(a, b) for a, b in combinations(areas, 2)),
        verified=verified,
    )


def iou(a: Bool[Tensor, "h w"], b: Bool[Tensor, "h w"]) -> float:
    """Intersection over union; 1 for two empty masks."""
    union = (a | b).sum().item()
    return (a & b).sum().item() / union if union else 1.0


def chance_iou(a: float, b: float) -> float:
    """Expected intersection over expected union of two random masks of these areas, in [0, 1]."""
    union = a + b - a * b
    return a * b / union if union else 1.0


def pairwise(masks: Sequence[Bool[Tensor, "h w"]]) -> tuple[float, ...]:
    """Intersection over union of every pair."""
    return tuple(iou(a, b) for a, b in combinations(masks, 2))
