"""The course of the search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from med_cam.results.ranges import Count, Rounded


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the search.

    Attributes:
        index: number of the step, from 0.
        loss: the weighted sum that was minimised.
        terms: each term of the loss by name, unweighted.
        area: mean of the soft mask.
    """

    index: Count
    loss: Rounded
    terms: Mapping[str, Rounded]
    area: Rounded


OnStep = Callable[[Step], None]  # called after every step of a search
