"""The rungs of the ladder of claims on a case: each mask tested on samples of its own.

Knows no search: `med-cam verify` tests a saved rung by the same functions on the same samples.
All that is reported comes of the view for claims.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import (
    GRADE,
    GRADE_CONTROL,
    LACK,
    LACK_CONTROL,
    RANK,
    RANK_CONTROL,
    RESTRICTED_CONTROL,
    fresh,
)
from med_cam.certification.certificate import Exported
from med_cam.certification.random_regions import in_random_regions
from med_cam.config.baselines import is_fixed
from med_cam.masking.view import View
from med_cam.results.check import CONSISTENCY, Check
from med_cam.results.claim import Claim, RestrictedClaim
from med_cam.results.ladder import Consistency, Control, Rung
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.certificate import samples_for
from med_cam.verify.consistency import consistency
from med_cam.verify.decision import Decision, decide
from med_cam.verify.edge import edge
from med_cam.verify.minimality import numbered
from med_cam.verify.random_masks import Margin, mean_score, random_masks, rank
from med_cam.verify.rungs import MILDER, bound_of, changed_by, faded, retained_by, tally
from med_cam.verify.sufficiency import drawn

LOSSES = (
    1  # samples that may come out otherwise: what is right in 99% else fails every second time
)


def weaker_wanted(case: Case, *, holds: bool, area: float) -> bool:
    """Whether weaker claims are wanted: the claim holds on no mask up to `refinement.large`."""
    rules = case.config.refinement
    small = holds and area <= rules.large
    return case.predicted and rules.cut != "threshold" and not small


def ladder_wanted(case: Case, *, holds: bool, area: float) -> bool:
    """Whether the ladder is climbed: weaker claims are wanted, and it may take passes."""
    wanted = weaker_wanted(case, holds=holds, area=area)
    return wanted and bool(case.config.certification.ladder_passes)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rung asks of a mask.

    Attributes:
        name: of the rung.
        searched: the removals.
        margin: by how much masked inputs come out as it says.
        purposes: of the samples of the mask, and of those of its control.
        strength: share of the way to the removals.
    """

    name: str
    searched: tuple[str, ...]
    margin: Margin
    purposes: tuple[int, int]
    strength: float = 1.0


def milder_decision(
    case: Case, decision: Decision, names: tuple[str, ...], view: View[Tensor]
) -> Decision:
    """What retaining the prediction means over the image's blur, where it was not declared.

    The threshold follows from what alone gives the target more: the blur, or the declared
    removals. That takes a pass; over other removals the decision stays as it is, without one.

    Args:
        case: the image before the classifier.
        decision: over the declared removals.
        names: of the removals of the claim.
        view: for the search, or for claims.
    """
    rules = case.config.verification
    if names != MILDER or {*names} <= {*rules.baselines}:
        return decision
    samples = drawn(case.scene, names, 1, fresh(case, GRADE))
    alone = {name: view.hidden(infill) for name, infill in samples.items()}
    own = decide(case.target, alone, rules.share, rules.minimum_effect)
    higher = own.p_baseline > decision.p_baseline
    return own if higher else replace(decision, given_by=own.given_by)


def graded(case: Case, decision: Decision, strength: float, names: tuple[str, ...]) -> Asked:
    """The mask retains the prediction where the rest is only moved toward its removal."""
    margin = partial(retained_by, faded(case.claims, strength), decision)
    return Asked("graded", names, margin, (GRADE, GRADE_CONTROL), strength)


def necessary(case: Case, decision: Decision) -> Asked:
    """The prediction changes where the mask is hidden."""
    margin = partial(changed_by, case.claims, decision)
    names = case.config.verification.baselines
    return Asked("necessary", tuple(names), margin, (LACK, LACK_CONTROL))


def restricted(case: Case, claim: Claim) -> Asked:
    """The mask retains the prediction on fewer removals; its claim has its own samples."""
    decision = Decision(case.target, claim.p_baseline, claim.threshold)
    margin = partial(retained_by, case.claims, decision)
    purposes = (RESTRICTED_CONTROL, RESTRICTED_CONTROL)
    return Asked("restricted", claim.searched, margin, purposes)


def controlled(case: Case, mask: Exported, asked: Asked) -> Control:
    """How many random masks of the same area do it, each on one sample."""
    count = case.config.certification.controls
    return in_random_regions(case, mask, asked.searched, asked.margin, count, asked.purposes[1])


def samples_each(case: Case, asked: Asked, risk: float) -> int:
    """Samples of each random removal that a bound takes."""
    random = sum(not is_fixed(name) for name in asked.searched)
    needed = samples_for(case.config.verification.certified, risk, LOSSES)
    return -(-needed // max(1, random))


def passes_of(case: Case, asked: Asked, risk: float) -> int:
    """Passes that a bound takes."""
    fixed = sum(map(is_fixed, asked.searched))
    return fixed + (len(asked.searched) - fixed) * samples_each(case, asked, risk)


def bounded(
    case: Case,
    mask: Exported,
    asked: Asked,
    compared: Control,
    risk: float,
    pictures: Consistency | None = None,
) -> Rung:
    """A rung with its bound.

    Args:
        case: the image before the classifier.
        mask: as exported.
        asked: what the rung says of it.
        compared: from `controlled`.
        risk: that the bound may have.
        pictures: from `consistent`, where the rung needs it.
    """
    count, generator = samples_each(case, asked, risk), fresh(case, asked.purposes[0])
    shown = reread(case, mask)
    margins = {
        name: asked.margin(shown, samples)
        for name, samples in drawn(case.scene, asked.searched, count, generator).items()
    }
    counted = tally({name: margin >= 0 for name, margin in margins.items()})
    return Rung(
        name=asked.name,
        mask=mask,
        area=mask.float().mean().item(),
        searched=asked.searched,
        strength=asked.strength,
        samples=counted.samples,
        hits=counted.hits,
        fixed=counted.fixed,
        fixed_hits=counted.fixed_hits,
        risk=risk if counted.samples else 0.0,
        bound=bound_of(counted, risk),
        wanted=case.config.verification.certified,
        control=compared,
        consistency=pictures,
        edge=edge(torch.cat([*margins.values()]).abs().tolist()),
    )


def as_rung(found: RestrictedClaim, compared: Control) -> Rung | None:
    """A restricted claim as a rung, by its certificate; None if it has none."""
    certificate = found.claim.certificate
    if certificate is None:
        return None
    return Rung(
        name="restricted",
        mask=found.mask,
        area=found.area,
        searched=found.claim.searched,
        strength=1.0,
        samples=certificate.samples,
        hits=certificate.retained,
        fixed=certificate.fixed,
        fixed_hits=certificate.fixed_retained,
        risk=certificate.risk,
        bound=certificate.bound,
        wanted=certificate.wanted,
        control=compared,
        consistency=of_check(found.claim.checks),
    )


def ranked(
    case: Case, mask: Exported, masks: int, risk: float, pictures: Consistency | None
) -> Rung:
    """Where a mask stands among random ones of its area, on samples that all of them share.

    Args:
        case: the image before the classifier.
        mask: as exported.
        masks: random ones.
        risk: the limit of the rank.
        pictures: from `consistent`.
    """
    names, target = case.config.verification.baselines, case.target
    random = sum(not is_fixed(name) for name in names)
    infill = numbered(case.scene, names, random, fresh(case, RANK))  # one of each
    shown = reread(case, mask)
    own = mean_score(case.claims, shown, infill, target)
    others = islice(random_masks(shown, case.open, fresh(case, RANK_CONTROL)), masks)
    hits = sum(mean_score(case.claims, other, infill, target) >= own for other in others)
    return Rung(
        name="ranked",
        mask=mask,
        area=mask.float().mean().item(),
        searched=tuple(names),
        strength=1.0,
        samples=len(infill),
        hits=len(infill),
        fixed=0,
        fixed_hits=0,
        risk=risk,
        bound=0.0,
        wanted=0.0,
        control=Control(masks, hits, rank(hits, masks)),
        consistency=pictures,
    )


def consistent(
    case: Case, mask: Bool[Tensor, "h w"], response: BaselineResponse
) -> Consistency | None:
    """Whether the mask speaks for the label in pictures too; as in the claim."""
    rules = case.config.verification
    shown = reread(case, mask)
    return of_check(consistency(case.claims, shown, response.pictures, case.target, rules))


def of_check(checks: tuple[Check, ...]) -> Consistency | None:
    """The check "consistency" among others; None if it is not there."""
    found = next((check for check in checks if check.name == CONSISTENCY), None)
    if found is None:
        return None
    return Consistency(found.value, found.threshold, found.trials, found.passed)
