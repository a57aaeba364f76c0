"""All checks of one hard mask, and the claim they add up to."""

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Predict
from med_cam.config.settings import Verification
from med_cam.masking import Scene
from med_cam.results import Claim
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.certificate import certificate
from med_cam.verify.shape_leakage import other_contents, shape
from med_cam.verify.shift_stability import shift_stability
from med_cam.verify.sufficiency import baseline_result, drawn, over_baselines, retained
from med_cam.verify.warnings import claim_warnings


def verify(
    predict: Predict,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    response: BaselineResponse,
    rules: Verification,
    generator: Generator,
) -> Claim:
    """Put a hard mask of any origin to every check, on draws of its own.

    Args:
        answer: the classifier, from normalised images to probabilities.
        scene: the image, and other images that the classifier labels otherwise.
        mask: true = evidence, in the classifier's frame.
        empty: what is answered without evidence, and hence required with it; on other draws.
        rules: backgrounds, draws, bars.
        generator: for the draws of this claim alone.
    """
    decision = response.decision
    samples = drawn(scene, rules.baselines, rules.samples, generator)
    unseen = [name for name in response.predictions if name not in samples]
    others = drawn(scene, unseen, rules.unseen_samples, generator)
    seen = over_baselines(predict, scene, mask, samples | others)
    searched = {name: seen[name] for name in samples}
    results = tuple(
        baseline_result(
            name, seen[name], response.predictions[name], decision, searched=name in samples
        )
        for name in seen
    )
    around = alternating(samples)
    contents = other_contents(scene, rules.leakage_trials, generator)
    limit = (
        baseline_rate({n: response.predictions[n] for n in samples}, decision)
        + rules.leakage_margin
    )
    checks = (
        retained(results),
        shape(predict, contents, mask, around, decision, limit=limit),
        shift_stability(predict, scene, mask, around, decision, rules),
    )
    return Claim(
        searched=tuple(rules.baselines),
        checks=checks,
        baselines=results,
        p_image=decision.target.p_image,
        p_baseline=decision.p_baseline,
        threshold=decision.threshold,
        references=f"{len(scene.others)} other images" if len(scene.others) else OWN_PIXELS,
        warnings=claim_warnings(results, decision, others_given=len(scene.others) > 0),
        minimum_effect=rules.minimum_effect,
        certificate=certificate(
            searched, decision, wanted=rules.certified, confidence=rules.confidence
        ),
    )


OWN_PIXELS = "the image's own pixels, shuffled"


def alternating(
    samples: dict[str, Float[Tensor, "_ c h w"]],
) -> Float[Tensor, "m c h w"]:
    """Backgrounds in turn: each name as often as any other, each draw before any repeats."""
    longest = max(len(d) for d in samples.values())
    return torch.stack([d[i % len(d)] for i in range(longest) for d in samples.values()])
