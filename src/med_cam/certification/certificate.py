"""The certificate of a case's mask: each mask tried on samples of its own."""

from dataclasses import replace

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import BASELINE, CERTIFY, CLAIM, fresh
from med_cam.config.settings import Config, Verification
from med_cam.masking import FIXED
from med_cam.results import Certificate, Check, Claim
from med_cam.verify.baseline_response import BaselineResponse, baseline_response
from med_cam.verify.certificate import (
    as_tried,
    least_retained,
    losses_allowed,
    risk_of,
    samples_for,
)
from med_cam.verify.claim import verify


def certificate_of(
    case: Case, mask: Bool[Tensor, "h1 w1"], response: BaselineResponse, config: Config, tried: int
) -> Claim:
    """The claim on an exported mask with as many draws as the n-th certificate takes.

    Each has draws of its own, one composite a pass.
    """
    samples = samples_of(tried, config.verification)
    return claim_on(case, mask, response, config, tried=tried, samples=samples)


def samples_of(tried: int, rules: Verification) -> int:
    """Draws of the random backgrounds together that the n-th certificate takes."""
    risk = risk_of(tried, rules.confidence)
    return samples_for(rules.certified, risk, losses_allowed(tried))


def claim_on(
    case: Case,
    mask: Bool[Tensor, "h1 w1"],
    response: BaselineResponse,
    config: Config,
    *,
    tried: int,
    samples: int,
) -> Claim:
    """The claim on an exported mask, as the n-th that was put to a certificate.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        empty: what the backgrounds are called alone.
        config: settings.
        tried: from 1; decides which draws are used, and what risk the bound may have.
        draws: of the random backgrounds together, at least.
    """
    random = sum(name not in FIXED for name in config.verification.baselines)
    rules = replace(config.verification, samples=-(-samples // max(1, random)))
    generator = fresh(config.seed, CERTIFY + tried - 1)
    claim = verify(case.predict_one, case.scene, reread(case, mask), response, rules, generator)
    if claim.certificate is None:
        return claim
    certificate = as_tried(claim.certificate, tried, random=random)
    checks = tuple(
        sufficiency_check(certificate) if c.name == "sufficiency" else c for c in claim.checks
    )
    return replace(claim, certificate=certificate, checks=checks)


def sufficiency_check(certificate: Certificate) -> Check:
    """The check "kept" with as many draws to keep as its certificate needs."""
    c = certificate
    trials = c.samples + c.fixed
    least = least_retained(c.samples, c.wanted, c.risk) if c.samples else 0
    passed = c.fixed_retained == c.fixed and c.retained >= least
    rate = (c.retained + c.fixed_retained) / trials
    return Check(
        "sufficiency", rate, (least + c.fixed) / trials, trials, at_least=True, passed=passed
    )


def response_of(case: Case, config: Config) -> BaselineResponse:
    """What the backgrounds are called alone, on draws that no claim uses."""
    samples = fresh(config.seed, BASELINE)
    return baseline_response(
        case.predict_one, case.scene, case.target, config.verification, samples
    )


def claimed(
    case: Case,
    mask: Bool[Tensor, "h1 w1"],
    response: BaselineResponse,
    config: Config,
    *,
    attempt: int,
) -> Claim:
    """The claim on an exported mask, one composite a pass, on draws of this attempt alone."""
    samples = fresh(config.seed, CLAIM + attempt)
    return verify(
        case.predict_one, case.scene, reread(case, mask), response, config.verification, samples
    )
