"""Numbers in words never claim more than was found."""

from dataclasses import replace
from fractions import Fraction
from math import nan

import pytest
from hypothesis import given, strategies as st

from med_cam.config.baselines import BASELINES, INSIDE, hard
from med_cam.masking.samplers import SAMPLERS
from med_cam.report.claims import claims
from med_cam.report.line import Line, details, line_of
from med_cam.report.wording import (
    as_given,
    at_least,
    at_most,
    baselines,
    check,
    percent,
    probability,
    status,
    verdict,
)
from med_cam.results.check import Check
from med_cam.results.notice import Notice


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00"),
        (0.004, "<0.01"),
        (0.5, "0.50"),
        (0.994, "0.99"),
        (0.9999, ">0.99"),
        (1.0, "1.00"),
    ],
)
def test_probabilities(value, text):
    assert probability(value) == text


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_no_probability_or_share_is_rounded_to_none_or_all(value):
    assert probability(value) not in ("0.00", "1.00")
    assert percent(value) not in ("0.0%", "100%", "100.0%")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0%"), (1e-5, "<0.1%"), (0.1234, "12.3%"), (0.9999, ">99.9%"), (1.0, "100%")],
)
def test_shares(share, text):
    assert percent(share) == text


def printed(text):
    """The share that a text such as "at least 95.0%" states, exactly."""
    return Fraction(text.split()[-1].removesuffix("%")) / 100


def written(share):
    """The share as it is written in explanation.json, exactly."""
    return Fraction(repr(share))


@given(st.floats(0, 1))
def test_a_printed_lower_bound_never_exceeds_the_true_one_and_is_near(bound):
    stated = printed(at_least(bound))
    assert stated <= written(bound) < stated + Fraction(1, 1000)


@given(st.floats(0, 1))
def test_a_printed_upper_bound_is_never_below_the_true_one_and_is_near(bound):
    stated = printed(at_most(bound))
    assert stated - Fraction(1, 1000) < written(bound) <= stated


@given(st.floats(0, 1))
def test_a_share_that_was_given_is_printed_with_every_digit(share):
    assert printed(as_given(share)) == written(share)


@pytest.mark.parametrize(
    ("worded", "text"),
    [
        (at_least(0.9501), "at least 95.0%"),
        (at_least(0.99999), "at least 99.9%"),
        (at_least(0.0004), "at least 0.0%"),
        (at_least(1.0), "at least 100%"),
        (at_most(0.1391), "at most 14.0%"),
        (at_most(0.139), "at most 13.9%"),
        (at_most(1e-9), "at most 0.1%"),
        (at_most(0.0), "at most 0.0%"),
        (at_most(0.9999), "at most 100%"),
        (as_given(0.95), "95%"),
        (as_given(0.999), "99.9%"),
        (as_given(1.0), "100%"),
    ],
)
def test_bounds(worded, text):
    assert worded == text


def test_every_baseline_is_drawn_and_every_one_drawn_has_words():
    assert set(SAMPLERS) | INSIDE == {hard(name) for name in BASELINES}
    assert not set(SAMPLERS) & INSIDE
    assert all(known.words for known in BASELINES.values())


def test_baselines_read_as_a_sentence():
    assert baselines(()) == ""
    assert baselines(("black",)) == "black"
    assert baselines(("black", "white")) == "black and white"
    assert baselines(("black", "own", "gaussian")) == "black, own and Gaussian noise"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Check("sufficiency", 1.0, 1.0, 9, True, True), "sufficiency 9/9"),
        (Check("sufficiency", 7 / 9, 1.0, 9, True, False), "sufficiency 7/9, all required"),
        (
            Check("shift_stability", 0.75, 0.9, 24, True, False),
            "shift stability 18/24, 90% required",
        ),
        (Check("shape_leakage", 5 / 24, 0.1, 24, False, False), "shape leakage 5/24, 10% allowed"),
    ],
)
def test_a_check_is_counted_and_a_failed_one_says_what_was_asked(result, text):
    assert check(result) == text


def test_the_line_of_an_image_that_passed(explanation):
    line = line_of("scan_01", explanation)
    warning = explanation.claim.warnings[0]
    assert line == Line(
        *("scan_01", "meningioma", "0.97", "0.90", "10.0%", "yes"),
        well=True,
        remark=warning,
        brief="file",
        more=0,
    )
    claim = replace(explanation.claim, notices=())
    line = line_of("scan_01", replace(explanation, claim=claim))
    assert (line.remark, line.brief, line.more) == ("", "", 0)


@pytest.mark.parametrize(
    ("kind", "figure", "words"),
    [
        ("outline", 0.15, "outline 15%"),
        ("on_edge", 3.0, "on edge 3"),
        ("file", nan, "file"),
    ],
)
def test_a_warning_has_a_few_words_and_its_figure(explanation, kind, figure, words):
    notices = (Notice(kind, "a", figure, True), Notice(kind, "b", figure, True))
    fact = Notice("border", "c", 0.2, False)
    claim = replace(explanation.claim, notices=(*notices, fact))
    line = line_of("x", replace(explanation, claim=claim))
    assert (line.brief, line.remark, line.more) == (words, "a", 1)


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (0.5, "sufficiency test passed"),
        (0.501, "sufficient only as a large region"),
        (1.0, "no smaller region found"),
    ],
)
def test_of_more_than_half_of_the_image_it_is_not_said_that_it_passed(explanation, area, words):
    found = replace(explanation, area=area)
    assert found.verified
    assert verdict(found) == words
    said = {0.5: "yes", 0.501: "large region", 1.0: "whole image"}
    assert (line_of("a", found).outcome, line_of("a", found).well) == (said[area], area == 0.5)


def test_the_line_of_an_image_that_failed_says_why(refused):
    line = line_of("scan_01", refused)
    assert (line.outcome, line.well, line.more) == ("no", False, 1)
    assert (line.brief, line.remark) == ("sufficiency 61/64", refused.status)
    assert line_of("a", replace(refused, tests=None)).outcome == "no claim"


def test_the_details_have_every_sentence_once(refused):
    said = list(details(refused))
    assert said[0] == ("no", refused.status)
    assert said[1] == ("warning", refused.claim.warnings[0])
    assert [text for _, text in said[2:]] == [statement.text for statement in claims(refused)]
    assert ("-", "also tested, not part of the claim: black 0/1") in said


def test_the_verdict_names_the_test_that_failed(explanation, refused):
    sufficiency, shape, stable = refused.claim.checks
    passed = explanation.claim.checks
    for checks, text in (
        ((sufficiency, shape, stable), "sufficiency test failed"),
        ((passed[0], shape, stable), "shape leakage test failed"),
        ((passed[0], passed[1], stable), "shift stability test failed"),
    ):
        claim = replace(refused.claim, checks=checks)
        assert verdict(replace(refused, claim=claim)) == text
    assert verdict(replace(refused, tests=None)) == "cannot be explained"
    blank = replace(refused.claim, p_image=0.3, p_baseline=0.3)
    assert verdict(replace(refused, claim=blank)) == "cannot be explained"


def test_the_line_is_one_line(explanation):
    changed = replace(explanation, verified=False, label="a\nb", status="one\ntwo")
    line = line_of("x\ny", changed)
    assert (line.name, line.label, line.remark) == ("x y", "a b", "one two")
    assert all("\n" not in text for _, text in details(changed))


@pytest.mark.parametrize(
    ("searched", "said", "shown"),
    [
        (
            ("grey", "gaussian"),
            "3% is sufficient over grey, gaussian",
            "over grey and Gaussian noise",
        ),
        (("gaussian",), "3% is sufficient over gaussian", "over Gaussian noise"),
        (("grey", "gaussian"), "not robust to gaussian", "not robust to gaussian"),
    ],
)
def test_baselines_of_the_ending_are_said_in_words(explanation, searched, said, shown):
    claim = replace(explanation.claim, searched=searched)
    assert status(replace(explanation, status=said, claim=claim)).endswith(shown)
