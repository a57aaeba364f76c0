"""What the ladder says: plain sentences with their numbers, never rounded in their favour."""

from dataclasses import replace

import pytest
import torch

from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.ladder import Attempt, Consistency, Control, Ladder, Rung
from med_cam.verify.ladder_words import nothing, sentence, with_ladder

RUNG = Rung(
    name="necessary",
    mask=torch.zeros(2, 2, dtype=torch.bool),
    area=0.08,
    searched=("grey", "gaussian"),
    strength=1.0,
    samples=146,
    hits=145,
    fixed=1,
    fixed_hits=1,
    risk=0.005,
    bound=0.95099,
    wanted=0.95,
    control=Control(39, 1, 0.05),
)
CLAIM = Claim(("grey",), (), (), 0.9, 0.1, 0.5, "", (), 0.2)


def alone(probability):
    return BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, "lit", probability, 1.0)


def checked(*names):
    return tuple(Check(name, 0.1, 0.9, 20, at_least=True, passed=False) for name in names)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("necessary", ("necessary: hiding 8.0% of the image by grey and Gaussian noise changes",)),
        ("restricted", ("another set of removals: 8.0% of", "over grey and Gaussian noise only")),
        ("graded", ("up to 70% of the way", "moved so far to grey and Gaussian noise")),
    ],
)
def test_a_rung_is_said_with_its_bound_rounded_down_and_with_random_regions(name, parts):
    said = sentence(replace(RUNG, name=name, strength=0.7))
    assert said.endswith(
        "in at least 95.0% of samples (145 of 146); random regions of that size: 1 of 39"
    )
    assert all(part in said for part in parts)


def test_a_milder_removal_is_said_as_a_removal_and_not_as_a_share_of_the_way():
    said = sentence(replace(RUNG, name="graded", strength=1.0, searched=("feathered_blur",)))
    assert "sufficient on a milder removal: 8.0% of the image retains the prediction over" in said
    assert "100%" not in said


def test_what_has_no_random_removal_has_no_bound():
    assert "at least" not in sentence(replace(RUNG, samples=0, hits=0, searched=("grey",)))


def test_better_than_chance_is_said_with_its_p():
    rung = replace(RUNG, name="ranked", control=Control(199, 0, 0.005), bound=0.0)
    assert "better than chance only" in sentence(rung)
    assert "p = 0.005" in sentence(rung)
    assert "at least" not in sentence(rung)


@pytest.mark.parametrize(
    ("claim", "cause"),
    [
        (replace(CLAIM, baselines=(alone(0.88),)), "a blank input (grey) gives the label"),
        (replace(CLAIM, p_image=0.6, baselines=(alone(0.5),)), "no effect is left"),
        (replace(CLAIM, checks=checked("shape_leakage")), "outline of the region gives"),
        (replace(CLAIM, checks=checked("shift_stability")), "not stable"),
        (
            replace(CLAIM, checks=checked("consistency")),
            "does not speak for the label",
        ),
        (
            replace(CLAIM, checks=checked("sufficiency")),
            "lost wherever the rest",
        ),
        (CLAIM, "no region of at most half"),
    ],
)
def test_nothing_is_said_with_its_cause(claim, cause):
    assert cause in nothing(claim, ())


def test_nothing_names_the_rungs_that_the_passes_did_not_suffice_for():
    tried = [Attempt(n, o, 0, 0.0, "x") for n, o in (
        ("graded", "refused"), ("necessary", "no_passes"), ("ranked", "not_tried")
    )]  # fmt: skip
    assert nothing(CLAIM, tried).endswith("(not tried, for want of passes: necessary)")


def test_a_rung_comes_first_where_the_claim_failed_and_last_where_it_holds():
    ladder = Ladder("necessary", "R", RUNG, (), 0)
    assert with_ladder("cannot be explained: S", ladder, held=False) == "R; S"
    assert with_ladder("S", ladder, held=True) == "S; R"
    none = Ladder("nothing", "N", None, (), 0)
    assert with_ladder("cannot be explained: S", none, held=False) == "cannot be explained: S; N"
    assert with_ladder("S", None, held=False) == "S"


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"bound": 0.9499}, False),
        ({"fixed_hits": 0}, False),
        ({"control": Control(39, 2, 0.075)}, False),
        ({"consistency": Consistency(0.2, 0.25, 12, passed=False)}, False),
        ({"name": "ranked", "bound": 0.0, "control": Control(199, 0, 0.005)}, True),
        ({"name": "ranked", "bound": 0.0, "control": Control(99, 0, 0.01)}, False),
    ],
)
def test_a_rung_holds_by_its_bound_its_control_and_its_checks(change, holds):
    assert replace(RUNG, **change).holds == holds
