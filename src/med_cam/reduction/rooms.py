"""How much room a mask has on each masked input of a trial, and whether that is a margin.

Room is in log-odds: how far the prediction is from being lost. Over random samples it is spread
much like a normal deviate near to that, so that its mean and deviation over a few tell how seldom
one of many is lost: with 2.5 deviations one in 160. What is far from being lost is spread more,
but upwards only: it counts as no more than `ENOUGH`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.masking.masks import shifted
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target
from med_cam.verify.minimality import Mask, Trial

Rooms = Mapping[int, float]  # of masked inputs of a trial, by their place in it
Measure = Callable[[Sequence[frozenset[int]], Sequence[Sequence[int]]], list[dict[int, float]]]

NONE = -100.0  # the room of a mask without evidence
ENOUGH = 2.0  # log-odds
HARDEST, SHIFTS = 2, 3  # masked inputs that a first look at a smaller mask takes


@dataclass(frozen=True, slots=True)
class Margin:
    """What masked inputs of a trial are, and the margin that is asked for.

    Attributes:
        kinds: of each: "fixed", "shift", or the name of the random baseline.
        deviations: of the room over the samples of a random baseline that the mean has to lie
            above 0. On a fixed baseline and a shifted mask the room itself has to.
        tolerance: shifted masks that may be lost.
    """

    kinds: tuple[str, ...]
    deviations: float
    tolerance: int = 0

    @property
    def every(self) -> list[int]:
        """All masked inputs."""
        return list(range(len(self.kinds)))

    def among(self, kind: str) -> list[int]:
        """Those of a kind."""
        return [i for i, other in enumerate(self.kinds) if other == kind]

    @property
    def random(self) -> list[str]:
        """The random baselines."""
        return [kind for kind in dict.fromkeys(self.kinds) if kind not in ("fixed", "shift")]

    @property
    def unshifted(self) -> list[int]:
        """Those over a fixed baseline or a random sample."""
        return [i for i, kind in enumerate(self.kinds) if kind != "shift"]


def room_of(p: Float[Tensor, "n k"], decision: Decision) -> Float[Tensor, " n"]:
    """Log-odds by which each masked input retains the prediction; below 0 it is lost.

    The smaller of two: of the target above its threshold, and above the best other class, or its
    own output's threshold.
    """
    target, own = decision.target, odds(p[:, decision.target.index])
    above = own - odds(own.new_tensor(decision.threshold))
    return torch.minimum(above, ahead(p, target, own))


def ahead(p: Float[Tensor, "n k"], target: Target, own: Tensor) -> Float[Tensor, " n"]:
    """Log-odds by which the target is on top."""
    if target.head == "sigmoid":
        return own - odds(own.new_tensor(target.output_threshold))
    others = p.double().clone()
    others[:, target.index] = 0.0
    best = others.amax(dim=1).clamp(min=1e-12)
    return p[:, target.index].double().clamp(min=1e-12).log() - best.log()


def odds(p: Tensor) -> Tensor:
    """Log-odds of probabilities."""
    return p.double().clamp(1e-9, 1 - 1e-9).logit()


def measured(
    view: View[Tensor], trial: Trial, mask_of: Callable[[frozenset[int]], Mask]
) -> Measure:
    """The room of masks on masked inputs of a trial, given by their places; nothing twice.

    Args:
        view: the image before the classifier, many images per pass.
        trial: the masked inputs.
        mask_of: the mask of some regions.
    """
    known: dict[tuple[frozenset[int], int], float] = {}

    def measure(
        several: Sequence[frozenset[int]], places: Sequence[Sequence[int]]
    ) -> list[dict[int, float]]:
        for units, chosen in zip(several, places, strict=True):
            if not units:
                known.update({(units, i): NONE for i in chosen})
        asked = zip(several, places, strict=True)
        todo = list(dict.fromkeys((u, i) for u, chosen in asked for i in chosen))
        todo = [pair for pair in todo if pair not in known]
        if todo:
            masks = {units: mask_of(units).to(view.scene.x) for units, _ in todo}
            moved = [shifted(masks[units], *trial.steps[i]) for units, i in todo]
            p = view.over(torch.cat(moved), trial.infill[[i for _, i in todo]])
            known.update(zip(todo, room_of(p, trial.decision).tolist(), strict=True))
        asked = zip(several, places, strict=True)
        return [{i: known[units, i] for i in chosen} for units, chosen in asked]

    return measure


def slack(rooms: Rooms, margin: Margin) -> float:
    """By how much a mask has the margin; below 0 it has not.

    Args:
        rooms: on every masked input.
        margin: that is asked for.
    """
    means = [above(rooms, margin, name) for name in margin.random]
    return min([*decisive(rooms, margin), *means], default=0.0)


def decisive(rooms: Rooms, margin: Margin) -> list[float]:
    """The rooms that count: all but those of the few shifted masks that may be lost."""
    shifts = sorted(rooms[i] for i in margin.among("shift") if i in rooms)
    other = [rooms[i] for i in margin.unshifted if i in rooms]
    return [*other, *shifts[margin.tolerance :]]


def fewest_lost(rooms: Rooms, margin: Margin) -> tuple[int, ...]:
    """The fewest of these masked inputs that show that a mask is lost; none where it is not.

    One that is not shifted, or one shifted mask more than may be lost.
    """
    lost = lowest(rooms, [i for i in rooms if rooms[i] < 0])
    still = [i for i in lost if margin.kinds[i] != "shift"]
    shifts = [i for i in lost if margin.kinds[i] == "shift"]
    if still:
        return (still[0],)
    return tuple(shifts[: margin.tolerance + 1]) if len(shifts) > margin.tolerance else ()


def above(rooms: Rooms, margin: Margin, name: str, fallen: float = 0.0) -> float:
    """The mean room over a random baseline, fallen by so much, above the deviations asked for."""
    values = [min(rooms[i] - fallen, ENOUGH) for i in margin.among(name) if i in rooms]
    return fmean(values) - margin.deviations * deviation(values)


def deviation(values: Sequence[float]) -> float:
    """The standard deviation; 0 of one value."""
    return stdev(values) if len(values) > 1 else 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """What masked inputs tell of a mask.

    Attributes:
        slack: measured, or estimated from a few.
        lost: masked inputs on which the prediction is lost, those that show it.
    """

    slack: float
    lost: tuple[int, ...] = ()


def first_look(
    units: frozenset[int],
    now: Rooms,
    margin: Margin,
    measure: Measure,
    before: Sequence[int] = (),
    watched: Sequence[int] = (),
) -> Look:
    """The slack of a smaller mask, estimated from a few masked inputs.

    The hardest for the mask that it was cut from: on the same samples both are compared, so that a
    few tell by how much the mean falls. One that is lost ends it.

    Args:
        units: of the smaller mask.
        now: room of the larger one, on every masked input.
        margin: that is asked for.
        measure: gives the room of masks.
        before: masked inputs on which the last mask was lost: likely that this one is too.
        watched: further masked inputs to look at.
    """
    hardest = {name: lowest(now, margin.among(name))[:HARDEST] for name in margin.random}
    first = [*(places[0] for places in hardest.values()), *before]
    shifts = lowest(now, margin.among("shift"))[: SHIFTS + margin.tolerance]
    rest = [*margin.among("fixed"), *shifts, *watched]
    rest += [i for places in hardest.values() for i in places]
    seen: dict[int, float] = {}
    for some in (first, rest):
        seen |= measure([units], [some])[0]
        counted = decisive(seen, margin)
        if min(counted, default=0.0) < 0:
            return Look(min(counted), tuple(i for i in seen if seen[i] < 0))
    fallen = {n: fmean(now[i] - seen[i] for i in places) for n, places in hardest.items()}
    means = [above(now, margin, name, fell) for name, fell in fallen.items()]
    return Look(min([*decisive(seen, margin), *means]))


def lowest(rooms: Rooms, places: Sequence[int]) -> list[int]:
    """Masked inputs, that of the least room first."""
    return sorted(places, key=lambda i: rooms[i])
