"""What a re-check asks for: each mask under its seed, as the n-th that was tried, once more."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ConfigError
from med_cam.images.geometry import Image
from med_cam.recheck import recheck
from med_cam.recheck.compare import Verdict
from med_cam.recheck.recheck import Options, Recheck, rechecked
from med_cam.report.saved import Saved
from med_cam.results import Claim, Minimality, Passes, Patch
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision

SIDE, SEED = 8, 11
PLAIN = Config(seed=SEED)


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


def claim_of(tried, *, searched=("grey",)):
    return {"certificate": {"tried": tried}, "searched": list(searched)}


def saved_with(mask, *others, remainder=None, superset=None, restricted=None):
    """A result of which only masks, numbers of tries and seeds are looked at."""
    tests = {
        "alternatives": [{"claim": claim_of(tried)} for _, tried in others],
        "remainder_sufficient": remainder,
        "necessary_superset": superset and {"claim": claim_of(superset[1]), "necessity": "said"},
        "minimality": None,
    }
    document = {"tests": tests, "claim": claim_of(4), "restricted_claim": None}
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


@pytest.fixture
def asked(monkeypatch):
    """The certificates asked for; what is compared is named by prefix and what was reported."""
    certificates = []

    def response_of(case):
        return BaselineResponse({}, Decision(case.target, case.config.seed / 2**32, 0.5))

    def certificate_of(case, mask, response, tried):
        certificates.append((case.config, mask, response.decision.p_baseline * 2**32, tried))
        return numbered(len(certificates))

    def of_claim(prefix, reported, now):
        yield Verdict(
            f"{prefix}{reported['certificate']['tried']} {now.reference_images}",
            True,
            True,
            "",
            "",
        )

    monkeypatch.setattr(recheck, "response_of", response_of)
    monkeypatch.setattr(recheck, "certificate_of", certificate_of)
    monkeypatch.setattr(recheck, "of_claim", of_claim)
    return certificates


def further(case, saved):
    response = recheck.response_of(case)
    return [(v.name, v.now) for v in recheck.further_masks(case, saved, response)]


def test_each_alternative_is_certified_under_its_own_seed_as_the_nth_that_was_tried(case, asked):
    saved = saved_with(rows(0), (rows(1), 2), (rows(2, 3), 5))
    assert further(case, saved) == [
        ("alternative 1 is disjoint", True), ("alternative 1 2 1", True),
        ("alternative 2 is disjoint", True), ("alternative 2 5 2", True),
    ]  # fmt: skip
    for number, (config, mask, response, tried) in enumerate(asked, start=1):
        seed = SEED + 1_000_003 * number
        assert config == replace(PLAIN, seed=seed)
        assert response == seed
        assert torch.equal(mask, saved.alternatives[number - 1])
        assert tried == (2, 5)[number - 1]


@pytest.mark.parametrize(
    ("second", "apart"), [(rows(2), True), (rows(1, 2), False), (rows(0, 3), False)]
)
def test_an_alternative_is_disjoint_of_all_masks_before_it(case, asked, second, apart):
    found = dict(further(case, saved_with(rows(0), (rows(1), 1), (second, 1))))
    assert found["alternative 1 is disjoint"]
    assert found["alternative 2 is disjoint"] == apart


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("found", [True, False])
def test_the_remainder_is_all_that_no_mask_holds(case, asked, monkeypatch, said, found):
    opened = []

    def suffices(rest, response):
        opened.append((rest.open, response.decision.p_baseline * 2**32))
        return found

    monkeypatch.setattr(recheck, "suffices", suffices)
    names = {True: "the remainder is sufficient", False: "the remainder is not sufficient"}
    saved = saved_with(rows(0), (rows(1), 1), (rows(4), 1), remainder=said)
    assert further(case, saved)[-1] == (names[said], found == said)
    ((remainder, response),) = opened
    assert torch.equal(remainder[0, 0], rows(2, 3, 5, 6, 7))
    assert response == SEED


def test_a_remainder_that_was_not_asked_for_is_not_asked_for_again(case, asked, monkeypatch):
    monkeypatch.setattr(recheck, "suffices", None)
    assert further(case, saved_with(rows(0))) == []


def test_a_necessary_superset_is_certified_and_hidden_under_the_seed_of_the_mask(
    case, asked, monkeypatch
):
    hidden = []

    def necessity_of(of, mask, decision):
        hidden.append((of.config.seed, mask, decision))
        return "found"

    def of_necessity(prefix, reported, now):
        return Verdict(f"{prefix}{reported} {now}", True, True, "", "")

    monkeypatch.setattr(recheck, "necessity_of", necessity_of)
    monkeypatch.setattr(recheck, "of_necessity", of_necessity)
    monkeypatch.setattr(
        recheck, "decision_of", lambda of, claim: (of.config.seed, claim.reference_images)
    )
    saved = saved_with(rows(0), superset=(rows(0, 1), 3))
    assert further(case, saved) == [
        ("necessary superset 3 1", True), ("necessary superset said found", True),
    ]  # fmt: skip
    ((config, mask, response, tried),) = asked
    assert (config, response, tried) == (PLAIN, SEED, 3)
    assert torch.equal(mask, rows(0, 1))
    ((seed, mask, decision),) = hidden
    assert (seed, decision) == (SEED, (SEED, "1"))
    assert torch.equal(mask, rows(0, 1))


def test_a_restricted_claim_is_certified_on_its_baselines_under_its_seed(case, asked):
    saved = saved_with(rows(0), restricted=(rows(5), 2, ("uniform",), 77))
    assert further(case, saved) == [("restricted claim 2 1", True)]
    ((config, mask, response, tried),) = asked
    assert config == replace(relative_to(PLAIN, ("uniform",)), seed=77)
    assert (response, tried) == (77, 2)
    assert torch.equal(mask, rows(5))


# The claim itself


@pytest.fixture
def claiming(monkeypatch, asked):
    """What the claim and its tests are asked with."""
    seen = SimpleNamespace(further=0)

    def claim_on(case, mask, response, *, tried, samples):
        seen.config, seen.mask, seen.tried, seen.samples = case.config, mask, tried, samples
        seen.response = response.decision.p_baseline * 2**32
        return numbered(0)

    def mask_tests(case, mask, claim, minimality):
        seen.tests = (case.config, mask, claim.reference_images, minimality)

    def further_masks(case, saved, response):
        seen.further += 1
        assert case.config == PLAIN
        assert response.decision.p_baseline * 2**32 == SEED
        return iter([Verdict("further", True, True, "", "")])

    def minimality_rechecked(case, saved, response):
        assert case.config == PLAIN
        return response.decision.p_baseline * 2**32

    for stub in (claim_on, mask_tests, further_masks, minimality_rechecked):
        monkeypatch.setattr(recheck, stub.__name__, stub)
    monkeypatch.setattr(
        recheck, "of_tests", lambda *_: iter([Verdict("tests", True, True, "", "")])
    )
    return seen


def test_a_claim_is_made_again_as_it_was(case, claiming):
    found = recheck.claims_rechecked(case, saved_with(rows(0, 6)), Options(batch=7))
    assert [verdict.name for verdict in found.verdicts] == ["4 0", "tests", "further"]
    assert (claiming.config, claiming.tried, claiming.response) == (PLAIN, 4, SEED)
    assert torch.equal(claiming.mask, rows(0, 6))
    # As the fourth mask: risk 0.05 * 0.8 * 0.2^3, and six samples may be lost.
    assert claiming.samples == recheck.samples_of(4, PLAIN.verification) > 200
    config, mask, number, minimality = claiming.tests
    assert (config, number, minimality) == (PLAIN, "0", SEED)
    assert torch.equal(mask, rows(0, 6))
    assert found.claim == numbered(0)
    assert found.passes == case.cost()


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
    found = recheck.claims_rechecked(case, saved_with(rows(0)), options)
    assert [verdict.name for verdict in found.verdicts] == ["4 0", "tests"]
    assert claiming.further == 0
    assert (claiming.config, claiming.tried) == (config, 1)
    assert claiming.response == config.seed
    wanted = options.samples or recheck.samples_of(1, config.verification)
    assert claiming.samples == wanted
    config_of_tests, _, _, minimality = claiming.tests
    assert config_of_tests == config
    assert minimality == SEED  # patches on the samples of the report


def test_baselines_that_cannot_be_drawn_are_refused_before_anything_is_asked(case, claiming):
    with pytest.raises(ConfigError, match="needs reference images"):
        recheck.claims_rechecked(case, saved_with(rows(0)), Options(baselines=("others",)))
    assert not hasattr(claiming, "samples")


# A result that claims nothing


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
    case, monkeypatch, p_image, p_baseline, predicted, retains
):
    target = replace(case.target, p_image=p_image)
    before = torch.tensor([[0.9, 0.1] if predicted else [0.1, 0.9]])
    rules = replace(PLAIN.verification, minimum_effect=0.5)
    case = replace(case, target=target, before=before, config=Config(verification=rules))
    blank = BaselineResponse({}, Decision(target, p_baseline, 0.5))
    monkeypatch.setattr(recheck, "response_of", lambda _: blank)
    found = recheck.nothing_rechecked(case, {"verified": False})
    assert found.verdicts == (Verdict("nothing to explain", True, not retains, "", ""),)
    assert found.holds == (not retains)
    assert found.claim is None
    assert found.passes == case.cost()


# Patches


def test_patches_that_were_not_tested_are_not_tested_again(case):
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.6))
    assert recheck.minimality_rechecked(case, saved_with(rows(0)), response) is None


@pytest.mark.parametrize(
    ("samples", "drawn"),
    [([0, 2], 5), ([4], 5), ([5], 6), ([0, 9, 3], 10), ([], 5)],
)
def test_patches_are_tested_on_the_numbered_samples_of_the_report(
    case, monkeypatch, samples, drawn
):
    """There are five samples; further ones are drawn only as far as the report names them."""
    seen = []
    rules = replace(PLAIN.certification, reduction_samples=1, pool=3)
    case = replace(case, config=replace(PLAIN, certification=rules))
    reported = {
        "patch": 2,
        "patches": [{"row": 1, "column": 0, "witness": "sample", "number": 2}],
        "samples": samples,
        "shifts": [6],
        "tolerance": 3,
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
    real = recheck.sample_set

    def sample_set(of, decision, *, more=0):
        sets.append(real(of, decision, more=more))
        return sets[-1]

    monkeypatch.setattr(recheck, "retested", retested)
    monkeypatch.setattr(recheck, "sample_set", sample_set)
    saved = saved_with(rows(3))
    saved.document["tests"]["minimality"] = reported
    decision = Decision(case.target, 0.2, 0.6)
    found = recheck.minimality_rechecked(case, saved, BaselineResponse({}, decision))
    expected = Minimality(
        2, (Patch(1, 0, "sample", 2),), tuple(samples), (6,), 3, True, 9, 1, 0.5, 0.25
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


@pytest.mark.parametrize(("batch", "passes"), [(1, [1] * 7), (3, [3, 3, 1])])
def test_claims_are_asked_with_as_many_masked_inputs_per_pass_as_said(monkeypatch, batch, passes):
    module, given = Halves(), []
    claims, nothing = (Recheck((), None, Passes(n, 0)) for n in (1, 2))

    def claims_rechecked(case, saved, options):
        given.append((case, saved, options))
        module.shown.clear()
        case.single.hidden(torch.zeros(7, 1, SIDE, SIDE))
        return claims

    def nothing_rechecked(case, document):
        given.append((case, document))
        return nothing

    monkeypatch.setattr(recheck, "claims_rechecked", claims_rechecked)
    monkeypatch.setattr(recheck, "nothing_rechecked", nothing_rechecked)
    document = {
        "sha256": {"weights": "ab"},
        "config": {"seed": 9},
        "classifier": {"contrast": None, "name": "it"},
        "label": "lower",
        "target": 1,
        "tests": {},
    }
    saved, options = Saved(Path(), document, IMAGE, rows(0)), Options(batch=batch)
    assert rechecked(classifier_of(module), saved, None, options) is claims
    assert module.shown == passes
    ((case, *passed),) = given
    assert passed == [saved, options]
    assert case.config == replace(Config(), seed=9)
    assert (case.target.index, case.target.label) == (1, "lower")
    assert torch.equal(case.source.pixels, IMAGE.pixels)
    assert case.single.scene is case.scene
    document["tests"] = None
    assert rechecked(classifier_of(module), saved, None, options) is nothing
    case, passed = given[-1]
    assert case.config.seed == 9
    assert passed is document
