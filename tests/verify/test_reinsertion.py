"""Partial re-insertion: how patches are drawn, and what comes of it on planted truths."""

from itertools import product

import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest, kstest

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target
from med_cam.verify.reinsertion import reinserted, reinsertion

SIDE, PATCH, TRIALS = 24, 4, 300


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def box(top, left, size=8):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def drawn(mask=None, count=TRIALS, seed=0, side=PATCH):
    return reinserted(box(8, 8) if mask is None else mask, side, count, fresh(seed))


def test_the_evidence_is_always_shown():
    ragged = torch.rand(1, 1, SIDE, SIDE, generator=fresh(3)) < 0.2
    for mask in (box(8, 8), ragged):
        assert (drawn(mask) & mask == mask).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 6), st.integers(0, 99))
def test_what_is_shown_besides_are_whole_patches_cut_off_at_the_far_edges(h, w, side, seed):
    mask = torch.rand(1, 1, h, w, generator=fresh(seed)) < 0.3
    for trial in reinserted(mask, side, 4, fresh(seed)):
        for top, left in product(range(0, h, side), range(0, w, side)):
            patch = (0, slice(top, top + side), slice(left, left + side))
            hidden_part = trial[patch][~mask[0][patch]]
            assert hidden_part.all() or not hidden_part.any()


def test_the_share_shown_is_spread_evenly_from_nothing_to_everything():
    elsewhere = ~box(8, 8)[0, 0]
    masks = reinserted(box(8, 8), 1, TRIALS, fresh(1))  # many patches, so that shares are exact
    shares = masks[:, 0, elsewhere].float().mean(dim=1)
    assert kstest(shares.numpy(), "uniform").pvalue > 0.01
    assert shares.min() < 0.05
    assert shares.max() > 0.95


def test_every_patch_is_shown_in_half_of_the_trials_and_given_the_share_on_its_own():
    masks = drawn(count=2000, seed=2)[:, 0, ::PATCH, ::PATCH].flatten(1).float()
    outside = [i for i in range(36) if masks[:, i].min() == 0]
    assert len(outside) == 36 - 4
    assert (masks[:, outside].mean(dim=0) - 0.5).abs().max() < 0.06
    # Two patches go together in a third of the trials: the mean of the share squared.
    both = (masks[:, outside[0]] * masks[:, outside[-1]]).mean()
    assert both.item() == pytest.approx(1 / 3, abs=0.05)


def test_trials_differ_and_come_from_the_generator_only():
    first = drawn(count=20, seed=4)
    torch.rand(7)
    assert torch.equal(first, drawn(count=20, seed=4))
    assert not torch.equal(first, drawn(count=20, seed=5))
    assert len(torch.unique(first.flatten(1), dim=0)) > 15


def scene():
    x = torch.zeros(1, 1, SIDE, SIDE)
    x[..., 10:14, 10:14] = 3.0  # for the target
    x[..., 0:4, 20:24] = 2.0  # against it, and hidden by the mask
    return Scene(
        x,
        torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool),
        torch.full((1, 1, 1, 1), -1.0),
        torch.full((1, 1, 1, 1), 4.0),
        x[:0],
    )


DECISION = Decision(Target(1, ("other", "target"), "softmax", 0.0, 0.9), 0.1, 0.5)


def pair(p):
    return torch.stack([1 - p, p], dim=1)


def sees_the_evidence(x):
    return pair(0.1 + 0.8 * (x[:, 0, 10:14, 10:14] == 3).float().mean(dim=(1, 2)))


def is_talked_out_of_it(x):
    against = (x[:, 0, 0:4, 20:24] == 2).float().mean(dim=(1, 2))
    return pair(sees_the_evidence(x)[:, 1] * (1 - against))


def infill(count=5):
    return torch.randn(count, 1, SIDE, SIDE, generator=fresh(6)).clamp(-1, 1)


def test_a_prediction_that_rests_on_the_evidence_alone_stays_in_every_trial():
    found = reinsertion(
        View(sees_the_evidence, scene()), drawn(count=59), infill(), DECISION, 0.95
    )
    assert (found.trials, found.hits, found.confidence) == (59, 59, 0.95)
    assert found.bound == pytest.approx(0.05 ** (1 / 59), abs=1e-9)


def test_a_prediction_that_rests_on_what_was_hidden_changes_whenever_that_is_shown():
    masks = drawn(count=200)
    found = reinsertion(View(is_talked_out_of_it, scene()), masks, infill(), DECISION, 0.9)
    stays = sum(not bool(mask[0, 0, 23]) for mask in masks)
    assert 60 < stays < 140
    assert found.hits == stays
    low = binomtest(stays, 200, alternative="greater").proportion_ci(0.9, "exact").low
    assert found.bound == pytest.approx(low, abs=1e-9)


def test_it_is_enough_that_the_target_stays_first():
    def barely(x):
        return pair(0.51 + 0 * x[:, 0, 0, 0])

    strict = Decision(DECISION.target, 0.1, 0.8)
    assert reinsertion(View(barely, scene()), drawn(count=10), infill(), strict, 0.95).hits == 10


def test_baselines_take_turns_behind_what_is_shown():
    s, masks, baselines = scene(), drawn(count=13, seed=8), infill(5)
    seen = []

    def noting(x):
        seen.append(x)
        return sees_the_evidence(x)

    reinsertion(View(noting, s), masks, baselines, DECISION, 0.95)
    masked = torch.cat(seen)
    assert len(masked) == 13
    for i, (trial, mask) in enumerate(zip(masked, masks, strict=True)):
        for y, x in product(range(SIDE), range(SIDE)):
            source = s.x[0] if mask[0, y, x] else baselines[i % 5]
            assert trial[0, y, x] == source[0, y, x]
