"""A ladder of weaker claims, for an image of which no mask of at most half is sufficient.

Strongest first: sufficient on fewer removals; on a milder one; necessary; better than
chance. The first that holds is the one that is reported. All of them share what the certificates
of the full claim have left of the risk (`verify/rungs.py`), and a limit of passes.
"""

from dataclasses import replace
from functools import partial

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.certification.ladder import as_rung, controlled, restricted
from med_cam.certification.minimality import region_side
from med_cam.pipeline.budget import left_over
from med_cam.pipeline.certify import Certified
from med_cam.pipeline.deletion_map import COST, deletion_map
from med_cam.pipeline.graded import graded_step
from med_cam.pipeline.necessary import necessary_step
from med_cam.pipeline.propose import Found, made_of_regions
from med_cam.pipeline.ranked import ranked_step
from med_cam.pipeline.restricted_claim import Restriction
from med_cam.pipeline.rung import Now, Step, like_chance, not_tried, refused, too_many
from med_cam.reduction.regions import Regions, regions_of
from med_cam.results.claim import RestrictedClaim
from med_cam.results.ladder import Attempt, Ladder, Rung
from med_cam.verify.ladder_words import nothing, sentence
from med_cam.verify.rungs import risk_left, risk_taken, risks


def certificates_of(case: Case, certificate: Certified | None) -> int:
    """Certificates of the full claim, those that a necessary superset may yet try among them."""
    if certificate is None:
        return 0
    rules = case.config.certification
    return certificate.tried + (rules.rounds if rules.necessary_superset else 0)


def restricted_confidence(case: Case, certificates: int) -> float:
    """Of the certificates of a restricted claim, from the risk that is left."""
    left = risk_left([("sufficient", certificates)], case.config.verification.confidence)
    return 1 - risk_taken("restricted", left)


def climbed(case: Case, found: Found, restriction: Restriction, certificates: int) -> Ladder:
    """The strongest rung that holds.

    Args:
        case: the image before the classifier.
        found: the mask and the claim of the explanation.
        restriction: from `restricted_claim`.
        certificates: from `certificates_of`.
    """
    begun, confidence = case.cost().forward, case.config.verification.confidence
    tried = [of_full_claim(case, found, certificates)]
    steps = (partial(restricted_step, restriction), graded_step, necessary_step, ranked_step)
    rung: Rung | None = None
    maps: tuple[Float[Tensor, "1 1 h w"], ...] = ()
    regions: Regions | None = None
    most = case.config.certification.ladder_passes
    left = left_over(case, found.claim.given_by)
    most = begun + (most if left is None else min(most, left))
    for step in steps:
        cost = COST if found.deletion is None else 0
        if step is graded_step and case.cost().forward + cost <= most:
            maps = maps_of(case, found)
            regions = regions_for(case) if found.ground is None else found.ground.regions
        risk = risk_left([(one.name, one.bounds) for one in tried], confidence)
        room = most - case.cost().forward
        attempt, rung = step(Now(case, found, risk, room, maps, regions))
        tried.append(attempt)
        if rung is not None:
            break
    said = nothing(found.claim, tried) if rung is None else sentence(rung)
    name = "nothing" if rung is None else rung.name
    return Ladder(name, said, rung, tuple(tried), case.cost().forward - begun)


def maps_of(case: Case, found: Found) -> tuple[Float[Tensor, "1 1 h w"], ...]:
    """What the masks of the weaker claims are cut from."""
    searched = (found.scores,) if bool(found.scores.any()) else ()
    return (*searched, deletion_map(case) if found.deletion is None else found.deletion)


def regions_for(case: Case) -> Regions | None:
    """The regions that masks are made of; None where they are made of none."""
    return regions_of(case, region_side(case)) if made_of_regions(case.config) else None


def of_full_claim(case: Case, found: Found, certificates: int) -> Attempt:
    """The claim of the explanation, as the first rung."""
    (risk,) = risks([("sufficient", certificates)], case.config.verification.confidence)
    why = "it failed"
    if found.claim.holds:
        why = f"it holds, but on {found.area:.1%} of the image"
    return replace(refused("sufficient", why), bounds=certificates, risk=risk)


def restricted_step(restriction: Restriction, now: Now) -> Step:
    """The restricted claim, which was searched for before."""
    if restriction.short:
        return Step(too_many("restricted"))
    if not restriction.tried:
        return Step(not_tried("restricted", "the prediction is robust to no removal or to each"))
    risk = risk_taken("restricted", now.left) if restriction.random else 0.0
    failed = replace(refused("restricted", ""), bounds=int(restriction.random), risk=risk)
    why, rung = compared_with_chance(now, restriction.claim)
    if rung is None:
        outcome = "no_passes" if why == too_many("restricted").why else "refused"
        return Step(replace(failed, why=why, outcome=outcome))
    return Step(replace(failed, outcome="holds"), rung)


def compared_with_chance(now: Now, claim: RestrictedClaim | None) -> tuple[str, Rung | None]:
    """Why a restricted claim is no rung; or the rung."""
    if claim is None or claim.area > now.case.config.refinement.large:
        return "no mask of at most half of the image holds", None
    if now.room < now.case.config.certification.controls:
        return too_many("restricted").why, None
    compared = controlled(now.case, claim.mask, restricted(now.case, claim.claim))
    rung = as_rung(claim, compared)
    return ("", rung) if rung is not None and rung.holds else (like_chance(compared), None)
