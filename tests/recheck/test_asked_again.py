"""What a re-check asks for: each mask under its seed, as the n-th that was tried, once more."""

from dataclasses import replace

import pytest
import torch

from med_cam.case.seeds import RESTRICTED
from med_cam.certification import certificate
from med_cam.config.settings import relative_to
from med_cam.errors import OutputError
from med_cam.recheck import compare, further
from med_cam.recheck.compare import Verdict, of_further
from med_cam.recheck.further import Further, further_masks, numbers_of
from recheck.asked import (
    PLAIN,
    SEED,
    SIDE,
    asking,
    claim_of,
    numbered,
    of_claim,
    response_of,
    rows,
    saved_with,
    without,
)


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
