"""How often something happened, with its bound."""

from dataclasses import dataclass

from med_cam.results.edge import Edge
from med_cam.results.ranges import Count, Share


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, and the bound that is exact where trials are independent.

    Attributes:
        trials: masked inputs.
        hits: of those, how many had the outcome that is counted.
        bound: bound on the probability: from below or above, as the field says.
        confidence: confidence of that bound.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    trials: Count
    hits: Count
    bound: Share
    confidence: Share
    edge: Edge | None = None
