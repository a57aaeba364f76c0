"""Which background breaks the decision, and what holds on those the classifier can stand."""

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.seeds import BREAKING, fresh
from med_cam.config.settings import Config, relative_to
from med_cam.masking import FIXED, keep_most, nothing_shown
from med_cam.pipeline.certify import smallest_certified
from med_cam.pipeline.propose import Found
from med_cam.results import BackgroundResult, Fallback
from med_cam.verify.decision import decide
from med_cam.verify.sufficiency import background_result, drawn, over_backgrounds


def smaller_promise(
    case: Case, found: Found, config: Config
) -> tuple[tuple[BackgroundResult, ...], Fallback | None]:
    """For a classifier that cannot stand some background: which, and what holds without it.

    Nothing to say where a mask below `refinement.large` holds, or no decision was made.
    """
    small = found.claim.holds and found.area <= config.refinement.large
    if small or not case.decided or config.refinement.cut == "threshold":
        return (), None
    results = by_background(case, found.scores, config)
    able = standing(results, case.question.full - config.verification.least_gap)
    broken = tuple(r for r in results if r.searched and r.name not in able)
    names = relied_on(results, able)
    if not broken or not names:
        return broken, None
    fewer = relative_to(config, names)
    promise = smallest_certified(case, fewer)
    if not promise.claim.holds or promise.area >= found.area:
        return broken, None
    dropped = tuple(n for n in config.verification.backgrounds if n not in names)
    return broken, Fallback(promise.mask, promise.area, promise.claim, dropped)


def by_background(
    case: Case, scores: Float[Tensor, "1 1 h w"], config: Config
) -> tuple[BackgroundResult, ...]:
    """How each background alone fares at the largest mask that still explains anything.

    Each is held to its own bar: its own emptiness, no other's. Those of the search come first,
    then the fixed ones that were not searched, as what else a claim could be relative to.
    """
    rules = config.verification
    spare = [name for name in rules.unseen if name in FIXED and name not in rules.backgrounds]
    generator = fresh(config.seed, BREAKING)
    draws = drawn(case.scene, [*rules.backgrounds, *spare], config.refinement.draws, generator)
    mask = keep_most(scores, config.refinement.large) & case.scene.valid
    if not bool(scores.any()):  # nothing was searched: emptiness is all that can be told apart
        mask = case.scene.valid
    alone = {name: case.answer(nothing_shown(case.scene, d)) for name, d in draws.items()}
    seen = over_backgrounds(case.answer, case.scene, mask, draws)
    return tuple(
        background_result(
            name,
            seen[name],
            alone[name],
            decide(case.question, {name: alone[name]}, rules.share),
            searched=name in rules.backgrounds,
        )
        for name in draws
    )


def standing(results: tuple[BackgroundResult, ...], most: float) -> tuple[str, ...]:
    """The backgrounds that the classifier can stand.

    The decision is kept on every draw, and the background alone gives the target with at most
    `most`: where it gives it anyway, keeping it says nothing.
    """
    return tuple(r.name for r in results if r.kept == r.draws and r.alone_probability <= most)


def relied_on(results: tuple[BackgroundResult, ...], able: tuple[str, ...]) -> tuple[str, ...]:
    """Of the backgrounds that it can stand, the searched ones; if there are none, the others."""
    return tuple(r.name for r in results if r.searched and r.name in able) or able
