"""Regions taken out of a mask while it keeps its margin, many together first.

Knows no classifier: it is handed `measure`. In each sweep every region is taken out alone before
the hardest masked input. Those that cost least for their size go together, as many as should leave
the margin by that, fewer if they do not, then more of them in order. What a sweep has taken is
measured on every masked input before it counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from med_cam.reduction.rooms import (
    Margin,
    Measure,
    Rooms,
    decisive,
    first_look,
    lowest,
    slack,
)

Units = frozenset[int]
Few = tuple[int, ...]  # regions to take out, in order
AT_ONCE = 8  # masked inputs, of many: a mask that is lost on some is not tried on the rest
MISSES = 3  # regions in a row that cannot be spared: the next ones cost more
AROUND = 0.25  # of what a region costs, as that of each that touches it: shifted masks need it
WORTH = 0.15  # of the mask's pixels that a sweep has to take for another one to follow


@dataclass(frozen=True, slots=True)
class Pruned:
    """A mask of regions that keeps its margin.

    Attributes:
        trajectory: regions of the masks from the start to it, each within the one before; what was
            taken together comes off one by one, that of the least cost first.
        rooms: of it on every masked input.
        tested: removals that were tried, of one region or of several.
        cut_short: whether more was not affordable.
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
class Rules:
    """What every smaller mask is held to.

    Attributes:
        sizes: pixels of each region.
        whole: whether some regions make a mask without specks and holes.
        margin: that is kept.
        measure: gives the room of masks.
        affordable: whether so many passes more are.
        silent: whether a mask does not give the label by its outline.
        beside: the regions that touch each.
    """

    sizes: Mapping[int, int]
    whole: Callable[[Units], bool]
    margin: Margin
    measure: Measure
    affordable: Callable[[int], bool] = lambda _: True
    silent: Callable[[Units], bool] = lambda _: True
    beside: Mapping[int, Units] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep over the regions of a mask.

    Attributes:
        units: of the mask.
        now: its room on every masked input.
        costs: of each region, the least for its size first: by how much the room before the
            hardest masked input falls without it.
        rules: what smaller masks are held to.
        found: regions that a first look can spare together.
        tested: removals tried.
        lost: masked inputs on which the last mask that was lost is so.
        watched: those on which a mask was lost that a first look had let pass: from then on every
            look takes them.
        failed: single regions that could not be spared beside those found.
        skipped: those that could not beside more than what was found in the end.
    """

    units: Units
    now: Rooms
    costs: Mapping[int, float]
    rules: Rules
    found: Few = ()
    tested: int = 0
    lost: Few = ()
    watched: Few = ()
    failed: Few = ()
    skipped: Few = ()

    def whole(self, some: Sequence[int]) -> bool:
        """Whether the mask without these has no more specks and holes."""
        return self.rules.whole(self.units - {*some})

    def looked(self, some: Few) -> "Sweep":
        """After a first look at the mask without these."""
        rules, units = self.rules, self.units - {*some}
        known = (self.lost, self.watched)
        look = first_look(units, self.now, rules.margin, rules.measure, *known)
        found, lost = (some, self.lost) if look.slack >= 0 else (self.found, look.lost)
        return replace(self, found=found, tested=self.tested + 1, lost=lost)

    @property
    def lost_on_shifts_alone(self) -> bool:
        """Whether the last mask that was lost is so on nothing but shifted masks.

        What is needed there alone is not what costs most where the mask is not shifted.
        """
        return bool(self.lost) and not {*self.lost} & {*self.rules.margin.unshifted}

    def shorter(self, some: Few, count: int) -> Few:
        """The first of some regions, so many at most, that leave no more specks and holes."""
        some = some[:count]
        while some and not self.whole(some):
            some = some[:-1]
        return some

    def next_ones(self, left: Sequence[int], count: int) -> Few:
        """Those found and the next ones, so many at most, that leave no more specks and holes."""
        more: Few = self.found
        for unit in left:
            if len(more) < len(self.found) + count and self.whole((*more, unit)):
                more = (*more, unit)
        return more


def pruned(start: Units, rules: Rules, now: Rooms | None = None) -> Pruned:
    """Take regions out until a sweep takes little.

    Args:
        start: regions of a mask that has the margin.
        rules: that every smaller mask is held to.
        now: room of the start on every masked input, if it is known.
    """
    now = now or rules.measure([start], [rules.margin.every])[0]
    trajectory, tested, needed, worth = [start], 0, Units(), True
    while worth and len(trajectory[-1]) > 1:
        units = trajectory[-1]
        if not rules.affordable(2 * len(units)):
            return Pruned(tuple(trajectory), now, tested, cut_short=True)
        costs = costs_of(units, units - needed, now, rules)
        sweep, spared, rooms = swept(Sweep(units, now, costs, rules))
        tested += len(units) + sweep.tested
        trajectory += [units - {*spared[: i + 1]} for i in range(len(spared))]
        now = rooms or now
        in_vain = not spared and bool(sweep.found)
        needed |= {*sweep.found[:1]} if in_vain else {*sweep.failed}
        worth = pixels(spared, rules) >= WORTH * pixels(units, rules)
        worth |= in_vain and len(needed) < MISSES
    return Pruned(tuple(trajectory), now, tested, cut_short=not rules.affordable(AT_ONCE))


def pixels(units: Sequence[int] | Units, rules: Rules) -> int:
    """Of these regions."""
    return sum(rules.sizes[unit] for unit in units)


def costs_of(units: Units, asked: Units, now: Rooms, rules: Rules) -> Mapping[int, float]:
    """By how much the room before the hardest masked input falls without each region asked for.

    In the order in which they are tried: that of the least cost for its size first.
    """
    place, each = hardest(now, rules.margin), sorted(asked)
    alone = rules.measure([units - {unit} for unit in each], [[place]] * len(each))
    costs = {u: now[place] - rooms[place] for u, rooms in zip(each, alone, strict=True)}

    def dear(unit: int) -> tuple[float, int]:
        around = max((costs.get(other, 0.0) for other in rules.beside.get(unit, ())), default=0.0)
        return (costs[unit] + AROUND * max(around, 0.0)) / rules.sizes[unit], unit

    return {unit: costs[unit] for unit in sorted(costs, key=dear)}


def hardest(now: Rooms, margin: Margin) -> int:
    """The masked input over a random sample that has least room; of none, over a fixed one."""
    random = [i for name in margin.random for i in margin.among(name)]
    return lowest(now, random or margin.among("fixed") or margin.every)[0]


def together(sweep: Sweep) -> Sweep:
    """As many regions as their costs alone leave the margin; half as many if they do not."""
    some = affordable_ones(sweep)
    while some:
        sweep = sweep.looked(some)
        if sweep.found:
            return sweep
        some = sweep.shorter(some, len(some) // 2)
    return sweep


def affordable_ones(sweep: Sweep) -> Few:
    """Regions in order whose costs sum up to no more than what the mask has to spare."""
    free, total = max(slack(sweep.now, sweep.rules.margin), 0.0), 0.0
    some: Few = ()
    for unit, cost in sweep.costs.items():
        if total + max(cost, 0.0) <= free and sweep.whole((*some, unit)):
            some, total = (*some, unit), total + max(cost, 0.0)
    return some


def extended(sweep: Sweep) -> Sweep:
    """Further regions in order: half as many as were found at first, then twice or half as many.

    Until several single ones in a row cannot be spared.
    """
    left = [unit for unit in sweep.costs if unit not in (*sweep.found, *sweep.skipped)]
    misses, size = 0, max(1, len(sweep.found) // 2)
    while misses < MISSES and sweep.rules.affordable(AT_ONCE):
        some = sweep.next_ones(left, size)
        if len(some) == len(sweep.found):
            break
        sweep = sweep.looked(some)
        if sweep.found == some:
            misses, size = 0, 2 * size
        elif size > 1:
            size //= 2
            continue
        else:
            sweep = replace(sweep, failed=(*sweep.failed, some[-1]))
            misses += not sweep.lost_on_shifts_alone
        left = [unit for unit in left if unit not in some]
    return sweep


def swept(sweep: Sweep) -> tuple[Sweep, Few, Rooms]:
    """One sweep, with the regions that it takes out and the room of what is left.

    Where what was found is lost on a masked input that no first look took, more is looked for with
    that one in sight.
    """
    sweep = extended(together(sweep))
    while True:
        sweep, spared, rooms = confirmed(sweep)
        new = [place for place in sweep.lost if place not in sweep.watched]
        if len(spared) == len(sweep.found) or not new:
            return sweep, spared, rooms
        sweep = replace(
            sweep,
            found=spared,
            watched=(*sweep.watched, *new),
            failed=(),
            skipped=(*sweep.skipped, *sweep.failed),
        )
        sweep = extended(sweep)


def confirmed(sweep: Sweep) -> tuple[Sweep, Few, Rooms]:
    """As many of the regions as leave the margin on every masked input, fewer each time.

    What is left does not give the label by its outline either, which takes fewer passes: after one
    that did, that is asked first. With its room; the sweep is told on what the last one was lost.
    """
    spared, margin, gave = sweep.found, sweep.rules.margin, False
    while spared:
        units = sweep.units - {*spared}
        if not gave or sweep.rules.silent(units):
            rooms = rooms_until_lost(units, sweep.now, sweep.rules)
            sweep = replace(sweep, tested=sweep.tested + 1)
            kept = len(rooms) == len(margin.every) and slack(rooms, margin) >= 0
            if kept and sweep.rules.silent(units):
                return sweep, spared, rooms
            gave = kept
            sweep = replace(sweep, lost=tuple(i for i in rooms if rooms[i] < 0))
        spared = sweep.shorter(spared, len(spared) * 2 // 3)
    return sweep, (), {}


def rooms_until_lost(units: Units, now: Rooms, rules: Rules) -> Rooms:
    """The room on every masked input, some at a time; only of those until the margin is lost.

    Those go first where the larger mask has least room.
    """
    order: list[int] = lowest(now, rules.margin.every)
    rooms: dict[int, float] = {}
    while order and min(decisive(rooms, rules.margin), default=0.0) >= 0:
        some, order = order[:AT_ONCE], order[AT_ONCE:]
        rooms |= rules.measure([units], [some])[0]
    return rooms
