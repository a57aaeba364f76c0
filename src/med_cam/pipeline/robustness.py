"""To which baselines a classifier is robust, at the largest mask that still explains anything."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.seeds import SENSITIVITY, fresh
from med_cam.config.baselines import is_fixed
from med_cam.masking.masks import keep_most
from med_cam.results.check import BaselineResult
from med_cam.results.claim import SURE
from med_cam.verify.decision import decide
from med_cam.verify.sufficiency import baseline_result, drawn, over_baselines


class Robustness(NamedTuple):
    """To which baselines a classifier is not robust, and what a claim could be relative to.

    Attributes:
        broken: searched baselines to which the prediction is not robust.
        names: of those that it is robust to.
    """

    broken: tuple[BaselineResult, ...]
    names: tuple[str, ...]


def robustness(case: Case, scores: Float[Tensor, "1 1 h w"]) -> Robustness:
    """Each baseline tried by itself.

    Args:
        case: the image before the classifier.
        scores: of the search.
    """
    results = by_baseline(case, scores)
    sure = min(SURE, case.target.p_image - case.config.verification.minimum_effect)
    able = robust_to(results, sure)
    broken = tuple(r for r in results if r.searched and r.name not in able)
    return Robustness(broken, relied_on(results, able))


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
