"""A certificate that is given up early: the same masks are certified, on the same samples."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.certification.certificate import losses_borne
from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.begun import Begun, in_turn, seen_on_all, until_lost
from med_cam.verify.certificate import least_retained, losses_allowed, risk_of, samples_for
from med_cam.verify.decision import Decision, Target

DECISION = Decision(Target(1, ("dark", "lit"), "softmax", 0.5, 0.9), 0.1, 0.5)
NOTHING = torch.zeros(1, 1, 1, 1, dtype=torch.bool)


def drawn(kept, grey=True, wanted=0.8):
    """A claim whose samples are retained or lost as told, and what was asked so far.

    Sample i of noise is a pixel of i + 1, grey one of 0.
    """
    told, asked = [grey, *kept], []

    def classifier(x):
        rows = [int(value) for value in x[:, 0, 0, 0]]
        asked.extend(rows)
        return torch.tensor([[0.1, 0.9] if told[row] else [0.9, 0.1] for row in rows])

    x = torch.full((1, 1, 1, 1), 99.0)
    scene = Scene(x, x > 0, -x, x, x[:0])
    noise = torch.arange(1, len(kept) + 1).float().view(-1, 1, 1, 1)
    samples = {"gaussian": noise, "grey": torch.zeros(1, 1, 1, 1)}
    rules = Verification(baselines=("gaussian", "grey"), certified=wanted)
    response = BaselineResponse({}, DECISION)
    generator = torch.Generator().manual_seed(0)
    return (
        Begun(
            View(classifier, scene),
            NOTHING,
            response,
            rules,
            generator,
            samples,
            others={},
            contents=x[:0],
            around=noise,
            seen={},
        ),
        asked,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 5), st.booleans())
def test_refused_is_what_all_samples_refuse_and_no_sample_is_asked_for_twice(kept, allowed, grey):
    claim, asked = drawn(kept, grey)
    looked, refused = until_lost(claim, allowed)
    assert refused == (not grey or kept.count(False) > allowed)
    needed = len(kept) + 1
    if refused:
        lost = [i for i, keeps in enumerate(kept) if not keeps]
        until = 8 * (lost[allowed] // 8 + 1) if grey else 0  # eight together
        needed = 1 + min(until, len(kept))
    assert asked == list(range(needed))
    every = seen_on_all(looked)
    assert sorted(asked) == list(range(len(kept) + 1))
    assert [bool(p[1] > 0.5) for p in every["gaussian"]] == kept
    assert bool(every["grey"][0, 1] > 0.5) == grey


@pytest.mark.parametrize("tried", [1, 2, 3])
@pytest.mark.parametrize("more", [0, 1, 5])
def test_as_many_samples_may_be_lost_as_the_bound_bears(tried, more):
    rules = Verification(certified=0.8)
    count = samples_for(0.8, risk_of(tried, rules.confidence), losses_allowed(tried)) + more
    claim, _ = drawn([True] * count)
    borne = losses_borne(claim, tried)
    assert borne >= losses_allowed(tried)
    assert count - borne == least_retained(count, 0.8, risk_of(tried, rules.confidence))


def test_masks_worse_than_the_bound_are_certified_no_more_often_than_the_risk():
    """Simulated: 120 masks of a retention of 0.79, each tried twice; given up early or judged."""
    generator, certified, asked_of_all = np.random.default_rng(0), 0, 0
    counts = [samples_for(0.8, risk_of(n, 0.95), losses_allowed(n)) for n in (1, 2)]
    for _ in range(120):
        for tried, count in enumerate(counts, start=1):
            claim, asked = drawn((generator.random(count) < 0.79).tolist())
            _, refused = until_lost(claim, losses_borne(claim, tried))
            asked_of_all += len(asked)
            if not refused:
                certified += 1
                break
    assert certified <= 120 * 0.05 + 3 * (120 * 0.05 * 0.95) ** 0.5
    assert asked_of_all < 120 * sum(counts) / 2  # what giving up spares


def test_fixed_baselines_come_first_and_random_ones_in_turn():
    many, few, one = (torch.zeros(n, 1, 1, 1) for n in (20, 10, 1))
    order = list(in_turn({"gaussian": many, "grey": one, "uniform": few}))
    assert [name for name, _ in order] == ["grey", *["gaussian", "uniform"] * 2, "gaussian"]
    for name, samples in (("gaussian", many), ("uniform", few), ("grey", one)):
        taken = [i for n, part in order if n == name for i in range(len(samples))[part]]
        assert taken == list(range(len(samples)))
        assert max(len(range(len(samples))[part]) for n, part in order if n == name) <= 8
