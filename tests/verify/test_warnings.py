"""Each warning appears exactly when its figure says so, and holds that figure."""

import re
from itertools import product

import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest

from med_cam.results import Check, Claim, MaskTests, Necessity, Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision, Target
from med_cam.verify.warnings import confident_predictions, test_warnings

LABELS = ("glioma", "meningioma", "notumor")
QUESTION = Target(1, LABELS, "softmax", 0.0, 0.9)
NONE, STAYS = Rate(20, 0, 0.14, 0.95), Rate(59, 59, 0.95, 0.95)


def empty(**alone):
    return BaselineResponse(alone, Decision(QUESTION, 0.2, 0.5))


def rows(*values):
    return torch.tensor(values)


def test_a_background_that_is_surely_called_something_else_is_told_with_label_and_figure():
    told = confident_predictions(
        empty(
            grey=rows((0.02, 0.05, 0.93)),
            gaussian=rows((0.97, 0.01, 0.02), (0.93, 0.03, 0.04)),
            black=rows((0.5, 0.1, 0.4)),
        )
    )
    assert told == (
        "confident on an empty image: grey alone is called notumor with 0.93",
        "confident on an empty image: gaussian alone is called glioma with 0.95",
    )


def test_the_target_itself_is_not_told_here_however_sure():
    assert confident_predictions(empty(grey=rows((0.01, 0.98, 0.01)))) == ()


@pytest.mark.parametrize(("sure", "warned"), [(0.89, False), (0.9, True), (0.91, True)])
def test_the_bar_for_a_sure_background_is_nine_tenths(sure, warned):
    assert len(confident_predictions(empty(grey=rows((0.0, 1 - sure, sure))))) == warned


@pytest.mark.parametrize("name", ["blur", "others"])
def test_backgrounds_with_content_are_not_empty_and_not_told_of(name):
    assert confident_predictions(empty(**{name: rows((0.0, 0.0, 1.0))})) == ()


def test_draws_of_a_background_count_by_their_mean():
    one_doubts = rows((0.0, 0.0, 1.0), (0.3, 0.0, 0.7), (0.1, 0.0, 0.9))
    assert confident_predictions(empty(gaussian=one_doubts)) == ()


def claim(*, holds=True):
    check = Check("sufficiency", 1.0, 1.0, 9, at_least=True, passed=holds)
    return Claim(("grey",), (check,), (), 0.9, 0.2, 0.55, "8 other images", ())


def tests(shape=NONE, silhouette=NONE, hidden_rate=STAYS, wanted=0.9):
    necessity = Necessity(16, 16, 16, "notumor", 0.1, 0.2, 0.9, 0.8, 0.95)
    return MaskTests(None, necessity, hidden_rate, wanted, shape, silhouette)


def told(area=0.1, *, holds=True, **found):
    return test_warnings(claim(holds=holds), tests(**found), area, QUESTION)


def test_nothing_is_told_of_a_mask_that_nothing_speaks_against():
    assert told() == ()


def bound_of(hits, trials, confidence, *, below):
    test = binomtest(hits, trials, alternative="greater" if below else "less")
    interval = test.proportion_ci(confidence, "exact")
    return interval.low if below else interval.high


def test_a_shape_that_gives_the_label_is_told_with_count_and_bound():
    rate = Rate(20, 3, bound_of(3, 20, 0.95, below=False), 0.95)
    (sentence,) = told(shape=rate)
    assert sentence == (
        "the mask over other images' content gives meningioma in 3 of 20 "
        "(at most 34.4% at 95% confidence)"
    )


def test_a_silhouette_that_gives_the_label_is_told_with_count_and_bound():
    rate = Rate(12, 2, bound_of(2, 12, 0.9, below=False), 0.9)
    (sentence,) = told(silhouette=rate)
    assert sentence == (
        "the mask filled with a constant gives meningioma in 2 of 12 "
        "(at most 38.6% at 90% confidence)"
    )


def test_hidden_parts_that_change_the_answer_are_told_with_what_was_wanted():
    rate = Rate(59, 51, bound_of(51, 59, 0.95, below=True), 0.95)
    (sentence,) = told(hidden_rate=rate)
    assert sentence == (
        "showing random hidden parts again changes the answer in 8 of 59: it stays in at least "
        "76.8%, 90% wanted"
    )


@pytest.mark.parametrize(("wanted", "warned"), [(0.89, False), (0.9, False), (0.91, True)])
def test_hidden_parts_are_told_only_below_the_bound_that_was_wanted(wanted, warned):
    found = told(hidden_rate=Rate(59, 58, 0.9, 0.95), wanted=wanted)
    assert len(found) == warned


@pytest.mark.parametrize(
    ("area", "holds", "warned"),
    [(1.0, True, True), (0.99, True, True), (0.98, True, False), (1.0, False, False)],
)
def test_a_mask_of_the_whole_image_is_told_where_its_claim_holds(area, holds, warned):
    found = told(area, holds=holds)
    assert len(found) == warned
    assert all(
        sentence == f"nothing short of {area:.0%} of the image is robust" for sentence in found
    )


@pytest.mark.parametrize("some", list(product([False, True], repeat=4)))
def test_each_sentence_is_there_exactly_when_its_figure_says_so(some):
    shape, filled, shown, whole = some
    found = told(
        0.995 if whole else 0.5,
        shape=Rate(20, int(shape), 0.2, 0.95),
        silhouette=Rate(12, 5 * filled, 0.2, 0.95),
        hidden_rate=Rate(59, 59 - 9 * shown, 0.8 if shown else 0.95, 0.95),
    )
    words = ("other images' content", "filled with a constant", "hidden parts", "nothing short of")
    assert [any(word in sentence for sentence in found) for word in words] == list(some)
    assert len(found) == sum(some)


def shares_in(sentence):
    return [float(number) / 100 for number in re.findall(r"([\d.]+)%", sentence)]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 59).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))))
def test_a_bound_from_above_is_not_told_lower_than_it_is(count):
    hits, trials = count
    bound = bound_of(hits, trials, 0.95, below=False)
    (sentence,) = told(shape=Rate(trials, hits, bound, 0.95))
    assert bound <= shares_in(sentence)[0] + 1e-9 <= bound + 0.001 + 2e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_bound_from_below_is_not_told_higher_than_it_is(count):
    hits, trials = count
    bound = bound_of(hits, trials, 0.95, below=True)
    for sentence in told(hidden_rate=Rate(trials, hits, bound, 0.95), wanted=0.99):
        assert bound - 0.001 - 2e-9 <= shares_in(sentence)[0] - 1e-9 <= bound
