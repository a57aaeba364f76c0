"""To which baselines a classifier is not robust, and the claim restricted to the others."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.seeds import SENSITIVITY, fresh, restricted_to
from med_cam.config.baselines import is_fixed
from med_cam.config.rules import confidence as allowed_confidence
from med_cam.masking.masks import keep_most
from med_cam.pipeline.certify import smallest_certified
from med_cam.pipeline.propose import Found
from med_cam.results.check import BaselineResult
from med_cam.results.claim import SURE, RestrictedClaim
from med_cam.verify.decision import decide
from med_cam.verify.sufficiency import baseline_result, drawn, over_baselines


class Restriction(NamedTuple):
    """To which baselines a classifier is not robust, and the claim without them.

    Attributes:
        broken: searched baselines to which the prediction is not robust.
        claim: on the others; None if none holds.
        tried: whether it was searched for, and certificates were tried.
        random: whether these have a part of the risk: without random samples they need none.
    """

    broken: tuple[BaselineResult, ...] = ()
    claim: RestrictedClaim | None = None
    tried: bool = False
    random: bool = False


def restricted_claim(case: Case, found: Found, confidence: float | None = None) -> Restriction:
    """For a classifier that is not robust to some baseline: to which, and what holds without it.

    Nothing to say where a mask below `refinement.large` holds, or no decision was made.

    Args:
        case: the image before the classifier.
        found: what was found on all baselines.
        confidence: of all certificates of the restricted claim; None is that of the full claim.
    """
    rules, claim = case.config.refinement, case.config.verification
    small = found.claim.holds and found.area <= rules.large
    if small or not case.predicted or rules.cut == "threshold":
        return Restriction()
    results = by_baseline(case, found.scores)
    able = robust_to(results, min(SURE, case.target.p_image - claim.minimum_effect))
    broken = tuple(r for r in results if r.searched and r.name not in able)
    names = relied_on(results, able)
    random = any(not is_fixed(name) for name in names)
    beyond = random and confidence is not None and not allowed_confidence.fits(confidence)
    if not broken or not names or beyond:
        return Restriction(broken)
    fewer = restricted_to(case, names, confidence if random else None)
    done = smallest_certified(fewer)
    if not done.claim.holds or done.area >= found.area:
        return Restriction(broken, tried=True, random=random)
    dropped = tuple(name for name in claim.baselines if name not in names)
    seed = fewer.config.seed
    held = RestrictedClaim(done.mask, done.area, done.claim, dropped, seed)
    return Restriction(broken, held, tried=True, random=random)


def by_baseline(case: Case, scores: Float[Tensor, "1 1 h w"]) -> tuple[BaselineResult, ...]:
    """How each baseline fares at the largest mask that still explains anything.

    Each is held to its own threshold, from its own response. Those of the search come first, then
    the fixed ones that were not searched, as what else a claim could be relative to.
    """
    rules, few = case.config.verification, case.config.refinement.samples
    spare = [name for name in rules.unseen if is_fixed(name) and name not in rules.baselines]
    generator = fresh(case, SENSITIVITY)
    samples = drawn(case.scene, [*rules.baselines, *spare], few, generator)
    mask = keep_most(scores, case.config.refinement.large) & case.scene.valid
    if not bool(scores.any()):  # nothing was searched: only baselines alone can be tested
        mask = case.scene.valid
    baseline_p = {name: case.batched.hidden(infill) for name, infill in samples.items()}
    seen = over_baselines(case.batched, mask, samples)
    return tuple(
        baseline_result(
            name,
            seen[name],
            baseline_p[name],
            decide(case.target, {name: baseline_p[name]}, rules.share),
            searched=name in rules.baselines,
        )
        for name in samples
    )


def robust_to(results: tuple[BaselineResult, ...], most: float) -> tuple[str, ...]:
    """The baselines that the classifier is robust to.

    The prediction is retained on every sample, and the baseline alone gives the target with at
    most `most`: where it gives it anyway, retaining it says nothing.
    """
    return tuple(
        r.name for r in results if r.retained == r.samples and r.baseline_probability <= most
    )


def relied_on(results: tuple[BaselineResult, ...], able: tuple[str, ...]) -> tuple[str, ...]:
    """Of the baselines that it is robust to, the searched ones; if there are none, the others."""
    return tuple(r.name for r in results if r.searched and r.name in able) or able
