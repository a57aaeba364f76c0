"""What each stage of an explanation took, from marks set where a stage ends."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from med_cam.results.passes import Passes, Stage


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of a stage, or of one of its turns.

    Attributes:
        name: of the stage that ended.
        cost: passes of the whole explanation so far.
        clock: `time.perf_counter` then.
    """

    name: str
    cost: Passes
    clock: float


def mark(name: str, cost: Passes) -> Mark:
    """A mark set now."""
    return Mark(name, cost, time.perf_counter())


def timeline(marks: Sequence[Mark]) -> tuple[Stage, ...]:
    """One stage a name, in the order of first turns; the first mark only starts the clock."""
    total: dict[str, Stage] = {}
    for before, now in pairwise(marks):
        known = total.get(now.name, Stage(now.name, 0, 0, 0.0))
        total[now.name] = Stage(
            now.name,
            known.forward + now.cost.forward - before.cost.forward,
            known.backward + now.cost.backward - before.cost.backward,
            known.seconds + now.clock - before.clock,
        )
    return tuple(total.values())
