"""What masks of a case are reduced on, where they are made of regions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from med_cam.case.case import Case
from med_cam.certification.minimality import SampleSet, sample_set
from med_cam.config.baselines import is_fixed
from med_cam.masking.view import View
from med_cam.reduction.regions import Regions, union
from med_cam.reduction.rooms import (
    Look,
    Margin,
    Measure,
    Rooms,
    fewest_lost,
    lowest,
    measured,
    slack,
)
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import Mask, Trial, joined
from med_cam.verify.shift_stability import DIRECTIONS

Units = frozenset[int]
LOOKS = (1, 2)  # masked inputs on which a witness is looked for, first one, then more
FEW, FIRST = 2, 8  # masked inputs of many: a mask that is lost on one is not tried on the rest
CLEAR = 0.01  # log-odds from 0: so that it shows in other batches too


@dataclass(frozen=True, slots=True)
class Ground:
    """The regions of an image, and the masked inputs that masks made of them are measured on.

    Attributes:
        regions: in the model input.
        trial: the masked inputs.
        margin: what each is, and the margin that is asked for.
        measure: the room of masks, given by their regions.
        larger: the regions that these were split from, if they were.
        wary: whether a mask that has the margin was met that gives the label by its outline, or
            does nothing in pictures: then each that is taken is asked for both.
    """

    regions: Regions
    trial: Trial
    margin: Margin
    measure: Measure
    larger: Regions | None = None
    wary: bool = False

    def split_into(self, regions: Regions, view: View[Tensor]) -> "Ground":
        """The same masked inputs for masks made of smaller regions.

        Args:
            regions: each within one of these.
            view: the image before the classifier, many images per pass.
        """
        return self.with_borders(regions, self.regions, view)

    def with_borders(
        self, regions: Regions, larger: Regions | None, view: View[Tensor]
    ) -> "Ground":
        """The same regions, by the same numbers, with other borders.

        Args:
            regions: these.
            larger: the regions that they were split from, with other borders too.
            view: the image before the classifier, many images per pass.
        """
        measure = measured(view, self.trial, partial(union, regions))
        return replace(self, regions=regions, measure=measure, larger=larger)

    def parts(self, units: Units) -> list[Units]:
        """Regions that were split from the same one together."""
        if self.larger is None:
            return [Units({unit}) for unit in sorted(units)]
        of = {unit: int(self.larger[self.regions == unit][0]) for unit in sorted(units)}
        return [Units(u for u in of if of[u] == n) for n in dict.fromkeys(of.values())]

    def mask(self, units: Units) -> Mask:
        """The mask of some regions."""
        return union(self.regions, units)

    def pixels(self, units: Units) -> int:
        """Of the mask of some regions."""
        return int(self.mask(units).sum())

    def rooms(self, units: Units) -> Rooms:
        """The room of a mask on every masked input."""
        return self.measure([units], [self.margin.every])[0]

    def slack(self, units: Units) -> float:
        """By how much a mask has the margin; below 0 it has not, and not all may be measured."""
        return self.look(units).slack

    def look(self, units: Units, before: Sequence[int] = ()) -> Look:
        """The same, with what the mask is lost on.

        Args:
            units: of the mask.
            before: masked inputs on which another mask was lost, likely that this one is too:
                they are measured first.
        """
        few = self.look_at_few(units, before)
        if few.slack < 0:
            return few
        rooms = self.rooms(units)
        return Look(slack(rooms, self.margin), fewest_lost(rooms, self.margin))

    def look_at_few(self, units: Units, before: Sequence[int] = ()) -> Look:
        """The same on the first masked inputs alone, with no more measured than these."""
        still = self.margin.unshifted
        rooms: Rooms = {}
        for some in (before, still[:FEW], still[:FIRST]):
            rooms = self.measure([units], [some])[0]
            if lost := fewest_lost(rooms, self.margin):
                return Look(min(rooms[i] for i in lost), lost)
        return Look(slack(rooms, self.margin))

    def witness(self, units: Units, part: Units) -> int | None:
        """A masked input on which a mask without some regions loses the prediction, by its place.

        The hardest ones of those that the mask retains are tried (a certified mask may lose one
        of many, on which nothing shows that a part is needed); None if it is lost on none of them.
        """
        places = self.margin.unshifted
        rooms, done = self.measure([units], [places])[0], 0
        order = lowest(rooms, [place for place in places if rooms[place] >= CLEAR])
        if units <= part:
            return (order or lowest(rooms, places))[0]
        for count in LOOKS:
            some, done = order[done : done + count], done + count
            left = self.measure([units - part], [some])[0]
            if some and min(left.values()) < -CLEAR:
                return lowest(left, some)[0]
        return None


def in_turn(look: Callable[[Units, Sequence[int]], Look]) -> Callable[[Units], Look]:
    """A look at one mask after the other: what one is lost on, the next is measured on first."""
    before: Sequence[int] = ()

    def next_look(units: Units) -> Look:
        nonlocal before
        found = look(units, before)
        before = found.lost or before
        return found

    return next_look


def ground_of(case: Case, regions: Regions, decision: Decision) -> Ground:
    """What masks of these regions are reduced on at first."""
    on = sample_set(case, decision)
    return on_samples(case, regions, on, range(on.first), case.config.certification.margin)


def further(case: Case, before: Ground, refused: int) -> Ground:
    """The same on samples that masks are not pruned on, and others after each refusal.

    With half a deviation more for each certificate that was refused.
    """
    pool = case.config.certification.pool
    on = sample_set(case, before.trial.decision, more=refused * pool)
    last = range(max(on.first, len(on.samples) - pool), len(on.samples))
    deviations = before.margin.deviations + refused / 2
    return replace(on_samples(case, before.regions, on, last, deviations), larger=before.larger)


def on_samples(
    case: Case, regions: Regions, on: SampleSet, chosen: Sequence[int], deviations: float
) -> Ground:
    """What masks are measured on, with these samples."""
    names = case.config.verification.baselines
    fixed, random = ([n for n in names if is_fixed(n) == kind] for kind in (True, False))
    kinds = ["fixed" if i < len(fixed) else random[(i - len(fixed)) % len(random)] for i in chosen]
    around = [i for i in chosen if i >= len(fixed)] or list(range(len(fixed)))
    trial = joined(on.trial(chosen, ()), shifted_over(on, around, len(fixed), again=bool(random)))
    shifts = len(trial.names) - len(kinds)
    margin = Margin((*kinds, *("shift" for _ in range(shifts))), deviations, on.tolerance)
    return Ground(
        regions,
        trial,
        margin,
        measured(case.batched, trial, partial(union, regions)),
    )


def shifted_over(on: SampleSet, around: Sequence[int], fixed: int, *, again: bool) -> Trial:
    """The mask shifted in every direction, over random samples and over fixed baselines.

    A claim shifts it over all alike. Where there are no fixed ones, over random samples twice: by
    what is lost on one sample of each direction, too many shifts pass for stable.

    Args:
        on: the samples.
        around: those that take turns, by their number.
        fixed: how many of all are of fixed baselines.
        again: whether every direction is taken twice.
    """
    every = range(len(DIRECTIONS))
    over = [around[i % len(around)] for i in every]
    if again:
        apart = max(1, len(around) // 2)  # so that no direction meets the same sample again
        over += [i % fixed if fixed else around[(i + apart) % len(around)] for i in every]
    steps = [(dy * on.distance, dx * on.distance) for dy, dx in DIRECTIONS]
    ways = [i % len(DIRECTIONS) for i in range(len(over))]
    return Trial(
        infill=on.samples[over],
        steps=tuple(steps[way] for way in ways),
        names=tuple(("shift", way) for way in ways),
        decision=on.decision,
    )
