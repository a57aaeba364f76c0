"""A sample that breaks a reduced mask brings back what it needs, and is reported by its number.

The classifier asks for one square, and for a second one on hard samples: those with a high pixel
in one place. The place and the limit are chosen so that just one numbered sample is hard.
"""

from dataclasses import replace

import pytest
import torch
from recording import (
    FAST,
    FIRST,
    FOURTH,
    STRIP,
    Toy,
    Watch,
    found_on,
    losing,
    of,
    patches_mask,
    predicting,
    the_case,
)

from med_cam.certification.minimality import retested, sample_set
from med_cam.pipeline.certify import certified
from med_cam.reduction.counterexamples import reduced
from med_cam.results.minimality import Patch

NEEDED, AT_TIMES, NEVER = (0, 0), (2, 2), (0, 1)  # patches: the square, the second one, neither
START = patches_mask(NEEDED, AT_TIMES, NEVER)
POOL = FAST.certification.pool


def made_hard(toy, samples, least):
    """Let one sample be hard, whose number is at least this; which one."""
    values = samples[:, 0, STRIP]
    for column in range(values.shape[1]):
        second, first = values[:, column].sort().values[-2:].tolist()
        number = int(values[:, column].argmax())
        if number >= least and first > second + 1e-3:
            toy.column, toy.limit = column, (first + second) / 2
            return number
    raise AssertionError("no pixel is highest in such a sample")


@pytest.fixture
def toy():
    return Toy((FIRST,), also=FOURTH)


@pytest.fixture
def case(toy):
    with the_case(toy) as case:
        yield case


def on_the_pool(case, toy):
    """The mask that was found, and the number of the sample of the pool that is hard."""
    found = found_on(case, START)
    on = sample_set(case, found.response.decision)
    return found, made_hard(toy, on.samples, on.first)


def shown_by(minimality):
    return {(c.row, c.column): (c.witness, c.number) for c in minimality.patches}


def test_without_a_hard_sample_only_what_is_always_needed_is_left(case):
    found = found_on(case, START)
    done = certified(case, found)
    assert torch.equal(done.mask, patches_mask(NEEDED)[0, 0])
    assert done.minimality.rounds == 1
    assert done.minimality.holds


def test_a_sample_of_the_pool_that_breaks_the_reduced_mask_brings_its_patch_back(case, toy):
    found, number = on_the_pool(case, toy)
    done = certified(case, found)
    assert torch.equal(done.mask, patches_mask(NEEDED, AT_TIMES)[0, 0])
    assert number in done.minimality.samples
    assert shown_by(done.minimality)[AT_TIMES] == ("sample", number)
    assert done.minimality.rounds == 2
    assert done.minimality.holds
    assert (done.minimality.before, done.minimality.after) == (48 / 256, 32 / 256)


def test_what_is_reduced_survives_every_sample_that_its_start_survives(case, toy):
    found, _ = on_the_pool(case, toy)
    on = sample_set(case, found.response.decision)
    now = reduced(case, START, on, FAST.certification.patch)
    p = case.claims.classifier(torch.where(now.mask, case.scene.x, on.samples))
    assert bool((p[:, 1] >= found.response.decision.threshold).all())
    assert {kind for kind, _ in now.trial.names} == {"sample", "shift"}


def test_only_the_samples_that_break_it_join_and_not_the_whole_pool(case, toy):
    found, number = on_the_pool(case, toy)
    done = certified(case, found)
    first = range(1 + FAST.certification.reduction_samples)  # grey, then noise
    assert set(done.minimality.samples) == {*first, number}


def test_after_a_refused_certificate_further_samples_are_looked_at(case, toy):
    found = found_on(case, START)
    on = sample_set(case, found.response.decision, more=2 * POOL)
    usual = len(sample_set(case, found.response.decision).samples)
    number = made_hard(toy, on.samples, usual)
    done = certified(losing(case, [2]), found)
    assert done.tried == 2
    assert torch.equal(done.mask, patches_mask(NEEDED, AT_TIMES)[0, 0])
    assert shown_by(done.minimality)[AT_TIMES] == ("sample", number)
    assert number >= usual == 1 + FAST.certification.reduction_samples + POOL


def test_the_numbers_that_are_reported_are_those_of_the_samples_that_were_shown(case, toy):
    found, number = on_the_pool(case, toy)
    watch = Watch(case)
    done = certified(watch.case, found)
    sample = sample_set(case, found.response.decision).samples[number]
    hidden = ~done.mask
    seen = [x for call in of(watch.take(), "claims") for x in call.x]
    assert any(torch.equal(x[0][hidden], sample[0][hidden]) for x in seen)


def whatever(case, p_lit):
    """Claims are put to a classifier that gives this to everything."""

    def predict_one(x):
        p = case.claims.classifier(x)
        p[:] = p.new_tensor([1.0 - p_lit, p_lit])
        return p

    return predicting(case, predict_one)


def test_patches_count_as_needed_only_if_that_shows_again_one_masked_input_per_pass(case):
    found = found_on(case, START)
    done = certified(whatever(case, 1.0), found)
    assert done.minimality.sufficient
    assert done.minimality.needed == 0
    assert not done.minimality.holds


def test_a_mask_is_sufficient_only_if_that_shows_again(case):
    found = found_on(case, START)
    done = certified(whatever(case, 0.0), found)
    assert not done.minimality.sufficient
    assert not done.minimality.holds


def test_patches_are_those_of_the_mask_that_is_exported_and_not_those_that_are_reported(case):
    found = found_on(case, START)
    reported = certified(case, found).minimality
    on = sample_set(case, found.response.decision)
    trial = on.trial(reported.samples, reported.shifts, tolerance=reported.tolerance)
    more = (*reported.patches, Patch(*NEVER, "sample", 0), Patch(3, 0, "sample", 0))
    wide = patches_mask(NEEDED, NEVER)[0, 0]
    again = retested(case, wide, trial, replace(reported, patches=more))
    shown = shown_by(again)
    assert set(shown) == {NEEDED, NEVER}
    assert shown[NEEDED][0] == "sample"
    assert shown[NEVER] == ("", -1)
    assert not again.holds
    assert again.after == 32 / 256


def test_a_mask_that_was_not_reduced_is_reported_with_each_patch_tried(case):
    found = found_on(case, START)
    done = certified(losing(case, [2, 0]), found)  # the start is certified in the end
    assert torch.equal(done.mask, START[0, 0])
    assert {place: bool(by) for place, (by, _) in shown_by(done.minimality).items()} == {
        NEEDED: True, AT_TIMES: False, NEVER: False,
    }  # fmt: skip
    assert not done.minimality.holds


def test_without_a_reduction_nothing_is_reported_of_patches(case):
    none = replace(FAST, certification=replace(FAST.certification, patch=0))
    unreduced = replace(case, config=none)
    assert certified(unreduced, found_on(unreduced, START)).minimality is None
