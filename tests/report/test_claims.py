"""Claims in words: what holds, what fails, and never more than was found."""

from dataclasses import replace

import pytest

from med_cam.report.claims import claims
from med_cam.report.line import claims_line
from med_cam.results import BaselineResult, Patch, Rate

GREY = BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, "notumor", 0.2, 0.0)
BLACK = replace(GREY, name="black")
NOISE = replace(GREY, name="gaussian", samples=63, retained=63)
UNIFORM = replace(NOISE, name="uniform")


def texts(found):
    return [reported.text for reported in claims(found)]


def with_proof(found, **changes):
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
    short = with_proof(
        explanation,
        alternatives=(),
        remainder_sufficient=None,
        necessary_superset=None,
        agreement=None,
    )
    assert claims_line(short) == (
        "sufficient: kept the decision on grey (training mean) and in 63 of 63 draws of Gaussian "
        "noise: at least 95.0% at 95% confidence; minimal at 16 px cells: removing any of the 23 "
        "cells loses it; necessary: without it the label becomes notumor (probability of "
        "meningioma 0.97 -> 0.03); the shape alone does nothing (0 of 24: at most 11.8%)"
    )
    assert all(reported.holds for reported in claims(short))


def test_what_fails_is_said_as_plainly(refused):
    assert texts(refused) == [
        "NOT certified: kept on grey (training mean) and in 60 of 63 draws of Gaussian noise: "
        "at least 88.2%, 95% wanted",
        "not minimal: 21 of 23 cells are needed",
        "not necessary: without it the label stays meningioma in 9 of 17 draws",
        "the shape alone gives meningioma (12 of 24: at most 68.0%, 10% allowed)",
        "filled with one colour it gives meningioma (5 of 16: at most 54.8%)",
        "hidden parts shown again change the answer in 4 of 59 (stays in at least 85.1%, "
        "90% wanted)",
        "meningioma is a negative finding: what suffices may be the whole image",
    ]
    assert [reported.holds for reported in claims(refused)] == [False] * 6 + [None]


def test_without_certificate_and_proof_nothing_is_claimed(bare):
    assert claims(bare) == []
    assert claims_line(bare) == ""


def test_the_line_is_one_line_whatever_the_labels_are(explanation):
    odd = replace(explanation, label="a\nb")
    assert "\n" not in claims_line(odd)
    assert "a b" in claims_line(odd)


def test_where_emptiness_gives_the_label_nothing_is_called_sufficient(explanation):
    claim = replace(explanation.claim, p_image=0.99, empty=0.95)
    reported = claims(replace(explanation, claim=claim, tests=None))
    assert [(t.text, t.holds) for t in reported] == [
        (
            "nothing to certify: grey (training mean) and Gaussian noise alone already give "
            "meningioma with 0.95, the whole image 0.99",
            False,
        )
    ]


LOST_GREY = replace(GREY, retained=0)


@pytest.mark.parametrize(
    ("baselines", "counts", "text"),
    [
        ((NOISE,), (63, 63, 0, 0), "kept the decision in 63 of 63 draws of Gaussian noise: at"),
        (
            (GREY, BLACK, NOISE, UNIFORM),
            (64, 64, 2, 2),
            "kept the decision on grey (training mean) and black and in 64 of 64 draws of "
            "Gaussian noise and uniform noise: at",
        ),
        ((GREY,), (0, 0, 1, 1), "kept the decision on grey (training mean), the same at every"),
    ],
)
def test_the_certificate_names_every_background_of_the_claim(explanation, baselines, counts, text):
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
    assert reported.text.startswith(f"sufficient: {text}")


@pytest.mark.parametrize(
    ("baselines", "counts", "bound", "text"),
    [
        (
            (LOST_GREY, NOISE),
            (63, 63, 1, 0),
            0.475,
            "not kept on grey (training mean), but in 63 of 63 draws of Gaussian noise: at least "
            "47.5%, 95% wanted",
        ),
        (
            (LOST_GREY, BLACK, NOISE),
            (63, 63, 2, 1),
            0.65,
            "kept on black, not on grey (training mean), and in 63 of 63 draws of Gaussian "
            "noise: at least 65.0%, 95% wanted",
        ),
        (
            (LOST_GREY, BLACK),
            (0, 0, 2, 1),
            0.5,
            "kept on black, not on grey (training mean): all needed",
        ),
        ((LOST_GREY,), (0, 0, 1, 0), 0.0, "not kept on grey (training mean): all needed"),
    ],
)
def test_a_fixed_background_that_breaks_the_decision_is_named(
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
    assert reported.text == f"NOT certified: {text}"


def test_backgrounds_that_were_only_tried_are_not_in_the_certificate(explanation):
    assert "black" not in claims(explanation)[0].text


def test_without_the_discrete_stage_nothing_is_said_of_minimality(explanation):
    assert not any("minimal" in text for text in texts(with_proof(explanation, minimality=None)))


def test_a_mask_that_fails_its_own_draws_is_not_minimal_whatever_its_cells(explanation):
    minimality = replace(explanation.tests.minimality, sufficient=False)
    reported = only(with_proof(explanation, minimality=minimality), "minimal")
    assert reported.holds is False
    assert "does not keep the decision on all draws" in reported.text


def test_one_cell_is_one_cell(explanation):
    minimality = replace(
        explanation.tests.minimality, patches=(Patch(0, 0, "sample", 3),), patch=20
    )
    reported = only(with_proof(explanation, minimality=minimality), "minimal")
    assert reported.text == "minimal at 20 px cells: removing its one cell loses it"


def test_a_sigmoid_output_that_is_merely_not_given_becomes_no_other_label(explanation):
    necessity = replace(explanation.tests.necessity, label=explanation.label)
    reported = only(with_proof(explanation, necessity=necessity), "necessary: ")
    assert "the label is not given any more" in reported.text


def test_a_shape_within_its_limit_is_no_failure_and_not_nothing(explanation):
    reported = only(with_proof(explanation, shape_leakage=Rate(24, 2, 0.2398, 0.95)), "shape_leakage")
    assert reported.holds
    assert reported.text == "the shape alone adds little (2 of 24: at most 24.0%)"


@pytest.mark.parametrize(
    ("reinsertion", "wanted", "said"),
    [
        (Rate(59, 59, 0.9505, 0.95), 0.9, False),
        (Rate(59, 57, 0.8974, 0.95), 0.9, True),
        (Rate(59, 57, 0.8974, 0.95), 0.8, False),
        (Rate(0, 0, 0.0, 0.95), 0.9, False),  # a mask of the whole image hides nothing
    ],
)
def test_hidden_parts_are_told_of_where_the_bound_is_missed(explanation, hidden, wanted, said):
    found = with_proof(explanation, reinsertion=hidden, reinsertion_wanted=wanted)
    assert any("hidden parts" in text for text in texts(found)) == said


@pytest.mark.parametrize(
    ("count", "remainder_sufficient", "text"),
    [
        (1, None, "1 further disjoint mask is sufficient too"),
        (2, None, "2 further disjoint masks are sufficient too"),
        (
            2,
            False,
            "2 further disjoint masks are sufficient too, what they leave of the image is not",
        ),
        (0, False, "what the mask leaves of the image is not sufficient"),
    ],
)
def test_other_masks_are_counted(explanation, count, remainder_sufficient, text):
    others = explanation.tests.alternatives[:count]
    reported = only(
        with_proof(
            explanation,
            alternatives=others,
            remainder_sufficient=remainder_sufficient,
            necessary_superset=None,
        ),
        "sufficient too" if count else "leaves",
    )
    assert (reported.text, reported.holds) == (text, None)


def test_where_no_other_mask_was_looked_for_none_is_spoken_of(explanation):
    found = with_proof(explanation, alternatives=(), remainder_sufficient=None)
    assert not any("disjoint" in text or "leave" in text for text in texts(found))


def test_the_enlarged_mask_is_told_with_its_area(explanation):
    reported = only(explanation, "necessary_superset")
    assert reported.text == "necessary too when enlarged to 32.7% of the image"
    assert reported.holds


def test_an_enlarged_mask_that_does_not_hold_is_a_failure(explanation):
    necessary_superset = explanation.tests.necessary_superset
    broken = replace(
        necessary_superset, necessity=replace(necessary_superset.necessity, changed=3)
    )
    assert (
        only(with_proof(explanation, necessary_superset=broken), "necessary_superset").holds
        is False
    )


def test_seeds_are_told_with_what_chance_would_give(explanation):
    reported = only(explanation, "seeds")
    assert (reported.text, reported.holds) == (
        "3 seeds: IoU 0.62 (chance 0.12), 3 of 3 verified",
        None,
    )


@pytest.mark.parametrize(
    ("bound", "text"), [(0.95, "95.0%"), (0.9599999, "95.9%"), (0.99999, "99.9%"), (1.0, "100%")]
)
def test_the_bound_of_a_certificate_is_rounded_down(explanation, bound, text):
    reported = claims(with_certificate(explanation, bound=bound))[0]
    assert f"at least {text} at 95% confidence" in reported.text


@pytest.mark.parametrize(("confidence", "text"), [(0.9, "90%"), (0.999, "99.9%")])
def test_the_confidence_is_printed_as_it_was_given(explanation, confidence, text):
    reported = claims(with_certificate(explanation, confidence=confidence))[0]
    assert reported.text.endswith(f"at {text} confidence")
