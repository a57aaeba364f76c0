"""Each warning appears exactly when its figure says so, and holds that figure."""

import re
from dataclasses import replace
from itertools import product

import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.stats import binomtest

from med_cam.config.notices import notice
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import MaskTests, Necessity
from med_cam.results.rate import Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision, Target
from med_cam.verify.warnings import (
    claim_notices,
    confident_predictions,
    floored,
    leak_notices,
    raised,
)

LABELS = ("glioma", "meningioma", "notumor")
TARGET = Target(1, LABELS, "softmax", 0.0, 0.9)
NONE, STAYS = Rate(20, 0, 0.14, 0.95), Rate(59, 59, 0.95, 0.95)


def response(**predictions):
    return BaselineResponse(predictions, Decision(TARGET, 0.2, 0.5))


def list_of(found):
    return list(confident_predictions(found))


def rows(*values):
    return torch.tensor(values)


def test_a_baseline_that_is_surely_predicted_something_else_is_reported_with_label_and_figure():
    reported = list_of(
        response(
            grey=rows((0.02, 0.05, 0.93)),
            gaussian=rows((0.97, 0.01, 0.02), (0.93, 0.03, 0.04)),
            black=rows((0.5, 0.1, 0.4)),
        )
    )
    assert [(one.kind, one.text) for one in reported] == [
        (
            "confident_blank",
            "the classifier is confident on blank inputs: grey is notumor (0.93), gaussian is "
            "glioma (0.95)",
        )
    ]
    assert [one.figure for one in reported] == [pytest.approx(0.95)]


def test_the_target_itself_is_not_reported_here_however_sure():
    assert list_of(response(grey=rows((0.01, 0.98, 0.01)))) == []


@pytest.mark.parametrize(("sure", "warned"), [(0.89, False), (0.9, True), (0.91, True)])
def test_the_threshold_for_a_sure_baseline_is_nine_tenths(sure, warned):
    assert len(list_of(response(grey=rows((0.0, 1 - sure, sure))))) == warned


@pytest.mark.parametrize("name", ["blur", "others"])
def test_baselines_with_content_are_not_empty_and_not_reported(name):
    assert list_of(response(**{name: rows((0.0, 0.0, 1.0))})) == []


def test_samples_of_a_baseline_count_by_their_mean():
    one_doubts = rows((0.0, 0.0, 1.0), (0.3, 0.0, 0.7), (0.1, 0.0, 0.9))
    assert list_of(response(gaussian=one_doubts)) == []


def over(name="gaussian", *, searched=True, retained=8, mean=0.8, alone=0.1):
    """A line of the claim: eight samples."""
    return BaselineResult(name, searched, 8, retained, 8, 0.7, mean, "glioma", alone, 0.0)


def told(*results, others_given=True):
    found = claim_notices(results, Decision(TARGET, 0.2, 0.55), others_given=others_given)
    return tuple(one.text for one in found)


def test_nothing_is_told_of_a_claim_that_nothing_speaks_against():
    assert told(over(), over("grey"), over("black", searched=False)) == ()


@pytest.mark.parametrize(("mean", "warned"), [(0.90, 0), (0.9 + 0.01, 0), (0.911, 1), (0.99, 1)])
def test_more_confidence_is_told_from_a_hundredth_above_the_whole_image_on(mean, warned):
    sentence = (
        "more confident on the evidence than on the whole image "
        f"(on average {mean:.2f} over gaussian, against 0.90)"
    )
    assert told(over(mean=mean)) == (sentence,) * warned
    assert told(over(mean=mean, searched=False)) == ()


@pytest.mark.parametrize(("alone", "warned"), [(0.499, 0), (0.5, 1), (0.75, 1)])
@pytest.mark.parametrize("searched", [True, False])
def test_a_baseline_that_is_the_target_with_even_odds_is_told(alone, warned, searched):
    sentence = f"gaussian ({alone:.2f}) alone is predicted meningioma"
    assert told(over(alone=alone, searched=searched)) == (sentence,) * warned


@pytest.mark.parametrize(("retained", "warned"), [(8, 0), (7, 1), (0, 1)])
def test_only_an_unseen_baseline_that_loses_a_sample_is_told_as_such(retained, warned):
    sentence = (
        "prediction not retained over what the search did not see: uniform noise "
        f"({retained} of 8)"
    )
    assert told(over("uniform", searched=False, retained=retained)) == (sentence,) * warned
    assert told(over("uniform", retained=retained)) == ()


def test_a_missing_reference_image_is_told_after_what_the_baselines_show():
    assert told(over("grey", alone=0.6), others_given=False) == (
        "grey (0.60) alone is predicted meningioma",
        "no reference images given: the shape leakage test used the image's own pixels, shuffled",
    )


def claim(*, holds=True):
    check = Check("sufficiency", 1.0, 1.0, 9, at_least=True, passed=holds)
    return Claim(("grey",), (check,), (), 0.9, 0.2, 0.55, "8 reference images", ())


def mask_tests(
    shape_leakage=NONE, silhouette=NONE, reinsertion=STAYS, wanted=0.9, random_regions=None
):
    necessity = Necessity(16, 16, 16, "notumor", 0.1, 0.2, 0.9, 0.8, 0.95)
    others = reinsertion, wanted, shape_leakage, silhouette
    return MaskTests(None, necessity, *others, random_regions=random_regions)


def reported(area=0.1, *, holds=True, **found):
    every = leak_notices(claim(holds=holds), mask_tests(**found), area, TARGET.label)
    return tuple(one.text for one in every)


def test_nothing_is_reported_of_a_mask_that_nothing_speaks_against():
    assert reported() == ()


def bound_of(hits, trials, confidence, *, below):
    test = binomtest(hits, trials, alternative="greater" if below else "less")
    interval = test.proportion_ci(confidence, "exact")
    return interval.low if below else interval.high


def test_a_shape_that_gives_the_label_is_reported_with_count_and_bound():
    rate = Rate(20, 3, bound_of(3, 20, 0.95, below=False), 0.95)
    (sentence,) = reported(shape_leakage=rate)
    assert sentence == (
        "over unrelated content the mask's outline is predicted meningioma in 3 of 20 (at most "
        "34.4% at 95% confidence)"
    )


def test_a_silhouette_that_gives_the_label_is_reported_with_count_and_bound():
    rate = Rate(12, 2, bound_of(2, 12, 0.9, below=False), 0.9)
    (sentence,) = reported(silhouette=rate)
    assert sentence == (
        "filled with a constant colour, the mask alone is predicted meningioma in 2 of 12 "
        "(at most 38.6% at 90% confidence): its outline may drive the prediction"
    )


def test_hidden_patches_that_change_the_prediction_are_reported_with_what_was_wanted():
    rate = Rate(59, 51, bound_of(51, 59, 0.95, below=True), 0.95)
    (sentence,) = reported(reinsertion=rate)
    assert sentence == (
        "re-adding random hidden patches changes the prediction in 8 of 59: it is retained in at "
        "least 76.8%, 90% required"
    )


@pytest.mark.parametrize(("wanted", "warned"), [(0.89, False), (0.9, False), (0.91, True)])
def test_hidden_patches_are_reported_only_below_the_bound_that_was_wanted(wanted, warned):
    found = reported(reinsertion=Rate(59, 58, 0.9, 0.95), wanted=wanted)
    assert len(found) == warned


@pytest.mark.parametrize(
    ("area", "holds", "warned"),
    [(1.0, True, True), (0.99, True, True), (0.98, True, False), (1.0, False, False)],
)
def test_a_mask_of_the_whole_image_is_reported_where_its_claim_holds(area, holds, warned):
    found = reported(area, holds=holds)
    assert len(found) == warned
    assert all(
        sentence == f"the evidence is {area:.0%} of the image: nothing smaller passed the tests"
        for sentence in found
    )


@pytest.mark.parametrize(("hits", "warned"), [(0, False), (9, False), (10, True), (19, True)])
def test_random_regions_are_reported_where_more_than_half_retain_the_prediction(hits, warned):
    found = reported(random_regions=Rate(19, hits, 0.9, 0.95))
    assert found == warned * (
        f"random regions of its size retain the prediction too, in {hits} of 19: where the "
        "evidence lies says little",
    )


def test_random_regions_are_not_reported_of_a_claim_that_fails_nor_twice():
    most = mask_tests(random_regions=Rate(19, 19, 1.0, 0.95))
    wider = notice("random_regions", "twice as large", 1.0)
    for of in (claim(holds=False), replace(claim(), notices=(wider,))):
        assert list(leak_notices(of, most, 0.1, TARGET.label)) == []


@pytest.mark.parametrize("some", list(product([False, True], repeat=4)))
def test_each_sentence_is_there_exactly_when_its_figure_says_so(some):
    shape, filled, shown, whole = some
    found = reported(
        0.995 if whole else 0.5,
        shape_leakage=Rate(20, int(shape), 0.2, 0.95),
        silhouette=Rate(12, 5 * filled, 0.2, 0.95),
        reinsertion=Rate(59, 59 - 9 * shown, 0.8 if shown else 0.95, 0.95),
    )
    words = (
        "over unrelated content",
        "filled with a constant",
        "hidden patches",
        "nothing smaller",
    )
    assert [any(word in sentence for sentence in found) for word in words] == list(some)
    assert len(found) == sum(some)


def shares_in(sentence):
    return [float(number) / 100 for number in re.findall(r"([\d.]+)%", sentence)]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 59).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))))
def test_a_bound_from_above_is_not_reported_lower_than_it_is(count):
    hits, trials = count
    bound = bound_of(hits, trials, 0.95, below=False)
    (sentence,) = reported(shape_leakage=Rate(trials, hits, bound, 0.95))
    assert bound <= shares_in(sentence)[0] + 1e-9 <= bound + 0.001 + 2e-9


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_bound_from_below_is_not_reported_higher_than_it_is(count):
    hits, trials = count
    bound = bound_of(hits, trials, 0.95, below=True)
    for sentence in reported(reinsertion=Rate(trials, hits, bound, 0.95), wanted=0.99):
        assert bound - 0.001 - 2e-9 <= shares_in(sentence)[0] - 1e-9 <= bound


@pytest.mark.parametrize("bound", [0.0, 0.001, 0.25, 0.7, 1.0])
def test_a_bound_of_whole_thousandths_is_reported_as_it_is(bound):
    assert floored(bound) == raised(bound) == f"{100 * bound:.1f}%"
