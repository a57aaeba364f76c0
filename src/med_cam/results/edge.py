"""How near outcomes are to others, where another machine computes them a little differently."""

from dataclasses import dataclass

from med_cam.results.ranges import Count, Limit


@dataclass(frozen=True, slots=True)
class Edge:
    """How near the masked inputs of a test lie to where their outcome is another.

    Attributes:
        nearest: the least distance of a probability from what it is compared with; null if there
            was nothing to compare.
        within: outcomes at a distance of at most 0.0002, so that they may be others on another
            machine.
        sure: the same at half that distance.
        most: the same at half as much again.
    """

    nearest: Limit
    within: Count
    sure: Count = 0
    most: Count = 0
