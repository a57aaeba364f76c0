"""Which classifier is asked again and under which settings, and what a refused one is told."""

from dataclasses import replace
from itertools import product

import pytest
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import identity_of
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError
from med_cam.recheck.compare import Verdict
from med_cam.recheck.difference import Difference
from med_cam.recheck.identity import is_saved, refuse_other_classifier
from med_cam.recheck.minimality import as_saved
from med_cam.recheck.options import Options, changed
from med_cam.recheck.outcome import Recheck
from med_cam.report.document import fields_of
from med_cam.report.older import NOT_SAVED
from med_cam.report.origin import explained
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Passes

CONFIG = replace(Config(), seed=5)


def classifier(sha256, name="ours"):
    return Classifier(
        nn.Identity(), ("a", "b"), (8, 8), 1, (0.5,), (0.5,), name=name, sha256=sha256
    )


def saved(weights, *, older, name="theirs"):
    """What is saved of a classifier of these weights; of version 1.1 without what that lacks."""
    said = fields_of(explained(identity_of(classifier(weights or "")), name=name))
    if older:
        said |= dict.fromkeys(NOT_SAVED["classifier"])
    document = {"sha256": {"weights": weights}, "classifier": said, "labels": ["a", "b"]}
    assert is_saved(document) == (not older)
    return document


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("weights", ["ab" * 32, None])
def test_the_classifier_that_was_explained_is_asked_again(weights, older):
    """Under whatever name."""
    refuse_other_classifier(classifier(weights or ""), saved(weights, older=older))


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize(
    ("was", "now", "hashes"),
    [
        (
            "0123456789abcdef" * 4,
            "fedcba9876543210" * 4,
            ("SHA-256 0123456789ab", "SHA-256 fedcba987654"),
        ),
        (None, "fedcba9876543210" * 4, ("none", "SHA-256 fedcba987654")),
        ("0123456789abcdef" * 4, "", ("SHA-256 0123456789ab", "none")),
    ],
)
def test_another_classifier_is_refused_with_both_hashes(was, now, hashes, older):
    with pytest.raises(ClassifierError) as refused:
        refuse_other_classifier(classifier(now), saved(was, older=older))
    assert str(refused.value) == (
        f"the explanation was made with sha256.weights = {hashes[0]}, the classifier given has "
        f"sha256.weights = {hashes[1]}; give the classifier that was explained"
    )


ASKED = {"baselines": ("uniform", "grey"), "samples": 9, "confidence": 0.5, "seed": 0}


@pytest.mark.parametrize("some", list(product([False, True], repeat=4)))
def test_anything_asked_for_but_the_batch_makes_a_new_certificate(some):
    asked = {key: value for (key, value), on in zip(ASKED.items(), some, strict=True) if on}
    assert Options(**asked).anew == any(some)
    assert Options(**asked, batch=16).anew == any(some)


def test_nothing_asked_for_leaves_the_settings_as_they_were():
    assert changed(CONFIG, Options(samples=9, batch=4)) == CONFIG


def test_only_what_is_asked_for_is_changed():
    rules = CONFIG.verification
    confident = replace(CONFIG, verification=replace(rules, confidence=0.5))
    assert changed(CONFIG, Options(confidence=0.5)) == confident
    assert changed(CONFIG, Options(seed=0)) == replace(CONFIG, seed=0)
    found = changed(CONFIG, Options(**ASKED))
    assert found.verification.baselines == ("uniform", "grey")
    assert found.verification.confidence == 0.5
    assert found.seed == 0
    assert found.certification == CONFIG.certification


def test_minimality_is_read_as_it_was_reported():
    reported = {
        "patch": 8,
        "patches": [
            {"row": 1, "column": 2, "witness": "sample", "number": 7},
            {"row": 3, "column": 0, "witness": "shift", "number": -1},
        ],
        "samples": [0, 4],
        "shifts": [2],
        "tolerance": 3,
        "sufficient": True,
        "tested": 11,
        "rounds": 2,
        "before": 0.5,
        "after": 0.25,
        "needed": 2,  # worked out, not a field
        "holds": True,
    }
    assert as_saved(reported) == Minimality(
        8, (Patch(1, 2, "sample", 7), Patch(3, 0, "shift", -1)), (0, 4), (2,), 3, True, 11, 2,
        0.5, 0.25,
    )  # fmt: skip


def test_a_result_holds_unless_something_of_it_is_refuted():
    good = Verdict("a", claimed=True, now=True, was="", figure="")
    unclaimed = Verdict("b", claimed=False, now=False, was="", figure="")
    bad = Verdict("c", claimed=True, now=False, was="", figure="")
    passes = Passes(1, 0)
    assert Recheck((good, unclaimed), (), None, passes).holds
    assert Recheck((good, unclaimed), (), None, passes, "a note").holds
    assert not Recheck((good, bad), (), None, passes).holds
    assert not Recheck((bad, good), (), None, passes).holds


def test_a_result_does_not_hold_if_a_figure_was_saved_otherwise():
    good = Verdict("a", claimed=True, now=True, was="", figure="")
    other = (Difference("area", 0.5, 0.25),)
    assert not Recheck((good,), other, None, Passes(1, 0)).holds
