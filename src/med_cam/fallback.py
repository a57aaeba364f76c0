"""Which background breaks the decision, and what holds on those the classifier can stand."""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from med_cam.config import Config
from med_cam.masking import FIXED, nothing_shown
from med_cam.observe import Case
from med_cam.refine import keep_most
from med_cam.settle import BREAKING, fresh
from med_cam.values import BackgroundResult
from med_cam.verify.decision import decide
from med_cam.verify.kept import background_result, drawn, over_backgrounds


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


def relative_to(config: Config, names: tuple[str, ...]) -> Config:
    """The same run, searched and claimed on other backgrounds."""
    given_up = tuple(n for n in config.verification.backgrounds if n not in names)
    unseen = (*given_up, *(n for n in config.verification.unseen if n not in names))
    rules = replace(config.verification, backgrounds=names, unseen=unseen)
    return replace(config, verification=rules)
