"""From soft scores to the smallest hard mask that still passes.

Is handed `passes`; knows no classifier.
"""

import math
from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from med_cam.masking.masks import keep_most

Passes = Callable[[Tensor], bool]
Cut = Callable[[Tensor, float], Tensor]  # a map 1 1 h w and a share to a mask 1 1 h w


def smallest_passing(
    maps: Float[Tensor, "n 1 h w"],
    passes: Passes,
    *,
    smallest: float,
    rounds: int,
    cut: Cut = keep_most,
) -> tuple[int, float | None]:
    """The smallest share of the pixels at which the mask of some map passes, by bisection.

    Args:
        maps: scores, higher = retained earlier.
        passes: the judge, on the same samples for every candidate.
        smallest: the smallest share tried, in (0, 1).
        rounds: bisections; each halves the ratio between the bounds.
        cut: gives the mask of a map at a share.

    Returns:
        The index of the map and the share in [smallest, 1); index 0 and None if not even the
        largest share tried passes.
    """
    found = passing(maps, passes, smallest=smallest, rounds=rounds, cut=cut)
    return found[0] if found else (0, None)


def passing(
    maps: Float[Tensor, "n 1 h w"],
    passes: Passes,
    *,
    smallest: float,
    rounds: int,
    cut: Cut = keep_most,
) -> list[tuple[int, float]]:
    """Maps and shares that pass, met on the way to the smallest; that one first.

    Masks of one map are nested: a larger share holds every smaller one. Maps are tried in their
    order, the one that passed last first; one that failed at a share is not tried at smaller
    ones. Passing is not always monotone in the share; what is returned has passed, what is smaller
    by one bisection step (of the logarithm) has not. Arguments: see `smallest_passing`.
    """
    low, high = math.log(smallest), 0.0
    order, found = list(range(len(maps))), []
    for _ in range(rounds):
        middle = (low + high) / 2
        share = math.exp(middle)
        place = next(
            (at for at, i in enumerate(order) if passes(cut(maps[i : i + 1], share))), None
        )
        if place is None:
            low = middle
        else:
            high, order = middle, order[place:]
            found.append((order[0], share))
    return found[::-1]


def remembered(passes: Passes) -> Passes:
    """The same judge, that is asked only once about each mask."""
    known: dict[bytes, bool] = {}

    def again(mask: Tensor) -> bool:
        key = mask.cpu().numpy().tobytes()
        if key not in known:
            known[key] = passes(mask)
        return known[key]

    return again
