"""How well a number tells two groups apart, against counting every pair."""

import math

import pytest
from hypothesis import given, settings, strategies as st
from made_up import generator

from med_cam_studies.evaluation.separation import separation

NUMBERS = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=8)


def of_pairs(above, below):
    pairs = [(a > b) + (a == b) / 2 for a in above for b in below]
    return sum(pairs) / len(pairs)


@settings(max_examples=25, deadline=None)
@given(NUMBERS, NUMBERS)
def test_it_is_the_share_of_pairs_in_the_expected_order(above, below):
    found = separation(above, below, generator=generator(), resamples=20)
    assert found.mean == pytest.approx(of_pairs(above, below))
    assert math.isnan(found.low) or 0 <= found.low <= found.high <= 1


def test_the_interval_is_that_of_drawing_from_each_group_by_itself():
    above, below = [0.2, 0.5, 0.6, 0.9, 0.4, 0.8], [0.1, 0.3, 0.5, 0.7, 0.35]
    found = separation(above, below, generator=generator(3), resamples=4000)
    import random

    rng = random.Random(1)
    drawn = sorted(of_pairs(rng.choices(above, k=6), rng.choices(below, k=5)) for _ in range(4000))
    assert found.low == pytest.approx(drawn[100], abs=0.03)
    assert found.high == pytest.approx(drawn[3900], abs=0.03)


def test_without_overlap_or_with_one_number_there_is_no_interval():
    for above, below, area in (
        ([2.0, 3.0], [0.0, 1.0], 1.0), ([0.0], [1.0, 0.0], 0.25), ([0.0, 1.0], [2.0, 2.0], 0.0),
    ):  # fmt: skip
        found = separation(above, below, generator=generator())
        assert found.mean == area
        assert math.isnan(found.low)
        assert math.isnan(found.high)
    assert math.isnan(separation([], [1.0], generator=generator()).mean)


def test_the_same_generator_gives_the_same_interval_and_takes_one_number():
    one, other = generator(5), generator(5)
    first = separation([1.0, 2.0, 0.5], [0.0, 1.5], generator=one)
    assert first == separation([1.0, 2.0, 0.5], [0.0, 1.5], generator=other)
    separation([], [], generator=other)
    separation([1.0, 2.0], [1.5, 0.0], generator=one)
    assert one.get_state().equal(other.get_state())
