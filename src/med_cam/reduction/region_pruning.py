"""Regions taken out of a mask while it keeps its margin, many together first.

Knows no classifier: it is handed `measure`. In each sweep every region is taken out alone before
the hardest masked input; those that cost least go together, as many as should leave the margin
by that, half as many if they do not, then one by one. What a sweep has taken is measured on every
masked input before it counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

from med_cam.reduction.rooms import Margin, Measure, Rooms, first_look, lowest, slack

Units = frozenset[int]
MISSES = 3  # regions in a row that cannot be spared: the next ones cost more


@dataclass(frozen=True, slots=True)
class Pruned:
    """A mask of regions that keeps its margin, from which no region was found that it can spare.

    Attributes:
        trajectory: regions of the masks from the start to it, each within the one before; what was
            taken together comes off one by one, that of the least cost first.
        rooms: of it on every masked input.
        tested: removals that were tried, of one region or of several.
        cut_short: whether the next sweep was not affordable.
    """

    trajectory: tuple[Units, ...]
    rooms: Rooms
    tested: int
    cut_short: bool = False

    @property
    def units(self) -> Units:
        """What is left."""
        return self.trajectory[-1]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep found: regions to take out, those not to try again, removals tried."""

    spared: tuple[int, ...]
    needed: Units
    tested: int


def pruned(
    start: Units, margin: Margin, measure: Measure, affordable: Callable[[int], bool]
) -> Pruned:
    """Take regions out until none is found that can be spared.

    Args:
        start: regions of a mask that has the margin.
        margin: that is kept.
        measure: gives the room of masks.
        affordable: whether so many passes more are; asked before each sweep, which else ends it.
    """
    now: Rooms = measure([start], [margin.every])[0]
    trajectory, needed, tested = [start], Units(), 0
    while len(trajectory[-1]) > 1:
        if not affordable(2 * len(trajectory[-1])):
            return Pruned(tuple(trajectory), now, tested, cut_short=True)
        sweep = swept(trajectory[-1], now, needed, margin, measure)
        spared, rooms, more = confirmed(trajectory[-1], sweep.spared, margin, measure)
        tested += sweep.tested + more
        needed = needed | sweep.needed | (frozenset(sweep.spared[:1]) if not spared else Units())
        if spared:
            for unit in spared:
                trajectory.append(trajectory[-1] - {unit})
            now = rooms
        elif not sweep.spared or needed >= trajectory[-1]:
            break
    return Pruned(tuple(trajectory), now, tested)


def swept(units: Units, now: Rooms, needed: Units, margin: Margin, measure: Measure) -> Sweep:
    """One sweep over the regions of a mask."""
    free = slack(now, margin)
    costs = costs_of(units, now, margin, measure)
    order = sorted(units - needed, key=lambda unit: (costs[unit], unit))
    spared = together(units, order, costs, now, margin, measure)
    tested, misses, found = len(units) + 1, 0, list(spared)
    held: set[int] = set()
    for unit in order[len(spared) :]:
        if misses == MISSES or costs[unit] > max(free, 0.0) + now[hardest(now, margin)]:
            break
        tested += 1
        if first_look(units - {*found, unit}, now, margin, measure) >= 0:
            found.append(unit)
            misses = 0
        else:
            misses += 1
            held |= set() if found else {unit}
    return Sweep(tuple(found), frozenset(held), tested)


def costs_of(units: Units, now: Rooms, margin: Margin, measure: Measure) -> dict[int, float]:
    """By how much the room before the hardest masked input falls without each region."""
    place, order = hardest(now, margin), sorted(units)
    alone = measure([units - {unit} for unit in order], [[place]] * len(order))
    return {u: now[place] - rooms[place] for u, rooms in zip(order, alone, strict=True)}


def hardest(now: Rooms, margin: Margin) -> int:
    """The masked input over a random sample that has least room; of none, over a fixed one."""
    random = [i for name in margin.random for i in margin.among(name)]
    return lowest(now, random or margin.among("fixed") or margin.every)[0]


def together(
    units: Units,
    order: list[int],
    costs: dict[int, float],
    now: Rooms,
    margin: Margin,
    measure: Measure,
) -> tuple[int, ...]:
    """The regions of least cost that can be taken out together, by a first look."""
    free, count, total = max(slack(now, margin), 0.0), 0, 0.0
    for unit in order:
        total += max(costs[unit], 0.0)
        if total > free:
            break
        count += 1
    count = min(count, len(units) - 1)
    while count > 1:
        if first_look(units - frozenset(order[:count]), now, margin, measure) >= 0:
            return tuple(order[:count])
        count //= 2
    return ()


def confirmed(
    units: Units, spared: tuple[int, ...], margin: Margin, measure: Measure
) -> tuple[tuple[int, ...], Rooms, int]:
    """As many of the regions as leave the margin on every masked input, half as many each time."""
    tested = 0
    while spared:
        tested += 1
        rooms = measure([units - frozenset(spared)], [margin.every])[0]
        if slack(rooms, margin) >= 0:
            return spared, rooms, tested
        spared = spared[: len(spared) // 2]
    return (), {}, tested
