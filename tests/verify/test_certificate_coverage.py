"""How often the bound is at most the truth, over simulated certificates."""

from functools import cache, partial

import numpy as np
import pytest
from scipy.stats import binom

from med_cam.verify.certificate import as_tried, losses_allowed, lower_bound, risk_of, samples_for
from verify.counted import ENOUGH, NOMINAL, counted

CASES = 10_000
RATES = (0.9, 0.95, 0.99, 0.999)


# Coverage: how often the bound is at most the truth, over simulated certificates.


@cache
def as_reported(tried, retained, samples):
    return as_tried(counted(retained, samples), tried, random=1).bound


@cache
def alone(risk, retained, samples):
    return lower_bound(retained, samples, risk)


def naive(retained, samples):
    """Not a bound at all: the share that was retained."""
    return retained / samples


def generator(seed):
    return np.random.default_rng([7, seed])


def bounds_of(bound, counts, samples):
    """The bound of every count, worked out once for each that occurs."""
    seen, where = np.unique(counts, return_inverse=True)
    return np.array([bound(int(k), samples) for k in seen])[where]


def coverage(bound, samples, p, seed=0):
    counts = generator(seed).binomial(samples, p, CASES)
    return (bounds_of(bound, counts, samples) <= p).mean()


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("samples", [63, 299])
def test_one_bound_is_right_as_often_as_it_says(samples, p):
    assert coverage(partial(alone, 1 - NOMINAL), samples, p) >= ENOUGH


@pytest.mark.parametrize("p", RATES)
@pytest.mark.parametrize("wanted", [0.9, 0.95, 0.99])
def test_the_first_certificate_is_right_as_often_as_it_says(wanted, p):
    samples = samples_for(wanted, risk_of(1, NOMINAL), losses_allowed(1))
    assert coverage(partial(as_reported, 1), samples, p) >= ENOUGH


@pytest.mark.parametrize("p", RATES)
def test_the_share_that_was_retained_is_no_bound_and_the_simulation_shows_it(p):
    assert coverage(naive, 299, p) < ENOUGH


@pytest.mark.parametrize("samples", [63, 299])
def test_the_exact_coverage_is_never_below_nominal_at_any_rate(samples):
    bounds = np.array([alone(1 - NOMINAL, k, samples) for k in range(samples + 1)])
    p = np.linspace(0.5, 0.9999, 400)[:, None]
    covered = (binom.pmf(np.arange(samples + 1), samples, p) * (bounds <= p)).sum(axis=1)
    assert covered.min() >= NOMINAL - 1e-9
    assert covered.min() < 0.96  # and not by being far too low


JUST_BELOW = 0.95 - 1e-6
LADDERS = {
    **{f"all at {p}": (p,) * 8 for p in RATES},
    "all just below what is wanted": (JUST_BELOW,) * 8,
    "larger masks retain more": (0.6, 0.8, 0.9, 0.93, JUST_BELOW, JUST_BELOW, 0.99, 1.0),
    "one mask alone": (JUST_BELOW,),
}


def reported(rates, tries, wanted, seed=0):
    """Bound and truth of the first mask that reaches `wanted`, else of the highest bound."""
    draw = generator(seed)
    bound, truth = np.full(CASES, -1.0), np.zeros(CASES)
    for p, (samples, bound_at) in zip(rates, tries, strict=True):
        found = bounds_of(bound_at, draw.binomial(samples, p, CASES), samples)
        better = (bound < wanted) & (found > bound)
        bound, truth = np.where(better, found, bound), np.where(better, p, truth)
    return bound, truth


def tries_of(count, wanted=0.95):
    """Samples and bound of masks tried one after the other, as the package does it."""
    tries = range(1, count + 1)
    samples = [samples_for(wanted, risk_of(k, NOMINAL), losses_allowed(k)) for k in tries]
    return [(n, partial(as_reported, k)) for n, k in zip(samples, tries, strict=True)]


@pytest.mark.parametrize("name", LADDERS)
def test_the_whole_procedure_is_right_as_often_as_it_says(name):
    rates = LADDERS[name]
    bound, truth = reported(rates, tries_of(len(rates)), 0.95)
    assert (bound <= truth).mean() >= ENOUGH


def test_masks_just_below_are_certified_almost_as_often_as_the_risk_allows():
    bound, _ = reported((JUST_BELOW,) * 8, tries_of(8), 0.95)
    assert 0.04 < (bound >= 0.95).mean() <= 1 - ENOUGH


def test_masks_that_are_good_enough_are_certified_in_the_end():
    bound, _ = reported((0.99,) * 8, tries_of(8), 0.95)
    assert (bound >= 0.95).mean() > 0.99


def test_the_full_risk_for_every_mask_would_fail_and_the_simulation_shows_it():
    full = partial(alone, 0.05)
    tries = [(samples_for(0.95, 0.05, losses_allowed(k)), full) for k in range(1, 9)]
    bound, truth = reported((JUST_BELOW,) * 8, tries, 0.95)
    assert (bound <= truth).mean() < ENOUGH


def test_the_share_that_was_retained_would_fail_in_the_procedure_too():
    bound, truth = reported((JUST_BELOW,) * 8, [(63, naive)] * 8, 0.95)
    assert (bound <= truth).mean() < ENOUGH


STRATA = [
    (0.99, 0.91), (1.0, 0.9), (1.0, 0.98), (0.999, 0.999), (1.0, 0.5),
    (1.0, 0.95, 0.9), (0.9, 0.9, 0.9), (0.999, 0.99, 0.98), (1.0, 1.0, 0.85),
]  # fmt: skip


def stratified(bound, rates, each, seed=0):
    """Bounds from samples that are even over baselines of different rates."""
    draw = generator(seed)
    counts = sum(draw.binomial(each, p, CASES) for p in rates)
    return bounds_of(bound, counts, each * len(rates))


@pytest.mark.parametrize("rates", STRATA)
@pytest.mark.parametrize("wanted", [0.95, 0.99])
def test_samples_even_over_several_baselines_bound_their_mean(rates, wanted):
    each = -(-samples_for(wanted, risk_of(1, NOMINAL), losses_allowed(1)) // len(rates))
    bounds = stratified(partial(as_reported, 1), rates, each)
    assert (bounds <= np.mean(rates)).mean() >= ENOUGH
    assert (stratified(naive, rates, each) <= np.mean(rates)).mean() < ENOUGH


def test_the_mean_over_several_baselines_is_no_bound_on_the_worst_of_them():
    # Why the certificate names the baseline that is retained least often.
    rates = (1.0, 0.9)
    assert (stratified(partial(as_reported, 1), rates, 32) <= min(rates)).mean() < ENOUGH


@pytest.mark.parametrize("fixed_retained", [0, 1, 2])
def test_with_fixed_baselines_the_bound_is_one_on_the_even_mixture_of_all(fixed_retained):
    rates, fixed = (0.99, 0.91), 2

    def bound(retained, samples):
        return as_tried(counted(retained, samples, fixed_retained, fixed), 1, random=2).bound

    mixture = (fixed_retained + sum(rates)) / (fixed + len(rates))
    assert (stratified(bound, rates, 32) <= min(mixture, np.mean(rates))).mean() >= ENOUGH
