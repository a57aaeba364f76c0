"""What a re-check asks of the claim itself, and of a result that claims nothing."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from med_cam.certification import certificate
from med_cam.config.settings import relative_to
from med_cam.errors import ConfigError
from med_cam.recheck import claims, further, nothing
from med_cam.recheck.compare import Verdict
from med_cam.recheck.difference import Difference
from med_cam.recheck.document import Again
from med_cam.recheck.further import Further
from med_cam.recheck.options import Options
from med_cam.report.saved import Saved
from med_cam.results.check import Check
from med_cam.results.claim import RestrictedClaim, given_anyway
from med_cam.results.mask_tests import Agreement, MaskTests
from med_cam.results.rate import Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision
from recheck.asked import (
    IMAGE,
    PATCHES,
    PLAIN,
    SEED,
    SIDE,
    in_place,
    numbered,
    of_claim,
    response_of,
    rows,
    saved_with,
    without,
)

# The claim itself

RATE = Rate(12, 0, 0.2, 0.95)
FAILED = Check("sufficiency", 0.0, 1.0, 9, at_least=True, passed=False)
TESTS = MaskTests(None, without(1), RATE, 0.9, RATE, RATE)
AGREED = Agreement((SEED, SEED + 1), torch.zeros(0, 0), (0.1, 0.2), 0.5, 0.1, 2)
RESTRICTED_NOW = RestrictedClaim(rows(5), 1 / SIDE, numbered(5), ("grey",), 77)
SUPERSET_NOW = further.NecessarySuperset(rows(0, 1), 2 / SIDE, numbered(6), without(6))
OTHER_NOW = further.Alternative(rows(2), 1 / SIDE, numbered(7))
OTHERWISE = Difference("area", 0.5, 0.25)


@pytest.fixture
def seen():
    return SimpleNamespace(further=[], holds=True, compared=[])


@pytest.fixture
def comparing(monkeypatch, seen):
    """What is compared with what was saved."""

    def agreement_again(case, saved, *, holds):
        assert case.config == PLAIN
        seen.agreed = holds
        return AGREED

    def warned(case, mask, claim, response, tests):
        assert case.config == PLAIN
        seen.warned = (mask, claim, response.decision.p_baseline * 2**32, tests)
        return numbered("warned")

    def changes(case, saved, found, *, older):
        assert case.config == PLAIN
        seen.compared.append((found, older))
        return iter([OTHERWISE])

    for stub in (agreement_again, warned, changes):
        in_place(monkeypatch, stub.__name__, stub)
    in_place(monkeypatch, "response_of", response_of)
    in_place(monkeypatch, "note_of", lambda *_, **__: "a note")
    for as_saved in ("claim_as_saved", "tests_as_saved", "further_as_saved"):  # none on an edge
        in_place(monkeypatch, as_saved, lambda case, now, *_, **__: now)
    for expected in ("lacking", "not_found"):
        in_place(monkeypatch, expected, lambda *_: iter(()))


@pytest.fixture
def claiming(monkeypatch, seen, comparing):
    """What the claim and its tests are asked with."""

    def claim_on(case, mask, response, *, tried, samples, draw=None):
        assert draw in (None, tried + 1)
        seen.config, seen.mask, seen.tried, seen.samples = case.config, mask, tried, samples
        seen.response = response.decision.p_baseline * 2**32
        return numbered(0) if seen.holds else replace(numbered(0), checks=(FAILED,))

    def mask_tests(case, mask, claim, minimality):
        seen.tests = (case.config, mask, claim.reference_images, minimality)
        return replace(TESTS, minimality=minimality)

    def further_masks(case, saved, response, *, older):
        seen.further.append(older)
        assert case.config == PLAIN
        assert response.decision.p_baseline * 2**32 == SEED
        return Further((OTHER_NOW,), (True,), True, SUPERSET_NOW, RESTRICTED_NOW)

    def minimality_rechecked(case, saved, response):
        assert case.config == PLAIN
        assert response.decision.p_baseline * 2**32 == SEED
        return PATCHES

    def of_further(document, now):
        yield Verdict(f"further {len(now.alternatives)}", True, True, "", "")

    for stub in (claim_on, mask_tests, further_masks, minimality_rechecked, of_claim, of_further):
        in_place(monkeypatch, stub.__name__, stub)
    monkeypatch.setattr(certificate, "claim_on", claim_on)
    in_place(monkeypatch, "of_tests", lambda *_: iter([Verdict("tests", True, True, "", "")]))
    return seen


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_is_made_again_as_it_was(case, claiming, older, holds):
    claiming.holds = holds
    saved = replace(saved_with(rows(0, 6)), version="1.1" if older else "2.0")
    found = claims.claims_rechecked(case, saved)
    assert [verdict.name for verdict in found.verdicts] == ["4 0", "tests", "further 1"]
    assert (claiming.config, claiming.tried, claiming.response) == (PLAIN, 4, SEED)
    assert torch.equal(claiming.mask, rows(0, 6))
    # As the fourth mask: risk 0.05 * 0.8 * 0.2^3, and six samples may be lost.
    assert claiming.samples == certificate.samples_of(4, PLAIN.verification) > 200
    config, mask, number, minimality = claiming.tests
    assert (config, number, minimality) == (PLAIN, "0", PATCHES)
    assert torch.equal(mask, rows(0, 6))
    assert claiming.further == [older]
    assert found.claim.holds == holds
    assert found.claim.reference_images == "0"
    assert found.passes == case.cost()
    # All of it is compared with what was saved.
    tests = replace(
        TESTS, minimality=PATCHES, alternatives=(OTHER_NOW,), remainder_sufficient=True,
        necessary_superset=SUPERSET_NOW, agreement=AGREED,
    )  # fmt: skip
    assert claiming.agreed == holds
    mask, claim, response, seen = claiming.warned
    assert torch.equal(mask, rows(0, 6))
    assert (claim, response) == (found.claim, SEED)
    assert seen == tests
    assert claiming.compared == [(Again(numbered("warned"), tests, RESTRICTED_NOW), older)]
    assert found.differences == (OTHERWISE,)
    assert found.note == "a note"


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (Options(seed=5), replace(PLAIN, seed=5)),
        (Options(samples=40), PLAIN),
        (
            Options(confidence=0.5),
            replace(PLAIN, verification=replace(PLAIN.verification, confidence=0.5)),
        ),
        (Options(baselines=("uniform",)), relative_to(PLAIN, ("uniform",))),
    ],
)
def test_a_new_certificate_is_the_first_of_its_own_and_on_the_saved_mask_alone(
    case, claiming, options, config
):
    found = claims.anew(case, saved_with(rows(0)), options)
    assert [verdict.name for verdict in found.verdicts] == ["4 0", "tests"]
    assert claiming.further == []
    assert (claiming.config, claiming.tried) == (config, 1)
    assert torch.equal(claiming.mask, rows(0))
    assert claiming.response == config.seed
    wanted = options.samples or certificate.samples_of(1, config.verification)
    assert claiming.samples == wanted
    config_of_tests, _, _, minimality = claiming.tests
    assert config_of_tests == config
    assert minimality == PATCHES  # patches on the samples of the report
    assert found.claim == numbered(0)
    assert found.passes == case.cost()
    # What does not rest on the claim is compared with what was saved.
    assert claiming.compared == [(None, False)]
    assert found.differences == (OTHERWISE,)
    assert found.note == "a note"


def test_baselines_that_cannot_be_drawn_are_refused_before_anything_is_asked(case, claiming):
    with pytest.raises(ConfigError, match="needs reference images"):
        claims.anew(case, saved_with(rows(0)), Options(baselines=("others",)))
    assert not hasattr(claiming, "samples")


# A result that claims nothing


@pytest.fixture
def claiming_nothing(monkeypatch, comparing):
    """Claims by their attempt; `seen.faults` is how many fields differ from each of them."""
    seen = SimpleNamespace(attempts=[], faults={}, given=[])

    def claimed(case, mask, response, *, attempt):
        assert torch.equal(mask, rows(0))
        seen.attempts.append(attempt)
        return numbered(attempt)

    def warned(case, mask, claim, response, tests):
        assert torch.equal(mask, rows(0))
        assert tests is None
        return claim

    def changes(case, saved, found, *, older):
        seen.given.append((found, older))
        number = 0 if found is None else int(found.claim.reference_images)
        return iter([OTHERWISE] * seen.faults.get(number, 0))

    def further_masks(case, saved, response, *, older):
        return Further((), (), None, None, None)

    for stub in (claimed, warned, changes, further_masks):
        in_place(monkeypatch, stub.__name__, stub)
    return seen


def nothing_in(folder, version="2.0"):
    document = {
        "config": {},
        "verified": False,
        "tests": None,
        "claim": {},
        "ladder": None,
        "contrast": None,
    }
    return Saved(Path(folder), document, IMAGE, rows(0), version=version)


@pytest.mark.parametrize(
    ("p_image", "p_baseline", "predicted", "retains"),
    [
        (0.75, 0.25, True, True),  # as far apart as asked for
        (0.75, 0.28125, True, False),
        (0.78125, 0.25, True, True),
        (0.75, 0.25, False, False),
        (0.25, 0.75, True, False),
    ],
)
def test_nothing_is_explained_as_long_as_the_label_is_not_predicted_or_too_near_to_a_blank_input(
    case, monkeypatch, claiming_nothing, p_image, p_baseline, predicted, retains
):
    target = replace(case.target, p_image=p_image)
    before = torch.tensor([[0.9, 0.1] if predicted else [0.1, 0.9]])
    rules = replace(PLAIN.verification, minimum_effect=0.5)
    case = replace(case, target=target, before=before, config=replace(PLAIN, verification=rules))
    given_by = ("grey",) if given_anyway(p_baseline, p_image, 0.5) else ()
    blank = BaselineResponse({}, Decision(target, p_baseline, 0.5, given_by))
    in_place(monkeypatch, "response_of", lambda _: blank)
    found = nothing.nothing_rechecked(case, nothing_in("newer"), Options())
    assert found.verdicts == (Verdict("nothing to explain", True, not retains, "", ""),)
    assert found.differences == ()
    assert found.holds == (not retains)
    assert found.claim is None
    assert found.passes == case.cost()
    assert found.note == "a note"


@pytest.mark.parametrize(
    ("faults", "cut", "attempts", "differences"),
    [
        ({}, "smallest", [0], 0),
        ({0: 2}, "smallest", [0, 1, 2, 3], 0),
        ({0: 2, 1: 1, 2: 3, 3: 2}, "smallest", [0, 1, 2, 3], 1),
        ({0: 2}, "threshold", [0], 2),
    ],
)
def test_the_claim_of_nothing_is_that_of_any_attempt_there_was(
    case, claiming_nothing, faults, cut, attempts, differences
):
    refinement = replace(PLAIN.refinement, cut=cut, attempts=3)
    case = replace(case, config=replace(PLAIN, refinement=refinement))
    claiming_nothing.faults = faults
    found = nothing.nothing_rechecked(case, nothing_in("older", "1.1"), Options())
    assert claiming_nothing.attempts == attempts
    assert claiming_nothing.given == [(Again(numbered(n), None, None), True) for n in attempts]
    assert found.differences == (OTHERWISE,) * differences


def test_where_it_is_tested_otherwise_what_rests_on_the_claim_of_nothing_is_not_compared(
    case, claiming_nothing
):
    claiming_nothing.faults = {0: 1}
    found = nothing.nothing_rechecked(case, nothing_in("newer"), Options(seed=5))
    assert claiming_nothing.given == [(None, False)]
    assert found.differences == (OTHERWISE,)
