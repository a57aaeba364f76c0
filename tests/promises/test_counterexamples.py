"""A draw that breaks a pruned mask brings back what it needs, and is told of by its number.

The classifier asks for one square, and for a second one on hard draws: those with a high pixel in
one place. The place and the limit are chosen so that just one numbered draw is hard.
"""

from dataclasses import replace

import pytest
import torch
from recording import (
    FAST,
    FIRST,
    SPARE,
    STRIP,
    Toy,
    Watch,
    cells_mask,
    found_on,
    losing,
    of,
    the_case,
)

from med_cam.certification.minimality import ground, retested
from med_cam.pipeline.certify import certified
from med_cam.reduction.counterexamples import reduced
from med_cam.results import Patch

NEEDED, AT_TIMES, NEVER = (0, 0), (2, 2), (0, 1)  # cells: the square, the second one, neither
START = cells_mask(NEEDED, AT_TIMES, NEVER)
POOL = FAST.certification.pool


def made_hard(toy, samples, least):
    """Let one draw be hard, whose number is at least this; which one."""
    values = samples[:, 0, STRIP]
    for column in range(values.shape[1]):
        second, first = values[:, column].sort().values[-2:].tolist()
        number = int(values[:, column].argmax())
        if number >= least and first > second + 1e-3:
            toy.column, toy.limit = column, (first + second) / 2
            return number
    raise AssertionError("no pixel is highest in such a draw")


@pytest.fixture
def toy():
    return Toy((FIRST,), tolerance=SPARE)


@pytest.fixture
def case(toy):
    with the_case(toy) as case:
        yield case


def on_the_pool(case, toy, config=FAST):
    """The mask that was found, and the number of the draw of the pool that is hard."""
    found = found_on(case, START, config)
    on = ground(case, found.response.decision, config)
    return found, made_hard(toy, on.samples, on.first)


def shown_by(minimality):
    return {(c.row, c.column): (c.witness, c.number) for c in minimality.patches}


def test_without_a_hard_draw_only_what_is_always_needed_is_left(case):
    found = found_on(case, START, FAST)
    done = certified(case, found, FAST)
    assert torch.equal(done.mask, cells_mask(NEEDED)[0, 0])
    assert done.minimality.rounds == 1
    assert done.minimality.holds


def test_a_draw_of_the_pool_that_breaks_the_pruned_mask_brings_its_cell_back(case, toy):
    found, number = on_the_pool(case, toy)
    done = certified(case, found, FAST)
    assert torch.equal(done.mask, cells_mask(NEEDED, AT_TIMES)[0, 0])
    assert number in done.minimality.samples
    assert shown_by(done.minimality)[AT_TIMES] == ("sample", number)
    assert done.minimality.rounds == 2
    assert done.minimality.holds
    assert (done.minimality.before, done.minimality.after) == (48 / 256, 32 / 256)


def test_what_is_pruned_survives_every_draw_that_its_start_survives(case, toy):
    found, _ = on_the_pool(case, toy)
    on = ground(case, found.response.decision, FAST)
    now = reduced(case, START, on, FAST.certification.patch)
    p = case.predict_one(torch.where(now.mask, case.scene.x, on.samples))
    assert bool((p[:, 1] >= found.response.decision.threshold).all())
    assert {kind for kind, _ in now.trial.names} == {"sample", "shift"}


def test_only_the_draws_that_break_it_join_and_not_the_whole_pool(case, toy):
    found, number = on_the_pool(case, toy)
    done = certified(case, found, FAST)
    first = range(1 + FAST.certification.reduction_samples)  # grey, then noise
    assert set(done.minimality.samples) == {*first, number}


def test_after_a_refused_certificate_further_draws_are_looked_at(case, toy):
    found = found_on(case, START, FAST)
    on = ground(case, found.response.decision, FAST, more=2 * POOL)
    usual = len(ground(case, found.response.decision, FAST).samples)
    number = made_hard(toy, on.samples, usual)
    done = certified(losing(case, [1]), found, FAST)
    assert done.tried == 2
    assert torch.equal(done.mask, cells_mask(NEEDED, AT_TIMES)[0, 0])
    assert shown_by(done.minimality)[AT_TIMES] == ("sample", number)
    assert number >= usual == 1 + FAST.certification.reduction_samples + POOL


def test_the_numbers_that_are_told_are_those_of_the_draws_that_were_shown(case, toy):
    found, number = on_the_pool(case, toy)
    watch = Watch(case)
    done = certified(watch.case, found, FAST)
    draw = ground(case, found.response.decision, FAST).samples[number]
    hidden = ~done.mask
    seen = [x for call in of(watch.take(), "singly") for x in call.x]
    assert any(torch.equal(x[0][hidden], draw[0][hidden]) for x in seen)


def kept_whatever(case):
    """Claims are answered by a classifier that keeps everything."""

    def predict_one(x):
        p = case.predict_one(x)
        p[:] = p.new_tensor([0.0, 1.0])
        return p

    return replace(case, predict_one=predict_one)


def lost_whatever(case):
    def predict_one(x):
        p = case.predict_one(x)
        p[:] = p.new_tensor([1.0, 0.0])
        return p

    return replace(case, predict_one=predict_one)


def test_cells_count_as_needed_only_if_that_is_seen_again_one_composite_a_pass(case):
    found = found_on(case, START, FAST)
    done = certified(kept_whatever(case), found, FAST)
    assert done.minimality.sufficient
    assert done.minimality.needed == 0
    assert not done.minimality.holds


def test_a_mask_is_sufficient_only_if_that_is_seen_again(case):
    found = found_on(case, START, FAST)
    done = certified(lost_whatever(case), found, FAST)
    assert not done.minimality.sufficient
    assert not done.minimality.holds


def test_cells_are_those_of_the_mask_that_is_exported_and_not_those_that_are_told(case):
    found = found_on(case, START, FAST)
    told = certified(case, found, FAST).minimality
    on = ground(case, found.response.decision, FAST)
    trial = on.trial(told.samples, told.shifts, tolerance=told.tolerance)
    more = (*told.patches, Patch(*NEVER, "sample", 0), Patch(3, 0, "sample", 0))
    wide = cells_mask(NEEDED, NEVER)[0, 0]
    again = retested(case, wide, trial, replace(told, patches=more))
    shown = shown_by(again)
    assert set(shown) == {NEEDED, NEVER}
    assert shown[NEEDED][0] == "sample"
    assert shown[NEVER] == ("", -1)
    assert not again.holds
    assert again.after == 32 / 256


def test_a_mask_that_was_not_pruned_is_told_with_each_cell_tried(case):
    found = found_on(case, START, FAST)
    done = certified(losing(case, [1, 0]), found, FAST)  # the start is certified in the end
    assert torch.equal(done.mask, START[0, 0])
    assert {place: bool(by) for place, (by, _) in shown_by(done.minimality).items()} == {
        NEEDED: True, AT_TIMES: False, NEVER: False,
    }  # fmt: skip
    assert not done.minimality.holds


def test_without_a_discrete_stage_nothing_is_told_of_cells(case):
    none = replace(FAST, certification=replace(FAST.certification, patch=0))
    assert certified(case, found_on(case, START, none), none).minimality is None
