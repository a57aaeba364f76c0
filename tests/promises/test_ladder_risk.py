"""The rungs of the ladder share one risk, and each bound is as rarely too high as it says.

Simulated without any network: what is counted, how often, and what depends on what came before.
"""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from recording import FAST, FIRST, Toy, Watch, found_on, noise, patches_mask, shared, the_case
from scipy.stats import beta, binom

from med_cam.case.seeds import GRADE_SEARCH, LACK_SEARCH, fresh
from med_cam.certification.certificate import certificate_of
from med_cam.certification.ladder import bounded, controlled, graded, necessary, ranked
from med_cam.pipeline import graded as pipeline_graded, necessary as pipeline_necessary
from med_cam.pipeline.deletion_map import deletion_map
from med_cam.pipeline.graded import graded_step
from med_cam.pipeline.necessary import necessary_step
from med_cam.pipeline.ranked import best_quarter
from med_cam.pipeline.rung import Now
from med_cam.results.ladder import RUNGS
from med_cam.verify.certificate import risk_of
from med_cam.verify.minimality import numbered
from med_cam.verify.random_masks import rank
from med_cam.verify.rungs import risk_left, risks

CONFIDENCE = 0.95
AFTER = RUNGS[1:]
some_bounds = st.tuples(st.integers(0, 8), *(st.integers(0, 1) for _ in AFTER))


def of_rungs(counts):
    return list(zip(RUNGS, counts, strict=True))


@given(some_bounds, st.sampled_from([0.8, 0.95, 0.999]))
def test_whatever_is_tried_all_risks_together_are_at_most_one_minus_the_confidence(
    counts, confidence
):
    taken = list(risks(of_rungs(counts), confidence))
    assert sum(taken) <= 1 - confidence + 1e-12
    assert all((risk > 0) == (count > 0) for risk, count in zip(taken, counts, strict=True))
    assert risk_left(of_rungs(counts), confidence) == pytest.approx(1 - confidence - sum(taken))


@given(some_bounds)
def test_the_full_claim_takes_what_its_certificates_have(counts):
    first = next(risks(of_rungs(counts), CONFIDENCE))
    assert first == pytest.approx(sum(risk_of(n, CONFIDENCE) for n in range(1, counts[0] + 1)))


@given(some_bounds)
def test_a_rung_that_came_to_no_bound_leaves_its_part_to_those_below(counts):
    """Half of what is left, the last all of it: by a plain account."""
    left = (1 - CONFIDENCE) * 0.2 ** counts[0]
    parts = zip(RUNGS, counts, risks(of_rungs(counts), CONFIDENCE), strict=True)
    for name, count, taken in [*parts][1:]:
        part = 0.0 if not count else left if name == "ranked" else left / 2
        assert taken == pytest.approx(part)
        left -= part


def test_in_simulated_ladders_some_bound_is_too_high_no_oftener_than_the_risk():
    """True rates drawn anew; a rung is given up before its bound by a coin that never sees it."""
    rng, trials = np.random.default_rng(0), 4000
    rates = rng.uniform(0.7, 0.999, (trials, 4))
    tried = rng.integers(0, 2, (trials, 4)).astype(bool)
    wrong = np.zeros(trials, dtype=bool)
    for i in range(trials):
        bounds = [("sufficient", int(tried[i, 0])), ("restricted", 0)]
        bounds += [("graded", int(tried[i, 1])), ("necessary", int(tried[i, 2]))]
        taken = dict(zip((name for name, _ in bounds), risks(bounds, CONFIDENCE), strict=True))
        for j, name in enumerate(("sufficient", "graded", "necessary")):
            if taken[name]:
                hits = binom.rvs(100, rates[i, j], random_state=rng)
                low = beta.ppf(taken[name], hits, 101 - hits) if hits else 0.0
                wrong[i] |= low > rates[i, j]
    assert wrong.sum() <= binom.ppf(0.9999, trials, 1 - CONFIDENCE)


@pytest.mark.parametrize("masks", [19, 39, 199])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_a_mask_that_is_one_more_random_mask_stands_out_no_oftener_than_its_rank_says(
    masks, level
):
    """Scores with many ties, which count against it."""
    rng, trials = np.random.default_rng(1), 20_000
    scores = rng.integers(0, 500, (trials, masks + 1))
    hits = (scores[:, 1:] >= scores[:, :1]).sum(axis=1)
    out = sum(rank(int(k), masks) <= level for k in hits)
    assert out <= binom.ppf(0.9999, trials, level)


@pytest.fixture(scope="module")
def stages():
    """The noise that each part of the ladder saw, by its name; the graded claim at full strength.

    The square at the first place is what the mask holds.
    """
    with the_case(Toy((FIRST,)), FAST) as given_case:
        watch = Watch(given_case)
        case, parts = watch.case, {}
        found = found_on(case, patches_mask((0, 0)))
        decision, mask = found.response.decision, found.mask
        parts["claim"] = watch.take()

        def part(name, function):
            done = function()
            parts[name] = watch.take()
            return done

        part("certificate", lambda: certificate_of(case, mask, found.response, 1))
        scores = part("map", lambda: deletion_map(case))
        state = Now(case, found, 0.01, 10_000, (scores,))
        names, count = case.config.verification.baselines, 4
        for name, asked in {
            "graded": graded(case, decision, 1.0, names), "necessary": necessary(case, decision)
        }.items():  # fmt: skip
            compared = part(f"{name}, control", lambda asked=asked: controlled(case, mask, asked))
            for each in (mask, ~mask):  # one hides what the other shows
                args = (case, each, asked, compared, 0.005)
                part(f"{name}, {each is mask}", lambda args=args: bounded(*args))
        part("quarter", lambda: best_quarter(state))
        part("ranked", lambda: ranked(case, mask, 3, 0.05, None))
        for name, purpose in {"search": LACK_SEARCH, "graded, search": GRADE_SEARCH}.items():
            on = numbered(case.scene, names, count, fresh(case, purpose))
            part(name, lambda on=on: case.batched.over(mask[None, None], on))
        return {name: noise(calls, given_case.scene.x) for name, calls in parts.items()}


def test_every_part_of_the_ladder_sees_noise(stages):
    assert len(stages) == 13
    assert all(len(seen) > 20 for seen in stages.values())


def test_no_part_of_the_ladder_sees_noise_of_another(stages):
    """But for a mask and its complement, which are tested on the same samples."""
    both = [(a, b) for a, b in combinations(stages, 2) if shared(stages[a], stages[b])]
    assert both == []


def test_the_searches_draw_from_the_purposes_that_are_looked_at_here(monkeypatch):
    """The steps ask for no other generator; what they find is judged on purposes of its own."""
    asked = []
    for module in (pipeline_graded, pipeline_necessary):
        monkeypatch.setattr(module, "fresh", lambda case, p: asked.append(p) or fresh(case, p))
    with the_case(Toy((FIRST,)), FAST) as case:
        found = found_on(case, patches_mask((0, 0)))
        now = Now(case, found, 0.01, 10_000, (found.scores,))
        graded_step(now)
        necessary_step(now)
    assert asked == [GRADE_SEARCH, LACK_SEARCH]
