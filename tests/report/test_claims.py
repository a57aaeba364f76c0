"""Claims in words: what holds, what fails, and never more than was found."""

from dataclasses import replace

import pytest

from med_cam.report.claims import claims
from med_cam.results.check import BaselineResult
from med_cam.results.minimality import Patch
from med_cam.results.notice import NOTICES, Notice
from med_cam.results.rate import Rate

GREY = BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, "notumor", 0.2, 0.0)
BLACK = replace(GREY, name="black")
NOISE = replace(GREY, name="gaussian", samples=63, retained=63)
UNIFORM = replace(NOISE, name="uniform")


def texts(found):
    return [reported.text for reported in claims(found)]


def with_tests(found, **changes):
    return replace(found, tests=replace(found.tests, **changes))


def with_certificate(found, baselines=None, **changes):
    claim = replace(found.claim, certificate=replace(found.claim.certificate, **changes))
    if baselines is not None:
        names = tuple(b.name for b in baselines)
        claim = replace(claim, searched=names, baselines=baselines)
    return replace(found, claim=claim)


def only(found, word):
    """The one claim with this word."""
    (reported,) = (reported for reported in claims(found) if word in reported.text)
    return reported


def test_what_holds_is_said_in_one_line(explanation):
    short = with_tests(
        explanation,
        alternatives=(),
        remainder_sufficient=None,
        necessary_superset=None,
        agreement=None,
    )
    assert "; ".join(texts(short)) == (
        "sufficient: prediction retained over grey and 63 of 63 samples of "
        "Gaussian noise (true rate at least 95.0%, 95% confidence); minimal at 16 px "
        "patches: removing any of the 23 patches loses the prediction; necessary: removing the "
        "region changes the prediction to notumor (probability of meningioma 0.97 -> 0.03); the "
        "outline alone does not leak the label (0 of 24; true rate at most 11.8%); also tested, "
        "not part of the claim: black 0/1"
    )
    *tests, fact = claims(short)
    assert all(reported.holds for reported in tests)
    assert fact.holds is None


def test_what_fails_is_said_as_plainly(refused):
    assert texts(refused) == [
        "NOT certified at 95%: prediction retained over grey and 60 of 63 samples "
        "of Gaussian noise (true rate at least 88.2%)",
        "not minimal: 21 of 23 patches are needed",
        "not necessary: prediction unchanged in 9 of 17 samples without the region",
        "the outline alone leaks meningioma (12 of 24, 10% allowed; true rate at most 68.0%)",
        "meningioma is a negative finding: the sufficient region may be the whole image",
        "also tested, not part of the claim: black 0/1",
    ]
    assert [s.holds for s in claims(refused)] == [False, False, None, False, None, None]


def test_without_certificate_and_tests_nothing_is_claimed(bare):
    assert claims(bare) == []


def test_where_blank_inputs_score_as_high_nothing_is_called_sufficient(explanation):
    sure = tuple(replace(b, baseline_probability=0.95) for b in explanation.claim.baselines)
    claim = replace(explanation.claim, p_image=0.99, p_baseline=0.95, baselines=sure)
    reported = claims(replace(explanation, claim=claim, tests=None))
    assert [(t.text, t.holds) for t in reported] == [
        (
            "nothing to certify: grey and Gaussian noise alone already score 0.95 "
            "for meningioma, the whole image 0.99",
            False,
        )
    ]


LOST_GREY = replace(GREY, retained=0)


@pytest.mark.parametrize(
    ("baselines", "counts", "text"),
    [
        (
            (NOISE,),
            (63, 63, 0, 0),
            "retained over 63 of 63 samples of Gaussian noise (true rate at",
        ),
        (
            (GREY, BLACK, NOISE, UNIFORM),
            (64, 64, 2, 2),
            "retained over grey and black and 64 of 64 samples of "
            "Gaussian noise and uniform noise (true rate at",
        ),
        ((GREY,), (0, 0, 1, 1), "retained over grey, no random samples"),
    ],
)
def test_the_certificate_names_every_baseline_of_the_claim(explanation, baselines, counts, text):
    samples, kept, fixed, fixed_retained = counts
    found = with_certificate(
        explanation,
        baselines,
        samples=samples,
        retained=kept,
        fixed=fixed,
        fixed_retained=fixed_retained,
    )
    reported = claims(found)[0]
    assert reported.holds
    assert reported.text.startswith(f"sufficient: prediction {text}")


@pytest.mark.parametrize(
    ("baselines", "counts", "bound", "text"),
    [
        (
            (LOST_GREY, NOISE),
            (63, 63, 1, 0),
            0.475,
            "certified at 95%: prediction not retained over grey, but over 63 of "
            "63 samples of Gaussian noise (true rate at least 47.5%)",
        ),
        (
            (LOST_GREY, BLACK, NOISE),
            (63, 63, 2, 1),
            0.65,
            "certified at 95%: prediction retained over black, not over grey, and "
            "over 63 of 63 samples of Gaussian noise (true rate at least 65.0%)",
        ),
        (
            (LOST_GREY, BLACK),
            (0, 0, 2, 1),
            0.5,
            "sufficient: prediction retained over black, not over grey (all required)",
        ),
        (
            (LOST_GREY,),
            (0, 0, 1, 0),
            0.0,
            "sufficient: prediction not retained over grey (all required)",
        ),
    ],
)
def test_a_fixed_baseline_that_loses_the_prediction_is_named(
    explanation, baselines, counts, bound, text
):
    samples, kept, fixed, fixed_retained = counts
    found = with_certificate(
        explanation,
        baselines,
        samples=samples,
        retained=kept,
        fixed=fixed,
        fixed_retained=fixed_retained,
        bound=bound,
    )
    reported = claims(found)[0]
    assert reported.holds is False
    assert reported.text == f"NOT {text}"


def test_baselines_that_were_only_tested_are_not_in_the_certificate(explanation):
    assert "black" not in claims(explanation)[0].text


def test_without_the_1_minimal_reduction_nothing_is_said_of_minimality(explanation):
    assert not any("minimal" in text for text in texts(with_tests(explanation, minimality=None)))


def test_a_mask_that_fails_its_own_samples_is_not_minimal_whatever_its_patches(explanation):
    minimality = replace(explanation.tests.minimality, sufficient=False)
    reported = only(with_tests(explanation, minimality=minimality), "minimal")
    assert reported.holds is False
    assert "does not retain the prediction on all samples" in reported.text


def test_one_patch_is_one_patch(explanation):
    minimality = replace(
        explanation.tests.minimality, patches=(Patch(0, 0, "sample", 3),), patch=20
    )
    reported = only(with_tests(explanation, minimality=minimality), "minimal")
    assert (
        reported.text == "minimal at 20 px patches: removing its only patch loses the prediction"
    )


def test_a_sigmoid_output_that_is_merely_not_predicted_becomes_no_other_label(explanation):
    necessity = replace(explanation.tests.necessity, label=explanation.label)
    reported = only(with_tests(explanation, necessity=necessity), "necessary: ")
    assert "without the region meningioma is no longer predicted" in reported.text


def test_a_shape_within_its_limit_is_no_failure_and_not_nothing(explanation):
    reported = only(with_tests(explanation, shape_leakage=Rate(24, 2, 0.2398, 0.95)), "outline")
    assert reported.holds is None
    assert (
        reported.text == "the outline alone gives the label in 2 of 24 (true rate at most 24.0%)"
    )


@pytest.mark.parametrize(
    ("hits", "text", "holds"),
    [
        (0, "no random region of its size retains the prediction (0 of 19)", True),
        (3, "random regions of its size retain the prediction too, in 3 of 19", None),
        (19, "random regions of its size retain the prediction too, in 19 of 19", None),
    ],
)
def test_random_regions_are_good_news_only_if_none_does_it(explanation, hits, text, holds):
    regions = Rate(19, hits, 0.9, 0.95)
    found = with_tests(explanation, random_regions=regions)
    reported = only(found, "random region")
    assert (reported.text, reported.holds) == (text, holds)
    warned = noticed(found, Notice("random_regions", "they all do", 0.9, warns=True))
    said = [x for x in texts(warned) if "random region" in x]
    assert said == ([] if hits else [text])


def test_of_older_results_nothing_is_said_of_random_regions(explanation):
    assert not any("random region" in text for text in texts(explanation))


def noticed(found, *notices):
    return replace(found, claim=replace(found.claim, notices=notices))


def test_a_plain_fact_is_said_once_and_neither_good_nor_bad(explanation):
    fact = Notice("reinsertion", "hidden patches in 1 of 59", 0.02, warns=False)
    reported = only(noticed(explanation, fact), "hidden patches")
    assert (reported.text, reported.holds) == (fact.text, None)


@pytest.mark.parametrize("kind", NOTICES)
def test_what_a_warning_says_is_not_said_as_a_claim_too(explanation, kind):
    warning = Notice(kind, "this is said", 0.5, warns=True)
    found = with_tests(explanation, shape_leakage=Rate(24, 2, 0.2398, 0.95))
    said = texts(noticed(found, warning))
    assert "this is said" not in said
    assert any("outline" in text for text in said) == (kind != "outline")
    assert any("black 0/1" in text for text in said) == (kind != "unseen_baselines")


@pytest.mark.parametrize("kind", NOTICES)
def test_what_a_fact_says_is_said_once(explanation, kind):
    fact = Notice(kind, "a sentence of its own", 0.5, warns=False)
    found = with_tests(explanation, shape_leakage=Rate(24, 2, 0.2398, 0.95))
    said = texts(noticed(found, fact))
    own = {"outline": "outline alone", "unseen_baselines": "black 0/1"}
    assert sum(own.get(kind, fact.text) in text for text in said) == 1
    assert (fact.text in said) == (kind not in own)


def test_where_nothing_loses_the_prediction_disjoint_regions_suffice(explanation):
    necessity = replace(explanation.tests.necessity, changed=0, lost=0)
    reported = only(with_tests(explanation, necessity=necessity), "not necessary")
    assert reported.text == (
        "not necessary: prediction unchanged in 17 of 17 samples without the region: other "
        "regions that do not overlap it suffice too"
    )


def test_what_keeps_the_label_below_the_threshold_is_not_said_to_suffice(explanation):
    necessity = replace(explanation.tests.necessity, changed=0, lost=1)
    reported = only(with_tests(explanation, necessity=necessity), "not necessary")
    assert reported.text.endswith("prediction unchanged in 17 of 17 samples without the region")


@pytest.mark.parametrize(
    ("count", "remainder_sufficient", "text"),
    [
        (1, None, "1 further disjoint region is sufficient too"),
        (2, None, "2 further disjoint regions are sufficient too"),
        (
            2,
            False,
            "2 further disjoint regions are sufficient too; the remainder of the image is not "
            "sufficient",
        ),
        (0, False, "the remainder of the image is not sufficient"),
        (0, True, "the remainder of the image is sufficient too"),
    ],
)
def test_other_masks_are_counted(explanation, count, remainder_sufficient, text):
    others = explanation.tests.alternatives[:count]
    reported = only(
        with_tests(
            explanation,
            alternatives=others,
            remainder_sufficient=remainder_sufficient,
            necessary_superset=None,
        ),
        "disjoint" if count else "remainder",
    )
    assert (reported.text, reported.holds) == (text, None)


def test_where_no_other_mask_was_searched_none_is_reported(explanation):
    found = with_tests(explanation, alternatives=(), remainder_sufficient=None)
    assert not any("disjoint" in text or "remainder" in text for text in texts(found))


def test_the_necessary_superset_is_reported_with_its_area(explanation):
    reported = only(explanation, "superset")
    assert (
        reported.text == "necessary superset: 32.7% of the image is both sufficient and necessary"
    )
    assert reported.holds


def test_a_superset_that_does_not_hold_is_a_failure(explanation):
    necessary_superset = explanation.tests.necessary_superset
    broken = replace(
        necessary_superset, necessity=replace(necessary_superset.necessity, changed=3)
    )
    reported = only(with_tests(explanation, necessary_superset=broken), "superset")
    assert reported.holds is False
    assert "is not both sufficient and necessary" in reported.text


def test_seeds_are_reported_with_what_chance_would_give(explanation):
    reported = only(explanation, "seeds")
    assert (reported.text, reported.holds) == (
        "3 seeds: IoU 0.62 (chance 0.12), 3 of 3 passed the sufficiency test",
        None,
    )


@pytest.mark.parametrize(
    ("bound", "text"), [(0.95, "95.0%"), (0.9599999, "95.9%"), (0.99999, "99.9%"), (1.0, "100%")]
)
def test_the_bound_of_a_certificate_is_rounded_down(explanation, bound, text):
    reported = claims(with_certificate(explanation, bound=bound))[0]
    assert f"at least {text}, 95% confidence" in reported.text


@pytest.mark.parametrize(("confidence", "text"), [(0.9, "90%"), (0.999, "99.9%")])
def test_the_confidence_is_printed_as_it_was_given(explanation, confidence, text):
    reported = claims(with_certificate(explanation, confidence=confidence))[0]
    assert reported.text.endswith(f", {text} confidence)")
