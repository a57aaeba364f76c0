"""McNemar's exact test against the sum of the binomial that it is."""

from itertools import product
from math import comb

import pytest

from med_cam_studies.evaluation.paired import paired


def plain_p(first, second):
    """The probability of all splits that are no more likely than this one."""
    n = first + second
    weights = [comb(n, k) for k in range(n + 1)]
    return sum(w for w in weights if w <= weights[first]) / 2**n


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (0, 6), (9, 2), (4, 4), (3, 12)])
def test_p_is_that_of_the_binomial(first, second):
    pairs = [(True, False)] * first + [(False, True)] * second
    found = paired([*pairs, (True, True), (False, False), (True, True)])
    assert (found.first, found.second, found.both, found.neither) == (first, second, 2, 1)
    assert found.images == first + second + 3
    assert found.p == pytest.approx(plain_p(first, second))


def test_all_four_outcomes_are_counted():
    assert paired(product((True, False), repeat=2))[:4] == (1, 1, 1, 1)
