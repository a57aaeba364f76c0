"""What a re-check asks for: each mask under its seed, as the n-th that was tried, once more."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.case.seeds import RESTRICTED
from med_cam.certification import certificate
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, relative_to
from med_cam.errors import ConfigError, OutputError
from med_cam.images.image import Image
from med_cam.recheck import (
    besides,
    claims,
    compare,
    further,
    minimality as patches,
    nothing,
    outcome,
    recheck,
)
from med_cam.recheck.compare import Verdict, of_further
from med_cam.recheck.difference import Difference
from med_cam.recheck.document import Again
from med_cam.recheck.further import Further, further_masks, numbers_of
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Recheck
from med_cam.recheck.recheck import rechecked
from med_cam.report.saved import Saved
from med_cam.results.check import Check
from med_cam.results.claim import Claim, RestrictedClaim, given_anyway
from med_cam.results.mask_tests import Agreement, MaskTests, Necessity
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Passes
from med_cam.results.rate import Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision

SIDE, SEED = 8, 11
PLAIN = Config(seed=SEED, certification=Certification(contrast=False))


def in_place(monkeypatch, name, stub):
    """A stub in place of a function in every file of the re-check that calls it."""
    found = [m for m in (besides, claims, nothing, outcome, patches, recheck) if hasattr(m, name)]
    assert found
    for module in found:
        monkeypatch.setattr(module, name, stub)


class Halves(nn.Module):
    """Whether the upper half is brighter than the lower one."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(len(x))
        upper, lower = x.mean(dim=(1, 3)).chunk(2, dim=1)
        return torch.stack([upper.sum(dim=1), lower.sum(dim=1)], dim=1)


def classifier_of(module):
    return Classifier(module, ("upper", "lower"), (SIDE, SIDE), 1, (0.5,), (0.5,), sha256="ab")


IMAGE = Image(torch.cat([torch.ones(1, 4, SIDE), torch.zeros(1, 4, SIDE)], dim=1))


@pytest.fixture
def case():
    with hooks_attached(classifier_of(Halves())) as forward:
        yield observed(forward, classifier_of(Halves()), IMAGE, PLAIN)


def rows(*numbers):
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[list(numbers)] = True
    return mask


def claim_of(tried, *, draw=None, searched=("grey",), samples=1):
    """Of the certificate of this number, on the draw of samples after it if no other is told."""
    certificate = {"tried": tried, "draw": draw or tried + 1}
    baselines = [{"name": name, "searched": True, "samples": samples} for name in searched]
    return {"certificate": certificate, "searched": list(searched), "baselines": baselines}


def saved_with(mask, *others, remainder=None, superset=None, restricted=None):
    """A result of which only masks, numbers of tries and seeds are looked at."""
    tests = {
        "alternatives": [{"claim": claim_of(tried)} for _, tried in others],
        "remainder_sufficient": remainder,
        "necessary_superset": superset and {"claim": claim_of(superset[1]), "necessity": "said"},
        "minimality": None,
    }
    document = {
        "config": {},
        "tests": tests,
        "claim": claim_of(4),
        "restricted_claim": None,
        "ladder": None,
        "contrast": None,
    }
    if restricted:
        _, tried, names, seed = restricted
        document["restricted_claim"] = {"claim": claim_of(tried, searched=names), "seed": seed}
    return Saved(
        Path("nowhere"), document, IMAGE, mask, tuple(mask for mask, _ in others),
        superset and superset[0], restricted and restricted[0],
    )  # fmt: skip


def numbered(number):
    """A claim that is known again."""
    return Claim(("grey",), (), (), 0.9, 0.2, 0.6, str(number), ())


def response_of(case):
    """A response that tells the seed it was asked under."""
    return BaselineResponse({}, Decision(case.target, case.config.seed / 2**32, 0.5))


def of_claim(prefix, reported, now):
    """A verdict that is named by its prefix, what was reported, and the claim that came out."""
    tried = reported["certificate"]["tried"]
    yield Verdict(f"{prefix}{tried} {now.reference_images}", True, True, "", "")


@pytest.fixture
def asked(monkeypatch):
    """The certificates asked for."""
    certificates = []

    def certificate_of(case, mask, response, tried, draw, samples):
        assert draw == tried + 1  # as `claim_of` says
        assert samples == certificate.samples_of(tried, case.config.verification)
        certificates.append((case.config, mask, response.decision.p_baseline * 2**32, tried))
        return numbered(len(certificates))

    monkeypatch.setattr(further, "response_of", response_of)
    monkeypatch.setattr(further, "certificate_of", certificate_of)
    monkeypatch.setattr(further, "superset_claim", certificate_of)
    monkeypatch.setattr(compare, "of_claim", of_claim)
    return certificates


def found_of(case, saved, *, older=False):
    return further_masks(case, saved, response_of(case), older=older)


def verdicts_of(saved, found):
    return [(v.name, v.now) for v in of_further(saved.document, found)]


def asking(case, **rules):
    """The case under settings that ask for more."""
    certification = replace(PLAIN.certification, **rules)
    return replace(case, config=replace(case.config, certification=certification))


def test_each_alternative_is_certified_under_its_own_seed_as_the_nth_that_was_tried(case, asked):
    saved = saved_with(rows(0), (rows(1), 2), (rows(2, 3), 5))
    found = found_of(case, saved)
    assert verdicts_of(saved, found) == [
        ("alternative 1 is disjoint", True), ("alternative 1 2 1", True),
        ("alternative 2 is disjoint", True), ("alternative 2 5 2", True),
    ]  # fmt: skip
    assert len(asked) == 2
    for number, (config, mask, response, tried) in enumerate(asked, start=1):
        seed = SEED + 1_000_003 * number
        assert config == replace(PLAIN, seed=seed)
        assert response == seed
        assert torch.equal(mask, saved.alternatives[number - 1])
        assert tried == (2, 5)[number - 1]
    assert [other.claim for other in found.alternatives] == [numbered(1), numbered(2)]
    assert [other.area for other in found.alternatives] == [1 / SIDE, 2 / SIDE]
    assert all(other.mask is saved.alternatives[i] for i, other in enumerate(found.alternatives))


@pytest.mark.parametrize(
    ("second", "apart"), [(rows(2), True), (rows(1, 2), False), (rows(0, 3), False)]
)
def test_an_alternative_is_disjoint_of_all_masks_before_it(case, asked, second, apart):
    saved = saved_with(rows(0), (rows(1), 1), (second, 1))
    found = found_of(case, saved)
    assert found.apart == (True, apart)
    verdicts = dict(verdicts_of(saved, found))
    assert verdicts["alternative 1 is disjoint"]
    assert verdicts["alternative 2 is disjoint"] == apart


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("found", [True, False])
def test_the_remainder_is_all_that_no_mask_holds(case, asked, monkeypatch, said, found):
    opened = []

    def suffices(rest, response):
        opened.append((rest.open, response.decision.p_baseline * 2**32))
        return found

    monkeypatch.setattr(further, "suffices", suffices)
    names = {True: "the remainder is sufficient", False: "the remainder is not sufficient"}
    saved = saved_with(rows(0), (rows(1), 1), (rows(4), 1), remainder=said)
    again = found_of(asking(case, alternatives=2), saved)
    assert again.remainder_sufficient == found
    assert verdicts_of(saved, again)[-1] == (names[said], found == said)
    ((remainder, response),) = opened
    assert torch.equal(remainder[0, 0], rows(2, 3, 5, 6, 7))
    assert response == SEED


@pytest.mark.parametrize("said", [None, True, False])
def test_a_remainder_that_was_not_asked_for_is_not_asked_for_again(case, asked, monkeypatch, said):
    """The settings ask for it; what is said of it all the same differs from what comes out."""
    monkeypatch.setattr(further, "suffices", None)
    saved = saved_with(rows(0), remainder=said)
    found = found_of(case, saved)
    assert found == Further((), (), None, None, None)
    assert verdicts_of(saved, found) == []


def without(changed):
    """What is found of the rest of the image, known again by its number."""
    return Necessity(9, changed, 4, "dark", 0.1, 0.2, 0.9, 0.3, 0.95)


def test_a_necessary_superset_is_certified_and_hidden_under_the_seed_of_the_mask(
    case, asked, monkeypatch
):
    hidden = []

    def necessity_of(of, mask, decision):
        hidden.append((of.config.seed, mask, decision))
        return without(6)

    def of_necessity(prefix, reported, now):
        return Verdict(f"{prefix}{reported} {now.changed}", True, True, "", "")

    def decision_of(of, claim):
        return of.config.seed, claim.reference_images

    monkeypatch.setattr(further, "necessity_of", necessity_of)
    monkeypatch.setattr(compare, "of_necessity", of_necessity)
    monkeypatch.setattr(further, "decision_of", decision_of)
    saved = saved_with(rows(0), superset=(rows(0, 1), 3))
    found = found_of(case, saved)
    assert verdicts_of(saved, found) == [
        ("necessary superset 3 1", True), ("necessary superset said 6", True),
    ]  # fmt: skip
    ((config, mask, response, tried),) = asked
    assert (config, response, tried) == (PLAIN, SEED, 3)
    assert torch.equal(mask, rows(0, 1))
    ((seed, mask, decision),) = hidden
    assert (seed, decision) == (SEED, (SEED, "1"))
    assert torch.equal(mask, rows(0, 1))
    larger = found.necessary_superset
    assert larger.mask is saved.necessary_superset
    assert (larger.area, larger.claim) == (2 / SIDE, numbered(1))
    assert larger.necessity == without(6)


@pytest.mark.parametrize(("older", "seed"), [(False, SEED + RESTRICTED), (True, SEED)])
def test_a_restricted_claim_is_certified_on_its_baselines_under_its_seed(case, asked, older, seed):
    """Under the seed that follows from the explanation's, whatever is said; once it was that."""
    saved = saved_with(rows(0), restricted=(rows(5), 2, ("gaussian",), 77))
    found = found_of(case, saved, older=older)
    assert verdicts_of(saved, found) == [("restricted claim 2 1", True)]
    ((config, mask, response, tried),) = asked
    assert config == replace(relative_to(PLAIN, ("gaussian",)), seed=seed)
    assert (response, tried) == (seed, 2)
    assert torch.equal(mask, rows(5))
    assert found.restricted.mask is saved.restricted
    assert (found.restricted.area, found.restricted.claim) == (1 / SIDE, numbered(1))
    assert (found.restricted.dropped, found.restricted.seed) == (("grey",), seed)


def test_a_claim_is_of_no_later_mask_than_can_have_been_tried():
    """Reduced masks, the one before them, larger ones; and as many supersets as reduced ones."""
    rules = replace(PLAIN.certification, rounds=3, grown=4)
    config = replace(PLAIN, certification=rules)
    assert numbers_of(claim_of(2, draw=3 + 1 + 4 + 3), config) == (2, 11, 171)
    with pytest.raises(OutputError, match="draw number 12, where there can be 11"):
        numbers_of(claim_of(2, draw=12), config)
    with pytest.raises(OutputError, match="mask number 5, where there can be 4"):
        numbers_of(claim_of(5, draw=4), config)


def test_a_claim_without_a_certificate_is_that_of_the_first_mask():
    assert numbers_of({"certificate": None, "baselines": []}, PLAIN) == (1, 1, 99)


@pytest.mark.parametrize(
    ("names", "tried", "said", "taken"),
    [
        (("gaussian",), 1, 99, 99),
        (("gaussian",), 1, 63, 63),  # as it was when a first mask might lose none
        (("gaussian", "grey"), 1, 63, 63),
        (("gaussian", "uniform"), 1, 32, 63),  # of each
        (("gaussian", "uniform"), 1, 63, 99),
        (("gaussian",), 1, 62, 99),  # any other number would have been chosen
        (("gaussian",), 1, 400, 99),
        (("gaussian",), 2, 171, 171),
        (("gaussian",), 2, 63, 171),
        (("grey",), 1, 1, 99),
    ],
)
def test_samples_are_as_many_as_a_certificate_takes_or_took_and_never_any_other_number(
    names, tried, said, taken
):
    claim = claim_of(tried, searched=names, samples=said)
    for baseline in claim["baselines"]:
        baseline["samples"] = 1 if baseline["name"] == "grey" else said
    assert numbers_of(claim, PLAIN).samples == taken


# The claim itself

RATE = Rate(12, 0, 0.2, 0.95)
FAILED = Check("sufficiency", 0.0, 1.0, 9, at_least=True, passed=False)
TESTS = MaskTests(None, without(1), RATE, 0.9, RATE, RATE)
AGREED = Agreement((SEED, SEED + 1), torch.zeros(0, 0), (0.1, 0.2), 0.5, 0.1, 2)
PATCHES = Minimality(2, (), (), (), 3, True, 9, 1, 0.5, 0.25)
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


# Patches


def test_patches_that_were_not_tested_are_not_tested_again(case):
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.6))
    assert patches.minimality_rechecked(case, saved_with(rows(0)), response) is None
    saved = saved_with(rows(0))
    saved.document["tests"]["minimality"] = {"patch": 2}  # where the settings ask for none
    assert patches.minimality_rechecked(asking(case, patch=0), saved, response) is None


@pytest.mark.parametrize(
    ("names", "number", "said"),
    [
        (("gaussian",), 4 + 12, None),  # four samples at first, and six for each of two rounds
        (("gaussian",), 4 + 12 - 1, "retested"),
        (("grey",), 1, "names a sample that its baselines do not have"),
        (("grey",), 0, "retested"),
    ],
)
def test_a_sample_that_there_cannot_have_been_is_refused(case, monkeypatch, names, number, said):
    in_place(monkeypatch, "retested", lambda *_: PATCHES)
    config = relative_to(PLAIN, names)
    rules = replace(PLAIN.certification, reduction_samples=1, pool=3, rounds=2)
    case = replace(case, config=replace(config, certification=rules))
    saved = saved_with(rows(3))
    lists = {"patches": [], "samples": [number], "shifts": []}
    numbers = {"patch": 16, "tolerance": 0, "tested": 9, "rounds": 1, "before": 0.5, "after": 0.2}
    saved.document["tests"]["minimality"] = lists | numbers | {"sufficient": True}
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.6))
    if said == "retested":
        assert patches.minimality_rechecked(case, saved, response) == PATCHES
        return
    with pytest.raises(OutputError, match=said or f"names sample {number}, which these settings"):
        patches.minimality_rechecked(case, saved, response)


@pytest.mark.parametrize(
    ("samples", "drawn", "said", "unit", "patch"),
    [
        ([0, 2], 5, 3, 2, 2),
        ([4], 5, 3, 2, 2),
        ([5], 6, 3, 2, 2),
        ([0, 9, 3], 10, 3, 2, 2),
        ([], 5, 3, 2, 2),
        ([0, 2], 5, 4, 2, 2),  # one shift more than these settings allow
        ([0, 2], 5, 3, 2, 8),  # twice as large, and twice again
        ([0, 2], 5, 3, 2, 6),  # to which these settings do not lead
    ],
)
def test_patches_are_tested_on_the_numbered_samples_of_the_report(
    case, monkeypatch, samples, drawn, said, unit, patch
):
    """There are five samples; further ones are drawn only as far as the report names them."""
    seen = []
    rules = replace(PLAIN.certification, patch=unit, reduction_samples=1, pool=3)
    # Of 24 shifts a claim may lose six, a reduced mask three.
    claim = replace(PLAIN.verification, stability_rate=0.75)
    case = replace(case, config=replace(PLAIN, certification=rules, verification=claim))
    reported = {
        "patch": patch,
        "patches": [{"row": 1, "column": 0, "witness": "sample", "number": 2}],
        "samples": samples,
        "shifts": [6],
        "tolerance": said,
        "sufficient": True,
        "tested": 9,
        "rounds": 1,
        "before": 0.5,
        "after": 0.25,
    }

    def retested(of, mask, trial, now):
        seen.append((of, mask, trial, now))
        return now

    sets = []
    real = patches.sample_set

    def sample_set(of, decision, *, more=0):
        sets.append(real(of, decision, more=more))
        return sets[-1]

    in_place(monkeypatch, "retested", retested)
    in_place(monkeypatch, "sample_set", sample_set)
    saved = saved_with(rows(3))
    saved.document["tests"]["minimality"] = reported
    decision = Decision(case.target, 0.2, 0.6)
    found = patches.minimality_rechecked(case, saved, BaselineResponse({}, decision))
    side = 2 if patch == 6 else patch
    expected = Minimality(
        side, (Patch(1, 0, "sample", 2),), tuple(samples), (6,), 3, True, 9, 1, 0.5, 0.25
    )
    assert found == expected
    ((of, mask, trial, now),) = seen
    assert of is case
    assert torch.equal(mask, rows(3))
    assert now == expected
    assert (trial.tolerance, trial.decision) == (3, decision)
    assert trial.names == (*(("sample", i) for i in samples), ("shift", 6))
    assert len(sets[-1].samples) == drawn
    assert len(sets) == (1 if drawn == 5 else 2)
    assert all(torch.equal(trial.infill[i], sets[-1].samples[n]) for i, n in enumerate(samples))


# How the classifier is asked


@pytest.mark.parametrize(("batch", "passes"), [(None, [7]), (1, [1] * 7), (3, [3, 3, 1])])
def test_claims_are_asked_with_as_many_masked_inputs_per_pass_as_said(monkeypatch, batch, passes):
    module, given, refusals = Halves(), [], []
    results = {
        name: Recheck((), (), None, Passes(n, 0))
        for n, name in enumerate(("claims_rechecked", "anew", "nothing_rechecked"))
    }

    def stub(name):
        def run(case, *passed):
            given.append((name, case, passed))
            module.shown.clear()
            case.claims.hidden(torch.zeros(7, 1, SIDE, SIDE))
            return results[name]

        return run

    for name in results:
        in_place(monkeypatch, name, stub(name))
    in_place(monkeypatch, "refuse_other_classifier", lambda *asked: refusals.append(asked))
    document = {
        "config": {"seed": 9},
        "classifier": {"contrast": None},
        "label": "lower",
        "target": 1,
        "tests": {},
        "ladder": None,
        "contrast": None,
        "fills": [],
    }
    saved, options = Saved(Path(), document, IMAGE, rows(0)), Options(batch=batch)
    other, empty = replace(options, seed=3), {**document, "tests": None}
    for now, asked, name, passed in (
        (saved, options, "claims_rechecked", (saved,)),
        (saved, other, "anew", (saved, other)),
        (replace(saved, document=empty), options, "nothing_rechecked", None),
        (replace(saved, document=empty), other, "nothing_rechecked", None),
    ):
        model = classifier_of(module)
        refusals.clear()
        given.clear()
        assert rechecked(model, now, None, asked) is results[name]
        assert module.shown == passes
        ((called, case, was),) = given
        assert called == name
        assert all(a is b for a, b in zip(was, passed or (now, asked), strict=True))
        assert case.config == replace(Config(), seed=9)
        assert (case.target.index, case.target.label) == (1, "lower")
        assert torch.equal(case.source.pixels, IMAGE.pixels)
        assert case.claims.scene is case.scene
        # It is asked of the classifier that was explained.
        ((explained, of),) = refusals
        assert explained is model
        assert of is now.document
