"""What is tested of a certified mask besides its claim, each on samples of its own."""

from functools import partial

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import (
    DELETION,
    RANDOM_REGIONS,
    REINSERTION,
    SILHOUETTE,
    SUPERSET,
    fresh,
)
from med_cam.certification.certificate import Exported
from med_cam.certification.random_regions import in_random_regions
from med_cam.removal.samples import Sampled
from med_cam.results.check import SHAPE_LEAKAGE
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import MaskTests, Necessity
from med_cam.results.minimality import Minimality
from med_cam.results.rate import Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import gap_of, numbered
from med_cam.verify.necessity import necessity
from med_cam.verify.reinsertion import reinserted, reinsertion
from med_cam.verify.rungs import retained_by
from med_cam.verify.silhouette import silhouette
from med_cam.verify.warnings import is_negative


def mask_tests(
    case: Case, mask: Exported, claim: Claim, minimality: Minimality | None
) -> MaskTests:
    """Necessity, partial re-insertion and leaks of a mask, and random ones of its area."""
    decision = decision_of(case, claim)
    return MaskTests(
        minimality=minimality,
        necessity=necessity_of(case, mask, decision),
        reinsertion=reinsertion_of(case, mask, decision),
        reinsertion_wanted=case.config.certification.reinsertion_wanted,
        shape_leakage=shape_leakage_of(case, claim),
        silhouette=silhouette_of(case, mask, decision),
        random_regions=random_regions_of(case, mask, decision),
        negative=is_negative(case.target.label),
    )


def decision_of(case: Case, claim: Claim) -> Decision:
    """What retaining the prediction means for a claim."""
    return Decision(case.target, claim.p_baseline, claim.threshold)


def necessity_of(case: Case, mask: Exported, decision: Decision) -> Necessity:
    """The deletion test: what is predicted without the evidence."""
    infill = infill_of(case, case.config.certification.deletion_samples, DELETION)
    confidence = case.config.verification.confidence
    return necessity(case.claims, reread(case, mask), infill, decision, confidence)


def reinsertion_of(case: Case, mask: Exported, decision: Decision) -> Rate:
    """How often the label stays when random hidden patches are shown again."""
    claim, rules = case.config.verification, case.config.certification
    generator, count = fresh(case, REINSERTION), rules.reinsertion_trials
    masks = reinserted(reread(case, mask), rules.reinsertion_patch, count, generator)
    infill = numbered(case.scene, claim.baselines, count, generator)
    shown = masks & case.scene.valid
    return reinsertion(case.claims, shown, infill, decision, claim.confidence)


def silhouette_of(case: Case, mask: Exported, decision: Decision) -> Rate:
    """How often the filled mask retains the prediction."""
    rules = case.config.verification
    infill = infill_of(case, len(rules.baselines), SILHOUETTE)
    return silhouette(case.claims, reread(case, mask), infill, decision, rules.confidence)


def random_regions_of(case: Case, mask: Exported, decision: Decision) -> Rate | None:
    """How many random masks of the same area retain the prediction; see `MaskTests`."""
    rules, count = case.config.verification, case.config.certification.random_regions
    if not count or int(reread(case, mask).sum()) == int(case.open.sum()):
        return None
    margin = partial(retained_by, case.claims, decision)
    found = in_random_regions(case, mask, rules.baselines, margin, count, RANDOM_REGIONS)
    return rate(found.hits, count, rules.confidence, at_least=False, edge=found.edge)


def shape_leakage_of(case: Case, claim: Claim) -> Rate:
    """The check "shape_leakage" of the claim, bounded from above."""
    check = next(check for check in claim.checks if check.name == SHAPE_LEAKAGE)
    hits = round(check.value * check.trials)
    confidence = case.config.verification.confidence
    return rate(hits, check.trials, confidence, at_least=False, edge=check.edge)


def infill_of(case: Case, count: int, purpose: int) -> Sampled:
    """The claim's fixed baselines and so many samples of its random ones, for one purpose."""
    names = case.config.verification.baselines
    return numbered(case.scene, names, count, fresh(case, purpose))


def suffices(case: Case, response: BaselineResponse) -> bool:
    """Whether all that is open retains the prediction on every one of a few samples."""
    if not case.open.any():
        return False
    rest = reread(case, exported(case, case.open))
    infill = infill_of(case, case.config.certification.reduction_samples, SUPERSET)
    return bool((gap_of(case.batched.over(rest, infill), response.decision) >= 0).all())
