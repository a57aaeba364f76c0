"""The exact bound against other implementations, and what a certificate makes of its counts."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest

from med_cam.config.settings import Verification
from med_cam.verify.certificate import (
    as_tried,
    certificate,
    least_retained,
    losses_allowed,
    lower_bound,
    rate,
    risk_of,
    samples_for,
    spread,
    upper_bound,
)
from med_cam.verify.decision import Decision, Target, lead
from verify.counted import NOMINAL, counted

COUNTS = st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
RISKS = st.floats(1e-4, 0.5)


def at_least(hits, trials, p):
    """Probability of so many hits or more, term by term."""
    return math.fsum(
        math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(hits, trials + 1)
    )


def at_most(losses, trials, p):
    """Probability of so many losses or fewer, term by term."""
    few = range(min(losses, trials) + 1)
    return math.fsum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in few)


def bisected(hits, trials, risk):
    """The rate at which so many hits or more have the probability `risk`."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(hits, trials, middle) < risk else (low, middle)
    return low


def exact(retained, samples, risk):
    return binomtest(retained, samples, alternative="greater").proportion_ci(1 - risk, "exact").low


@settings(max_examples=25, deadline=None)
@given(COUNTS, RISKS)
def test_the_lower_bound_is_that_of_scipy_and_of_a_bisection_on_the_binomial_sum(count, risk):
    hits, trials = count
    assert lower_bound(hits, trials, risk) == pytest.approx(exact(hits, trials, risk), abs=1e-9)
    if hits:
        found = bisected(hits, trials, risk)
        assert lower_bound(hits, trials, risk) == pytest.approx(found, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(COUNTS, RISKS)
def test_the_upper_bound_is_that_of_scipy(count, risk):
    hits, trials = count
    test = binomtest(hits, trials, alternative="less")
    high = test.proportion_ci(1 - risk, "exact").high
    assert upper_bound(hits, trials, risk) == pytest.approx(high, abs=1e-9)


def test_the_bounds_at_the_ends_are_the_closed_forms():
    assert lower_bound(0, 20, 0.05) == 0.0
    assert upper_bound(20, 20, 0.05) == 1.0
    assert lower_bound(59, 59, 0.05) == pytest.approx(0.05 ** (1 / 59), abs=1e-12)
    assert upper_bound(0, 20, 0.05) == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-12)


def test_a_rate_has_the_bound_of_the_side_it_is_asked_for():
    below, above = (rate(57, 59, 0.95, at_least=side) for side in (True, False))
    assert (below.trials, below.hits, below.confidence) == (59, 57, 0.95)
    assert below.bound == pytest.approx(bisected(57, 59, 0.05), abs=1e-7)
    assert above.bound == pytest.approx(1 - bisected(2, 59, 0.05), abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 0.995), st.floats(1e-5, 0.2), st.integers(0, 6))
def test_no_fewer_samples_would_do(wanted, risk, failures):
    n = samples_for(wanted, risk, failures)
    # A rate just below `wanted` passes no more often than `risk`; with fewer samples, more often.
    assert at_most(failures, n, 1 - wanted) <= risk * (1 + 1e-6)
    assert n - 1 <= failures or at_most(failures, n - 1, 1 - wanted) > risk * (1 - 1e-6)


@pytest.mark.parametrize("wanted", [0.2, 0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_certificate_holds_if_no_more_samples_are_lost_than_it_allows(wanted):
    for tried in range(1, 6):
        risk, failures = risk_of(tried, NOMINAL), losses_allowed(tried)
        n = samples_for(wanted, risk, failures)
        enough, few = (replace(counted(n - k, n), wanted=wanted) for k in (failures, failures + 1))
        assert as_tried(enough, tried, random=1).holds
        assert not as_tried(few, tried, random=1).holds


def test_the_first_mask_may_lose_one_sample_and_later_ones_more_and_more():
    assert [losses_allowed(tried) for tried in (1, 2, 3, 4)] == [1, 2, 4, 6]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.floats(0.3, 0.99), st.floats(1e-3, 0.2))
def test_the_fewest_samples_retained_that_are_enough_are_found(samples, wanted, risk):
    enough = [k for k in range(samples + 1) if exact(k, samples, risk) >= wanted]
    assert least_retained(samples, wanted, risk) == min(enough, default=samples + 1)


def test_where_no_number_is_enough_one_more_than_all_is_asked_for():
    assert least_retained(4, 0.5, 0.05) == 5  # 0.05 ** (1 / 4) is 0.47
    assert least_retained(5, 0.5, 0.05) == 5  # 0.05 ** (1 / 5) is 0.55


def test_the_first_certificate_takes_as_many_samples_as_the_settings_say():
    rules = Verification()
    assert samples_for(rules.certified, risk_of(1, rules.confidence), losses_allowed(1)) == 99
    assert samples_for(0.95, 0.04) == 63  # to lose none
    assert samples_for(0.95, 0.05) == 59
    assert samples_for(0.99, 0.05) == 299
    assert samples_for(0.95, 0.05, 1) == 93  # the textbook's sample sizes
    assert samples_for(0.95, 0.05, 2) == 124


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.999])
def test_the_risks_of_all_masks_tried_sum_to_what_is_left_of_the_confidence(confidence):
    shares = [risk_of(tried, confidence) for tried in range(1, 60)]
    assert math.fsum(shares) == pytest.approx(1 - confidence, rel=1e-12)
    assert all(later < earlier for earlier, later in pairwise(shares))
    assert shares[0] == pytest.approx(0.8 * (1 - confidence))
    assert shares[1] == pytest.approx(0.16 * (1 - confidence))


@pytest.mark.parametrize("tried", [1, 2, 5])
def test_a_later_mask_has_the_bound_of_its_own_smaller_risk(tried):
    found = as_tried(counted(60, 63), tried, random=1)
    risk = 0.05 * 0.8 * 0.2 ** (tried - 1)
    assert (found.tried, found.samples, found.retained) == (tried, 63, 60)
    assert found.risk == pytest.approx(risk)
    assert found.bound == pytest.approx(bisected(60, 63, risk), abs=1e-7)
    assert not found.holds


def test_fixed_baselines_that_are_retained_do_not_lift_the_bound():
    some = as_tried(counted(63, 63, fixed_retained=3, fixed=3), 1, random=1)
    assert some.bound == as_tried(counted(63, 63, fixed_retained=0, fixed=0), 1, random=1).bound
    assert some.bound == pytest.approx(0.04 ** (1 / 63), abs=1e-9)
    assert some.holds


@pytest.mark.parametrize(("fixed_retained", "random"), [(0, 1), (1, 1), (1, 3), (2, 2)])
def test_a_fixed_baseline_that_fails_counts_as_much_as_a_random_one(fixed_retained, random):
    found = as_tried(counted(64, 64, fixed_retained=fixed_retained, fixed=3), 1, random=random)
    alone = 0.04 ** (1 / 64)
    mixed = (fixed_retained + random * alone) / (3 + random)
    assert found.bound == pytest.approx(mixed, abs=1e-9)
    assert found.bound < alone
    assert not found.holds


def test_a_failed_fixed_baseline_refuses_a_certificate_even_where_the_bound_is_high():
    found = as_tried(counted(9999, 9999, fixed_retained=3, fixed=4), 1, random=100)
    assert found.bound > found.wanted
    assert not found.holds


@pytest.mark.parametrize(("fixed_retained", "bound"), [(2, 1.0), (1, 0.5)])
def test_without_random_baselines_one_masked_input_each_tells_all(fixed_retained, bound):
    found = as_tried(counted(0, 0, fixed_retained=fixed_retained, fixed=2), 3, random=0)
    assert (found.bound, found.risk, found.tried) == (bound, 0.0, 3)
    assert found.holds == (fixed_retained == 2)


def test_without_random_baselines_no_risk_is_taken_whatever_was_reported_before():
    before = replace(counted(0, 0, fixed_retained=2, fixed=2), risk=0.04)
    assert as_tried(before, 2, random=0).risk == 0.0


def decision(head="softmax", output_threshold=0.0, threshold=0.6, target=1):
    target = Target(target, ("a", "b", "c"), head, output_threshold, 0.9)
    return Decision(target, 0.3, threshold)


SEEN = {
    "grey": torch.tensor([[0.2, 0.7, 0.1]]),
    "black": torch.tensor([[0.3, 0.5, 0.2]]),  # first, but below 0.6
    "gaussian": torch.tensor([[0.1, 0.8, 0.1], [0.1, 0.6, 0.3], [0.0, 0.9, 0.1]]),
    "uniform": torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.65, 0.05]]),
}


def test_a_certificate_counts_random_samples_and_fixed_baselines_apart():
    found = certificate(SEEN, decision(), wanted=0.9, confidence=0.9)
    assert (found.samples, found.retained) == (6, 5)
    assert (found.fixed, found.fixed_retained) == (2, 1)
    assert (found.tried, found.confidence, found.wanted) == (1, 0.9, 0.9)
    assert found.bound == pytest.approx(bisected(5, 6, 0.08), abs=1e-7)  # the mixture has more
    assert (found.worst, found.worst_retained) == ("black", 0.0)


def test_the_worst_baseline_is_the_one_retained_least_often():
    some = {name: p for name, p in SEEN.items() if name != "black"}
    found = certificate(some, decision(), wanted=0.9, confidence=0.9)
    assert found.worst == "uniform"
    assert found.worst_retained == pytest.approx(2 / 3)


def test_margin_and_change_are_over_every_sample():
    found = certificate(SEEN, decision(), wanted=0.9, confidence=0.9)
    rows = [row for p in SEEN.values() for row in p.tolist()]
    change = [row[1] - 0.9 for row in rows]
    margin = [row[1] - max(row[0], row[2]) for row in rows]
    for got, values in ((found.margin, margin), (found.change, change)):
        assert got.lowest == pytest.approx(min(values), abs=1e-6)
        assert got.highest == pytest.approx(max(values), abs=1e-6)
        assert got.middle == pytest.approx(np.percentile(values, 50), abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2), st.lists(st.tuples(*3 * [st.floats(0, 1, width=32)]), min_size=1))
def test_margins_are_those_of_plain_python(target, rows):
    p = torch.tensor(rows)
    soft = lead(p, decision(target=target).target).tolist()
    sigmoid = lead(p, decision("sigmoid", 0.4, target=target).target).tolist()
    for row, one, other in zip(rows, soft, sigmoid, strict=True):
        rivals = [v for i, v in enumerate(row) if i != target]
        assert one == pytest.approx(row[target] - max(rivals), abs=1e-6)
        assert other == pytest.approx(row[target] - 0.4, abs=1e-6)
    assert torch.equal(p, torch.tensor(rows))  # left as it was


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=30))
def test_a_spread_is_the_percentiles_of_numpy(values):
    found = spread(torch.tensor(values))
    got = [found.lowest, found.low, found.middle, found.high, found.highest]
    assert got == pytest.approx(list(np.percentile(values, [0, 5, 50, 95, 100])), abs=1e-6)
