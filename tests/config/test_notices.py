"""What is a warning, what a plain fact, and in which order they are said."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from med_cam.config.notices import COMMON, KINDS, Kind, notice, ranked, warns
from med_cam.results.notice import NOTICES, Notice

SHARES = st.floats(0, 1)


def kind(rate, usual=0.0):
    return Kind("x", "a kind", 3, rate, usual)


def test_every_kind_is_known_in_one_order_and_none_weighs_more_than_one_before_it():
    assert tuple(KINDS) == NOTICES
    weights = [known.weight for known in KINDS.values()]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize(
    ("rate", "usual", "figure", "warned"),
    [
        (0.0, 0.0, 0.1, True),
        (1 / 3, 0.9, 0.1, True),  # a third is not more than a third
        (0.34, 0.2, 0.2, False),
        (0.34, 0.2, 0.21, True),
        (1.0, 1.0, 1.0, False),
        (None, 0.0, 1.0, False),
        (0.0, 0.0, math.nan, True),
        (0.9, 0.2, math.nan, False),
    ],
)
def test_what_is_rare_or_extreme_warns(rate, usual, figure, warned):
    assert warns(kind(rate, usual), figure) == warned


@given(st.lists(SHARES, min_size=1), SHARES)
def test_a_common_kind_warns_on_at_most_a_tenth_of_the_images_it_was_measured_on(figures, rate):
    usual = sorted(figures)[math.ceil(0.9 * len(figures)) - 1]
    common = kind(max(rate, 0.34), usual)
    assert sum(warns(common, figure) for figure in figures) <= 0.1 * len(figures) + 1e-9


@given(st.lists(st.tuples(st.sampled_from(NOTICES), st.booleans())))
def test_warnings_come_first_and_of_each_the_most_telling(some):
    found = ranked(Notice(name, str(n), 0.1, warned) for n, (name, warned) in enumerate(some))
    assert sorted(int(one.text) for one in found) == list(range(len(some)))
    for one, other in pairwise(found):
        assert (one.warns, -NOTICES.index(one.kind)) >= (other.warns, -NOTICES.index(other.kind))


@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_warns_by_its_kind(name):
    for figure in (0.0, 1.0):
        found = notice(name, "a sentence", figure)
        rate, usual = KINDS[name].rate, KINDS[name].usual
        assert (found.kind, found.text, found.figure) == (name, "a sentence", figure)
        assert found.warns == (rate is not None and (rate <= COMMON or figure > usual))
