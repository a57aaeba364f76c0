"""From soft scores to the smallest hard mask that still passes.

Is handed `passes`; knows no classifier.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Passes = Callable[[Tensor], bool]


def keep_most(scores: Float[Tensor, "1 1 h w"], share: float) -> Bool[Tensor, "1 1 h w"]:
    """The given share of the pixels, highest first; at least one."""
    count = max(1, round(share * scores.numel()))
    chosen = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    chosen[scores.flatten().topk(count).indices] = True
    return chosen.view_as(scores)


def smallest_passing(
    scores: Float[Tensor, "1 1 h w"], passes: Passes, *, smallest: float, rounds: int
) -> float | None:
    """The smallest share of the pixels whose mask passes, by bisection of its logarithm.

    Nested masks: a larger share holds every smaller one. Passing is not always monotone in the
    share; what is returned has passed, what is smaller by one bisection step has not.

    Args:
        scores: higher = kept earlier.
        passes: the judge, on the same draws for every candidate.
        smallest: the smallest share tried, in (0, 1).
        rounds: bisections; each halves the ratio between the bounds.

    Returns:
        The share in [smallest, 1), or None if not even the largest tried passes.
    """
    low, high = math.log(smallest), 0.0
    best = None
    for _ in range(rounds):
        middle = (low + high) / 2
        if passes(keep_most(scores, math.exp(middle))):
            best, high = math.exp(middle), middle
        else:
            low = middle
    return best
