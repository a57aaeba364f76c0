"""The certificate of a case's mask: each mask tried on samples of its own."""

from dataclasses import replace

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import BASELINE, CERTIFY, CLAIM, fresh
from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Verification
from med_cam.results.certificate import Certificate
from med_cam.results.check import SUFFICIENCY, Check
from med_cam.results.claim import Claim
from med_cam.verify.baseline_response import BaselineResponse, baseline_response
from med_cam.verify.begun import Begun, begun
from med_cam.verify.certificate import (
    as_tried,
    least_retained,
    losses_allowed,
    risk_of,
    samples_for,
)
from med_cam.verify.claim import judged, verify

Exported = Bool[Tensor, "h1 w1"]  # a mask in the source image's pixels, as it is in its file


def response_of(case: Case) -> BaselineResponse:
    """What is predicted for baselines alone, on samples that no claim uses."""
    rules, samples = case.config.verification, fresh(case, BASELINE)
    return baseline_response(case.claims, case.target, rules, samples)


def claimed(case: Case, mask: Exported, response: BaselineResponse, *, attempt: int) -> Claim:
    """The claim on an exported mask, on samples of this attempt alone."""
    rules, samples, older = case.config.verification, fresh(case, CLAIM + attempt), case.older
    return verify(case.claims, reread(case, mask), response, rules, samples, older=older)


def certificate_of(
    case: Case,
    mask: Exported,
    response: BaselineResponse,
    tried: int,
    draw: int | None = None,
    samples: int | None = None,
) -> Claim:
    """The claim on an exported mask with as many samples as the n-th certificate takes."""
    samples = samples or samples_of(tried, case.config.verification)
    return claim_on(case, mask, response, tried=tried, samples=samples, draw=draw)


def superset_claim(
    case: Case,
    mask: Exported,
    response: BaselineResponse,
    tried: int,
    draw: int,
    samples: int | None = None,
) -> Claim:
    """The claim on a mask around a certified one: without the check of specificity.

    It is larger to be necessary too; whether any region would do was asked of the one inside.
    """
    rules = replace(case.config.verification, specificity_rate=0.0)
    unasked = replace(case, config=replace(case.config, verification=rules))
    return certificate_of(unasked, mask, response, tried, draw, samples)


def samples_of(tried: int, rules: Verification, *, earlier: bool = False) -> int:
    """Samples of the random baselines together that the n-th certificate takes.

    Args:
        tried: from 1.
        rules: the bound that is asked for, and its confidence.
        earlier: see `losses_allowed`.
    """
    risk = risk_of(tried, rules.confidence)
    return samples_for(rules.certified, risk, losses_allowed(tried, earlier=earlier))


def claim_on(
    case: Case,
    mask: Exported,
    response: BaselineResponse,
    *,
    tried: int,
    samples: int,
    draw: int | None = None,
) -> Claim:
    """The claim on an exported mask, as the n-th for which a certificate was tried.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        response: what is predicted for baselines alone.
        tried: from 1; decides what risk the bound may have.
        samples: of the random baselines together, at least.
        draw: from 1; decides which samples are used; by default that of the same number.
    """
    draw = draw or tried
    return concluded(begun_on(case, mask, response, draw=draw, samples=samples), tried, draw)


def begun_on(
    case: Case, mask: Exported, response: BaselineResponse, *, draw: int, samples: int
) -> Begun:
    """The same claim with its samples drawn; no pass yet."""
    rules = case.config.verification
    random = sum(not is_fixed(name) for name in rules.baselines)
    rules = replace(rules, samples=-(-samples // max(1, random)))
    generator = fresh(case, CERTIFY + draw - 1)
    again = reread(case, mask)
    return begun(case.claims, again, response, rules, generator, older=case.older)


def losses_borne(claim: Begun, tried: int) -> int:
    """How many samples of random baselines a certificate may lose; more refuse it."""
    if not claim.random:
        return 0
    rules = claim.rules
    least = least_retained(claim.random, rules.certified, risk_of(tried, rules.confidence))
    return claim.random - least


def concluded(of: Begun, tried: int, draw: int) -> Claim:
    """The claim as the n-th for which a certificate was tried, on all samples of a draw."""
    claim = judged(of)
    if claim.certificate is None:
        return claim
    random = sum(not is_fixed(name) for name in of.rules.baselines)
    certificate = replace(as_tried(claim.certificate, tried, random=random), draw=draw)
    checks = tuple(
        replace(sufficiency_check(certificate), edge=check.edge)
        if check.name == SUFFICIENCY
        else check
        for check in claim.checks
    )
    return replace(claim, certificate=certificate, checks=checks)


def sufficiency_check(certificate: Certificate) -> Check:
    """The check "sufficiency" with as many samples to retain as its certificate needs.

    With too few samples for the bound that was asked for, none is enough.
    """
    c = certificate
    trials = c.samples + c.fixed
    least = least_retained(c.samples, c.wanted, c.risk) if c.samples else 0
    passed = c.fixed_retained == c.fixed and c.retained >= least
    rate = (c.retained + c.fixed_retained) / trials
    threshold = min(1.0, (least + c.fixed) / trials)
    return Check(SUFFICIENCY, rate, threshold, trials, at_least=True, passed=passed)
