"""All checks of one hard mask, and the claim they add up to."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.config.notices import ranked
from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.results.check import (
    CONSISTENCY,
    SHAPE_LEAKAGE,
    SHIFT_STABILITY,
    SPECIFICITY,
    SUFFICIENCY,
    BaselineResult,
    Check,
)
from med_cam.results.claim import Claim
from med_cam.results.notice import Notice
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.begun import Begun, begun, seen_on_all
from med_cam.verify.certificate import certificate
from med_cam.verify.consistency import consistency
from med_cam.verify.decision import Decision
from med_cam.verify.shape_leakage import shape_leakage
from med_cam.verify.shift_stability import shift_stability
from med_cam.verify.specificity import specificity
from med_cam.verify.sufficiency import baseline_result, sufficiency
from med_cam.verify.warnings import claim_notices, edge_notices, edge_of_claim, region_notices


class Words(NamedTuple):
    """How a check is worded: what it claims, and its finding before "20 of 24 masked inputs"."""

    claim: str
    finding: str


CHECKS: Mapping[str, Words] = {
    SUFFICIENCY: Words("prediction retained", "the prediction is retained on"),
    SHAPE_LEAKAGE: Words(
        "no leak through the outline", "the mask's outline alone gives the label on"
    ),
    SHIFT_STABILITY: Words("stable under shifts", "the prediction is retained after a shift on"),
    CONSISTENCY: Words(
        "moves other pictures toward the label",
        "laid into other pictures, the evidence moves them toward the label on",
    ),
    SPECIFICITY: Words(
        "not any region of its size does it",
        "random regions up to twice as large lose the prediction on",
    ),
}


def verify(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    response: BaselineResponse,
    rules: Verification,
    generator: Generator,
    *,
    older: bool = False,
) -> Claim:
    """Judge a hard mask of any origin by every check, on samples of its own.

    Args:
        view: the image before the classifier, and reference images with other labels.
        mask: true = evidence, in the model input.
        response: predictions without evidence and the threshold from them; on other samples.
        rules: baselines, samples, thresholds.
        generator: for the samples of this claim alone.
        older: as in schema version 1, see `begun`.
    """
    return judged(begun(view, mask, response, rules, generator, older=older))


def judged(claim: Begun) -> Claim:
    """Every check of a claim whose samples are drawn, and some perhaps looked at."""
    rules, response, samples = claim.rules, claim.response, claim.samples
    decision, scene = response.decision, claim.view.scene
    seen = seen_on_all(claim)
    results = tuple(
        baseline_result(name, p, response.predictions[name], decision, searched=name in samples)
        for name, p in seen.items()
    )
    left = checks_besides(claim)[len(claim.checked) :]
    besides = (*claim.checked, *(check() for check in left))
    checks = (sufficiency(results), *(one for found in besides for one in found))
    return Claim(
        searched=tuple(rules.baselines),
        checks=checks,
        baselines=results,
        p_image=decision.target.p_image,
        p_baseline=decision.p_baseline,
        threshold=decision.threshold,
        reference_images=source_of(scene),
        notices=notices_of(results, checks, decision, scene),
        minimum_effect=rules.minimum_effect,
        certificate=certificate(
            {name: seen[name] for name in samples},
            decision,
            wanted=rules.certified,
            confidence=rules.confidence,
        ),
    )


def until_failed(claim: Begun) -> tuple[Begun, bool]:
    """Make one check besides sufficiency after the other, until one fails.

    None of them is that of specificity: larger masks are no more specific, so that a mask that
    lacks it is judged like any other.

    Returns:
        The claim with what was found, and whether it is to be refused.
    """
    for check in checks_besides(claim)[len(claim.checked) : -1]:
        claim = replace(claim, checked=(*claim.checked, check()))
        if not all(found.passed for found in claim.checked[-1]):
            return claim, True
    return claim, False


def checks_besides(claim: Begun) -> tuple[Callable[[], tuple[Check, ...]], ...]:
    """Every check of a claim but sufficiency, in order, none of them made yet."""
    view, mask, rules, response = claim.view, claim.mask, claim.rules, claim.response
    decision, infill = response.decision, claim.around
    searched = {name: response.predictions[name] for name in claim.samples}
    limit = baseline_rate(searched, decision) + rules.leakage_margin
    return (
        lambda: (shape_leakage(view, claim.contents, mask, infill, decision, limit=limit),),
        lambda: (shift_stability(view, mask, infill, decision, rules),),
        lambda: consistency(view, mask, response.pictures, decision.target, rules),
        lambda: specificity(view, mask, infill, decision, rules, claim.generator),
    )


def notices_of(
    results: tuple[BaselineResult, ...],
    checks: tuple[Check, ...],
    decision: Decision,
    scene: Scene,
) -> tuple[Notice, ...]:
    """What a reader of a claim must know besides its checks."""
    reported = claim_notices(
        results,
        decision,
        others_given=len(scene.others) > 0,
        alike=0 if scene.alike is None else len(scene.alike),
    )
    near = edge_notices(edge_of_claim(results, checks))
    return ranked((*reported, *region_notices(checks), *near))


OWN_PIXELS = "the image's own pixels, shuffled"


def source_of(scene: Scene) -> str:
    """The source of the contents of the shape leakage test, in words."""
    if scene.alike is not None:
        return f"{counted(len(scene.alike))}, all predicted as the label too"
    return counted(len(scene.others)) if len(scene.others) else OWN_PIXELS


def counted(images: int) -> str:
    """As in "3 reference images"."""
    return "1 reference image" if images == 1 else f"{images} reference images"
