"""Judges of masks that are not tried yet: by their outline, and by what they do in pictures.

On fewer contents and pictures than the claim takes: the certificate decides.
"""

from collections.abc import Callable
from dataclasses import replace

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import CANDIDATES, fresh
from med_cam.reduction.bisection import Passes, remembered
from med_cam.reduction.ground import Ground
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.consistency import Pictures, consistency, moves_none
from med_cam.verify.decision import retains
from med_cam.verify.minimality import Mask
from med_cam.verify.shape_leakage import other_contents

FIRST = 4  # contents of other images: a mask that leaks over them is not tried on the rest


def judged_by_shape(case: Case, ground: Ground, response: BaselineResponse, trials: int) -> Passes:
    """Whether a mask's outline does not give the label, and its evidence moves other pictures.

    On fewer contents and pictures than the claim takes: the certificate decides.

    Args:
        case: the image before the classifier.
        ground: for what is painted around the contents.
        response: what is predicted for baselines alone.
        trials: contents of other images, at most.
    """
    leaks, moves = leaking(case, ground, response, trials), moving(case, response)
    return remembered(lambda mask: not leaks(mask) and moves(mask))


def leaking(
    case: Case, ground: Ground, response: BaselineResponse, trials: int, *, sure: bool = False
) -> Callable[[Mask], bool]:
    """Whether a mask's outline gives the label: over contents of other images, too many get it.

    None is looked at twice, nor more than it takes to see a leak; those that gave the label the
    last time go first. Where `sure`, a mask that leaks over so few is looked at over as many as
    the claim takes: of twenty contents two may give the label, and every third time one of these
    is among the first four.
    """
    rules, scene = case.config.verification, case.scene
    decision, infill = response.decision, ground.trial.infill
    few = min(trials, len(scene.others) or trials)
    most = max(few, min(rules.leakage_trials, len(scene.others) or few)) if sure else few
    contents = other_contents(scene, most, fresh(case, CANDIDATES))
    searched = {name: response.predictions[name] for name in rules.baselines}
    limit = baseline_rate(searched, decision) + rules.leakage_margin
    order = list(range(most))

    def leaks(mask: Mask) -> bool:
        given: list[int] = []
        for first in range(0, most, FIRST):
            if first >= few and len(given) <= limit * few:
                return False
            some = order[first : first + FIRST]
            around = infill[[i % len(infill) for i in some]]
            p = case.batched.over(mask, around, content=contents[some])
            got = retains(p, decision).tolist()
            given += [i for i, label in zip(some, got, strict=True) if label]
            if len(given) > limit * most:
                order.sort(key=lambda i: i not in given)
                return True
        return False

    return leaks


def moving(case: Case, response: BaselineResponse) -> Callable[[Mask], bool]:
    """Whether the evidence of a mask moves other pictures toward the label."""
    rules, among = case.config.verification, few(case, response)

    def moves(mask: Mask) -> bool:
        moved = consistency(case.batched, mask, among, case.target, rules)
        return all(check.passed for check in moved)

    return moves


def few(case: Case, response: BaselineResponse) -> Pictures | None:
    """Fewer pictures than the claim takes: the certificate decides."""
    among, count = response.pictures, case.config.refinement.consistency_trials
    if among is None:
        return None
    return replace(among, shown=among.shown[:count], log_odds=among.log_odds[:count])


def still(case: Case, mask: Mask, response: BaselineResponse) -> bool:
    """Whether a mask moves no picture at all: then no larger one is tried, see `propose`.

    Where nothing is painted that is no sign of two faces: a network that averages what is shown,
    and nothing else, is sure by a speck that is one of thousands of places in a picture. There
    larger masks are tried, and each that is taken is asked for pictures.
    """
    shown, rules = reread(case, exported(case, mask)), case.config.verification
    return moves_none(case.claims, shown, response.pictures, case.target, rules)
