"""Which background breaks the decision, and what holds on those the classifier can stand."""

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.seeds import BREAKING, fresh
from med_cam.config.settings import Config, relative_to
from med_cam.masking import FIXED, keep_most, nothing_shown
from med_cam.pipeline.certify import smallest_certified
from med_cam.pipeline.propose import Found
from med_cam.results import BaselineResult, RestrictedClaim
from med_cam.verify.decision import decide
from med_cam.verify.sufficiency import baseline_result, drawn, over_baselines


def restricted_claim(
    case: Case, found: Found, config: Config
) -> tuple[tuple[BaselineResult, ...], RestrictedClaim | None]:
    """For a classifier that cannot stand some background: which, and what holds without it.

    Nothing to say where a mask below `refinement.large` holds, or no decision was made.
    """
    small = found.claim.holds and found.area <= config.refinement.large
    if small or not case.decided or config.refinement.cut == "threshold":
        return (), None
    results = by_baseline(case, found.scores, config)
    able = robust_to(results, case.target.p_image - config.verification.minimum_effect)
    broken = tuple(r for r in results if r.searched and r.name not in able)
    names = relied_on(results, able)
    if not broken or not names:
        return broken, None
    fewer = relative_to(config, names)
    promise = smallest_certified(case, fewer)
    if not promise.claim.holds or promise.area >= found.area:
        return broken, None
    dropped = tuple(n for n in config.verification.baselines if n not in names)
    return broken, RestrictedClaim(promise.mask, promise.area, promise.claim, dropped)


def by_baseline(
    case: Case, scores: Float[Tensor, "1 1 h w"], config: Config
) -> tuple[BaselineResult, ...]:
    """How each background alone fares at the largest mask that still explains anything.

    Each is held to its own bar: its own emptiness, no other's. Those of the search come first,
    then the fixed ones that were not searched, as what else a claim could be relative to.
    """
    rules = config.verification
    spare = [name for name in rules.unseen if name in FIXED and name not in rules.baselines]
    generator = fresh(config.seed, BREAKING)
    samples = drawn(case.scene, [*rules.baselines, *spare], config.refinement.samples, generator)
    mask = keep_most(scores, config.refinement.large) & case.scene.valid
    if not bool(scores.any()):  # nothing was searched: emptiness is all that can be told apart
        mask = case.scene.valid
    baseline_p = {name: case.predict(nothing_shown(case.scene, d)) for name, d in samples.items()}
    seen = over_baselines(case.predict, case.scene, mask, samples)
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
    """The backgrounds that the classifier can stand.

    The decision is kept on every draw, and the background alone gives the target with at most
    `most`: where it gives it anyway, keeping it says nothing.
    """
    return tuple(
        r.name for r in results if r.retained == r.samples and r.baseline_probability <= most
    )


def relied_on(results: tuple[BaselineResult, ...], able: tuple[str, ...]) -> tuple[str, ...]:
    """Of the backgrounds that it can stand, the searched ones; if there are none, the others."""
    return tuple(r.name for r in results if r.searched and r.name in able) or able
