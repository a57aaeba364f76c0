"""Patches, numbered samples and trials against plain loops, and patches that are needed again."""

import random
from itertools import product

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.masking.view import View
from med_cam.results.minimality import Patch
from med_cam.verify.decision import retains
from med_cam.verify.minimality import (
    Trial,
    gap_of,
    joined,
    lost,
    numbered,
    part,
    places,
    still_needed,
    trial_of,
    without,
)
from verify.small_scenes import SIDE, decision, fresh, scene, whole_numbers

SEEDS = st.integers(0, 10**6)


# Places and patches


def patches_of(mask, side):
    """The patches that hold evidence, pixel by pixel."""
    h, w = mask.shape[2:]
    return sorted(
        {(y // side, x // side) for y, x in product(range(h), range(w)) if mask[0, 0, y, x]}
    )


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.floats(0, 1))
def test_places_are_the_patches_that_hold_evidence_row_by_row(seed, h, w, side, share):
    mask = torch.rand(1, 1, h, w, generator=fresh(seed)) < share
    assert places(mask, side) == patches_of(mask, side)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 9), st.integers(2, 9), st.integers(1, 5))
def test_a_mask_without_some_patches_keeps_every_other_pixel(seed, h, w, side):
    mask = torch.rand(1, 1, h, w, generator=fresh(seed)) < 0.7
    before, chance = mask.clone(), random.Random(seed)
    gone = [place for place in patches_of(mask, side) if chance.random() < 0.4]
    left = without(mask, gone, side)
    for y, x in product(range(h), range(w)):
        taken = (y // side, x // side) in gone
        assert bool(left[0, 0, y, x]) == (bool(mask[0, 0, y, x]) and not taken)
    assert torch.equal(mask, before)
    assert patches_of(left, side) == [c for c in patches_of(mask, side) if c not in gone]


# Numbered samples


NAMES = ("gaussian", "black", "uniform", "grey", "others")


def test_fixed_baselines_come_first_and_random_ones_take_turns():
    s = scene(whole_numbers(1, 1, 2, 4, 4), others=3)
    samples = numbered(s, NAMES, 7, fresh())
    assert samples.shape == (2 + 7, 2, 4, 4)
    assert torch.equal(samples[0], torch.full((2, 4, 4), -1.0))  # black
    assert torch.equal(samples[1], torch.zeros(2, 4, 4))  # grey
    for i, sample in enumerate(samples[2:]):
        given_as = {"gaussian": 0, "uniform": 1, "others": 2}
        whole = bool((sample == sample.round()).all())
        between = bool(((sample >= -1) & (sample <= 4)).all())
        kind = "others" if whole else "uniform" if between and sample.amax() > 2.5 else "gaussian"
        assert given_as[kind] == i % 3


@pytest.mark.parametrize("names", [NAMES, ("gaussian",), ("grey", "gaussian"), ("others", "mean")])
def test_fewer_samples_are_the_first_of_more(names):
    s = scene(whole_numbers(1, 1, 2, 4, 4), others=3)
    many = numbered(s, names, 11, fresh(4))
    for count in range(1, 12):
        few = numbered(s, names, count, fresh(4))
        assert torch.equal(few, many[: len(few)])
        fixed = sum(name in ("grey", "black", "mean") for name in names)
        assert len(few) == fixed + count


def test_without_random_baselines_there_is_one_sample_of_each():
    samples = numbered(scene(whole_numbers(1, 1, 1, 4, 4)), ("grey", "white"), 9, fresh())
    assert [sample.unique().tolist() for sample in samples] == [[0.0], [4.0]]


# Trials


def test_a_trial_names_its_samples_and_shifts_and_lets_the_first_samples_take_turns():
    samples = torch.arange(5.0)[:, None, None, None].expand(5, 1, 2, 2)
    trial = trial_of(samples, [4, 1], [0, 3, 7, 9], 3, decision(), turn=3)
    assert trial.names == (
        ("sample", 4), ("sample", 1), ("shift", 0), ("shift", 3), ("shift", 7), ("shift", 9),
    )  # fmt: skip
    assert trial.infill[:, 0, 0, 0].tolist() == [4, 1, 0, 0, 1, 0]
    # Eight directions row by row, from up and left to down and right, then again from the first.
    assert trial.steps == ((0, 0), (0, 0), (-3, -3), (0, -3), (3, 3), (-3, 0))
    assert trial.tolerance == 0


def test_eight_shifts_in_a_row_are_all_eight_directions():
    samples = torch.zeros(1, 1, 2, 2)
    steps = trial_of(samples, [], range(8, 16), 2, decision(), turn=1).steps
    assert set(steps) == {(dy, dx) for dy, dx in product((-2, 0, 2), repeat=2)} - {(0, 0)}


def test_a_part_and_a_join_keep_what_belongs_together():
    samples = torch.arange(6.0)[:, None, None, None].expand(6, 1, 2, 2)
    one = trial_of(samples, [0, 2], [1], 3, decision(0.5), turn=6)
    other = Trial(**{f: getattr(trial_of(samples, [5], [], 3, decision(0.7), turn=6), f) for f in (
        "infill", "steps", "names", "decision")}, tolerance=2)  # fmt: skip
    both = joined(one, other)
    assert both.names == (("sample", 0), ("sample", 2), ("shift", 1), ("sample", 5))
    assert both.infill[:, 0, 0, 0].tolist() == [0, 2, 1, 5]
    assert both.steps == (*one.steps, *other.steps)
    assert (both.tolerance, both.decision.threshold) == (2, 0.7)
    some = part(both, [3, 2])
    assert some.names == (("sample", 5), ("shift", 1))
    assert some.infill[:, 0, 0, 0].tolist() == [5, 1]
    assert some.steps == ((0, 0), one.steps[2])
    assert (some.tolerance, some.decision.threshold) == (2, 0.7)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(0, 8), min_size=3, max_size=3),
    st.integers(0, 8),
    st.sampled_from([("softmax", 0.0), ("sigmoid", 0.25), ("sigmoid", 0.75)]),
)
def test_the_gap_is_below_0_exactly_where_the_prediction_is_not_retained(eighths, least, head):
    p = torch.tensor([eighths]) / 8
    on = decision(least / 8, *head)
    assert (gap_of(p, on)[0].item() >= 0) == bool(retains(p, on)[0])


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_the_gap_has_the_sign_of_the_judge_to_the_last_bit(p, threshold):
    rows = torch.tensor([[0.0, p, 0.0], [0.0, threshold, 0.0]])
    on = decision(threshold, "sigmoid", 0.0)
    assert (gap_of(rows, on) >= 0).tolist() == retains(rows, on).tolist()


# Needed again: nothing reported is believed

PATCH = 4
A, B, C, EDGE = (0, 0), (0, 1), (1, 1), (1, 2)  # patches of a 3 x 3 grid


def planted():
    """Needs a lit pixel each in A and B; sample 0 brings B's along, sample 1 A's; C is idle.

    EDGE is a lit pixel at the lower right corner of its patch, needed too, on every sample.
    """
    x = torch.zeros(1, 1, SIDE, SIDE)
    spots = {A: (1, 1), B: (1, 6), EDGE: (6, 10)}
    for y, column in spots.values():
        x[..., y, column] = 1.0
    infill = torch.zeros(2, 1, SIDE, SIDE)
    infill[0, 0, 1, 6] = 1.0
    infill[1, 0, 1, 1] = 1.0
    mask = without(torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool), [(2, 0), (2, 1), (2, 2)], PATCH)

    def predict(v):
        lit = torch.stack([v[:, 0, y, column] for y, column in spots.values()]).amin(dim=0)
        return torch.stack([0.25 + 0 * lit, 0.75 * lit, 0 * lit], dim=1)

    return predict, scene(x), infill, mask


def again(reported, *, shifts=(), tolerance=0):
    predict, s, infill, mask = planted()
    on = trial_of(infill, [0, 1], shifts, 1, decision(0.5), turn=2)
    on = Trial(on.infill, on.steps, on.names, on.decision, tolerance)
    found, _ = still_needed(View(predict, s), mask, PATCH, on, reported)
    assert [(c.row, c.column) for c in found] == [(r, c) for r in (0, 1) for c in (0, 1, 2)]
    return {(c.row, c.column): (c.witness, c.number) for c in found if c.witness}


TRUTH = {A: ("sample", 0), B: ("sample", 1), EDGE: ("sample", 0)}


def patches(reported):
    return [Patch(*place, *name) for place, name in reported.items()]


def test_the_planted_mask_is_sufficient_and_its_patches_are_needed_on_the_samples_they_should_be():
    predict, s, infill, mask = planted()
    on = trial_of(infill, [0, 1], (), 1, decision(0.5), turn=2)
    assert lost(View(predict, s), mask, on) is None
    for place, name in {**TRUTH, C: None}.items():
        assert lost(View(predict, s), without(mask, [place], PATCH), on) == name


def test_patches_that_are_reported_with_the_right_sample_are_needed():
    assert again(patches(TRUTH)) == TRUTH


def test_a_patch_reported_with_a_sample_that_does_not_show_it_is_not_needed():
    assert again(patches({**TRUTH, A: ("sample", 1)})) == {B: TRUTH[B], EDGE: TRUTH[EDGE]}
    assert again(patches({**TRUTH, EDGE: ("sample", 1)}))[EDGE] == ("sample", 1)  # either shows it


@pytest.mark.parametrize(
    "name", [("sample", 0), ("sample", 1), ("sample", 7), ("shift", -1), ("", -1)]
)
def test_an_idle_patch_is_not_needed_whatever_is_reported_of_it(name):
    assert again(patches({**TRUTH, C: name})) == TRUTH


@pytest.mark.parametrize("name", [("sample", 9), ("shift", 0), ("shift", -1), ("", -1), ("", 0)])
def test_a_needed_patch_reported_with_what_is_not_on_trial_is_not_needed(name):
    assert again(patches({**TRUTH, A: name})) == {B: TRUTH[B], EDGE: TRUTH[EDGE]}


def test_patches_that_nothing_is_reported_of_are_not_needed_and_others_are_left_out():
    assert again([]) == {}
    assert again(patches({B: TRUTH[B], (2, 2): ("sample", 0), (9, 9): ("sample", 0)})) == {
        B: TRUTH[B]
    }


def test_shifts_show_a_patch_only_where_more_are_lost_than_may_be():
    reported = patches({EDGE: ("shift", -1)})
    eight = again(reported, shifts=range(8), tolerance=7)
    assert eight == {EDGE: ("shift", -1)}  # lost in all eight
    assert again(reported, shifts=range(8), tolerance=8) == {}
