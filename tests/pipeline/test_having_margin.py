"""Masks that have their margin: what one is lost on, the next is measured on first."""

import torch
from hypothesis import given, settings, strategies as st

from med_cam.pipeline.region_mask import by_few, having_margin
from med_cam.reduction.ground import Ground
from med_cam.reduction.rooms import Margin
from med_cam.verify.decision import Decision, Target
from med_cam.verify.minimality import Trial

KINDS = ("fixed", *("gaussian",) * 9, *("shift",) * 6)
REGIONS = torch.arange(1, 9).view(1, 1, 2, 4)
MASKS = [count >= REGIONS for count in range(1, 9)]
NEEDED = st.lists(st.integers(1, 7), min_size=len(KINDS), max_size=len(KINDS))


def ground(needed, tolerance, asked):
    """A mask is retained on a masked input if it has so many regions."""

    def measure(several, places):
        pairs = [(len(units), list(some)) for units, some in zip(several, places, strict=True)]
        asked.extend((count, place) for count, some in pairs for place in some)
        return [{i: float(count - needed[i]) for i in some} for count, some in pairs]

    steps, names = ((0, 0),) * len(KINDS), tuple((kind, 0) for kind in KINDS)
    target = Target(0, ("this", "other"), "softmax", 0.5, 0.9)
    nothing = torch.zeros(len(KINDS), 1, 2, 4)
    trial = Trial(nothing, steps, names, Decision(target, p_baseline=0.1, threshold=0.5))
    return Ground(REGIONS, trial, Margin(KINDS, 0.0, tolerance), measure)


@settings(deadline=None, max_examples=60)
@given(NEEDED, st.integers(0, 2))
def test_masks_that_have_the_margin_are_given_in_order(needed, tolerance):
    """Those with as many regions as each masked input needs, but for the shifts let off."""
    still, shifts = needed[:10], sorted(needed[10:])
    enough = max(*still, shifts[len(shifts) - 1 - tolerance])
    found = [int(mask.sum()) for mask in having_margin(MASKS, ground(needed, tolerance, []))]
    assert found == [count for count in range(1, 9) if count >= enough]


def test_a_mask_is_measured_first_on_what_the_one_before_is_lost_on():
    needed = [1] * len(KINDS)
    needed[12] = 4  # a shifted mask
    asked: list[tuple[int, int]] = []
    found = next(having_margin(MASKS, ground(needed, 0, asked)))
    assert int(found.sum()) == 4
    assert {place for count, place in asked if count == 1} == {*range(len(KINDS))}
    assert [place for count, place in asked if count in (2, 3)] == [12, 12]


def test_a_mask_that_is_not_asked_for_is_not_measured():
    asked: list[tuple[int, int]] = []
    next(having_margin(MASKS, ground([1] * len(KINDS), 0, asked)))
    assert {count for count, _ in asked} == {1}


def test_by_few_masks_are_lost_on_unshifted_ones_alone_that_of_the_last_first():
    needed = [1] * len(KINDS)
    needed[5], needed[12] = 4, 8  # one of the first, and a shifted mask
    asked: list[tuple[int, int]] = []
    passes = by_few(ground(needed, 0, asked))
    assert [passes(mask) for mask in MASKS] == [False] * 3 + [True] * 5
    assert {place for count, place in asked if count == 1} == {*range(8)}
    assert [place for count, place in asked if count in (2, 3)] == [5, 5]
