"""How alike masks of one image are."""

from collections.abc import Sequence
from itertools import combinations

from jaxtyping import Bool
from torch import Tensor


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
