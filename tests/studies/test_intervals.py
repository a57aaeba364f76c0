"""Intervals cover what they claim to cover, and say so where they cannot."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam_studies.evaluation.intervals import difference, interval, share_interval


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    random, drawn = np.random.default_rng(1), generator(1)
    trials = 300
    covered = 0
    for _ in range(trials):
        values = random.beta(2, 5, size=30).tolist()  # skewed, in [0, 1], of mean 2/7
        _, low, high = interval(values, generator=drawn, resamples=300)
        covered += low <= 2 / 7 <= high
    assert 0.90 <= covered / trials <= 0.98


def test_a_wider_level_gives_a_wider_interval():
    values = list(np.random.default_rng(2).normal(size=40))
    narrow = interval(values, generator=generator(), resamples=2000, level=0.5)
    wide = interval(values, generator=generator(), resamples=2000, level=0.99)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high
    assert narrow.mean == pytest.approx(sum(values) / 40)


def test_the_same_generator_gives_the_same_interval():
    values = np.random.default_rng(5).normal(size=20).tolist()
    assert interval(values, generator=generator(7)) == interval(values, generator=generator(7))
    assert interval(values, generator=generator(7)) != interval(values, generator=generator(8))


def test_what_is_drawn_does_not_depend_on_the_values():
    drawn = generator(3)
    for values in ([], [0.5], [0.5, 0.5], [0.1, 0.2, 0.9]):
        interval(values, generator=drawn, resamples=100)
    other = generator(3)
    for _ in range(4):
        torch.randint(2**63 - 1, (), generator=other)
    assert torch.equal(drawn.get_state(), other.get_state())


def test_nan_is_no_value():
    with_nan = interval([0.1, math.nan, 0.5, 0.3], generator=generator())
    assert with_nan == interval([0.1, 0.5, 0.3], generator=generator())


def test_where_values_do_not_tell_there_are_no_bounds():
    assert all(math.isnan(x) for x in interval([], generator=generator()))
    assert all(math.isnan(x) for x in interval([math.nan], generator=generator()))
    mean, low, high = interval([0.3, math.nan], generator=generator())
    assert mean == 0.3
    assert math.isnan(low)
    assert math.isnan(high)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.1, 0.1 + 1e-17, 0.3 - 0.2, 1.0]), min_size=2, max_size=8))
def test_equal_or_nearly_equal_values_have_finite_bounds(values):
    mean, low, high = interval(values, generator=generator(), resamples=200)
    assert min(values) - 1e-12 <= low <= mean + 1e-12
    assert mean - 1e-12 <= high <= max(values) + 1e-12


def test_a_constant_difference_is_found_where_the_means_overlap():
    random = np.random.default_rng(4)
    theirs = random.uniform(0, 1, 20)
    ours = theirs + 0.05 + random.normal(0, 0.01, 20)
    found = difference(ours.tolist(), theirs.tolist(), generator=generator())
    assert found.mean == pytest.approx(ours.mean() - theirs.mean())
    assert 0 < found.low < 0.05 < found.high
    alone = interval(ours.tolist(), generator=generator())
    assert alone.low < theirs.mean() < alone.high


def test_pairs_with_a_missing_side_are_left_out():
    found = difference([0.5, math.nan, 0.9], [0.1, 0.2, math.nan], generator=generator())
    assert found.mean == pytest.approx(0.4)
    with pytest.raises(ValueError, match="zip"):
        difference([0.5], [0.1, 0.2], generator=generator())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.data())
def test_shares_at_the_bounds_would_be_this_rare(of, data):
    count = data.draw(st.integers(0, of))
    low, high = share_interval(count, of)

    def chance(p, counts):
        return sum(math.comb(of, c) * p**c * (1 - p) ** (of - c) for c in counts)

    if count:
        assert chance(low, range(count, of + 1)) == pytest.approx(0.025, rel=1e-4)
    else:
        assert low == 0
    if count < of:
        assert chance(high, range(count + 1)) == pytest.approx(0.025, rel=1e-4)
    else:
        assert high == 1


def test_a_share_of_nothing_is_unknown():
    assert all(math.isnan(x) for x in share_interval(0, 0))
