"""The certificate of a case's mask: each mask tried on samples of its own."""

from dataclasses import replace

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import CERTIFY, CLAIM, EMPTY, fresh
from med_cam.config.settings import Config, Verification
from med_cam.masking import FIXED
from med_cam.results import Certificate, Check, Claim
from med_cam.verify.certificate import as_tried, draws_for, failures_of, least_kept, risk_of
from med_cam.verify.claim import verify
from med_cam.verify.emptiness import Emptiness, emptiness


def certificate_of(
    case: Case, mask: Bool[Tensor, "h1 w1"], empty: Emptiness, config: Config, tried: int
) -> Claim:
    """The claim on an exported mask with as many draws as the n-th certificate takes.

    Each has draws of its own, one composite a pass.
    """
    draws = draws_of(tried, config.verification)
    return claim_on(case, mask, empty, config, tried=tried, draws=draws)


def draws_of(tried: int, rules: Verification) -> int:
    """Draws of the random backgrounds together that the n-th certificate takes."""
    risk = risk_of(tried, rules.confidence)
    return draws_for(rules.certified, risk, failures_of(tried))


def claim_on(
    case: Case,
    mask: Bool[Tensor, "h1 w1"],
    empty: Emptiness,
    config: Config,
    *,
    tried: int,
    draws: int,
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
    random = sum(name not in FIXED for name in config.verification.backgrounds)
    rules = replace(config.verification, draws=-(-draws // max(1, random)))
    generator = fresh(config.seed, CERTIFY + tried - 1)
    claim = verify(case.singly, case.scene, reread(case, mask), empty, rules, generator)
    if claim.certificate is None:
        return claim
    certificate = as_tried(claim.certificate, tried, random=random)
    checks = tuple(kept_by(certificate) if c.name == "kept" else c for c in claim.checks)
    return replace(claim, certificate=certificate, checks=checks)


def kept_by(certificate: Certificate) -> Check:
    """The check "kept" with as many draws to keep as its certificate needs."""
    c = certificate
    trials = c.draws + c.fixed
    least = least_kept(c.draws, c.wanted, c.risk) if c.draws else 0
    passed = c.fixed_kept == c.fixed and c.kept >= least
    rate = (c.kept + c.fixed_kept) / trials
    return Check("kept", rate, (least + c.fixed) / trials, trials, at_least=True, passed=passed)


def empty_of(case: Case, config: Config) -> Emptiness:
    """What the backgrounds are called alone, on draws that no claim uses."""
    draws = fresh(config.seed, EMPTY)
    return emptiness(case.singly, case.scene, case.question, config.verification, draws)


def claimed(
    case: Case, mask: Bool[Tensor, "h1 w1"], empty: Emptiness, config: Config, *, attempt: int
) -> Claim:
    """The claim on an exported mask, one composite a pass, on draws of this attempt alone."""
    draws = fresh(config.seed, CLAIM + attempt)
    return verify(case.singly, case.scene, reread(case, mask), empty, config.verification, draws)
