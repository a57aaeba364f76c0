"""Judge many candidate masks of one image on the same draws, stopping at the first failure."""

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.classifiers.base import Predict
from med_cam.config.settings import Verification
from med_cam.masking import Scene, masked_input, nothing_shown
from med_cam.verify.baseline_response import baseline_rate
from med_cam.verify.claim import alternating
from med_cam.verify.decision import Decision, Target, decide, retains
from med_cam.verify.shape_leakage import other_contents, shape
from med_cam.verify.shift_stability import shift_stability
from med_cam.verify.sufficiency import drawn


def candidate_judge(
    predict: Predict,
    scene: Scene,
    target: Target,
    rules: Verification,
    generator: Generator,
) -> tuple[Decision, Callable[[Tensor], bool]]:
    """The bar on these draws, and a function that tells whether a hard mask passes them.

    The same draws for every candidate, so that a bisection compares like with like. A claim needs
    draws of its own: of masks bisected to the smallest that passes, many fail on fresh ones.

    Args:
        answer: the classifier.
        scene: the image and other images.
        question: target, head, probability on the whole image.
        rules: usually stricter in `share` than the claim's, and with fewer trials.
        generator: for the draws.
    """
    samples = drawn(scene, rules.baselines, rules.samples, generator)
    around = alternating(samples)  # m c h w
    every = torch.cat(list(samples.values()))  # n c h w
    sizes = [len(d) for d in samples.values()]
    baseline_p = dict(zip(samples, predict(nothing_shown(scene, every)).split(sizes), strict=True))
    decision = decide(target, baseline_p, rules.share)
    limit = baseline_rate(baseline_p, decision) + rules.leakage_margin
    contents = other_contents(scene, rules.leakage_trials, generator)

    few = torch.cat([d[:1] for d in samples.values()])  # most failures show here already
    rest = torch.cat([d[1:] for d in samples.values()])

    def passes(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        for part in (few, rest):
            views = masked_input(scene.x, mask.to(scene.x), part)
            if len(part) and not bool(retains(predict(views), decision).all()):
                return False
        if not shift_stability(predict, scene, mask, around, decision, rules).passed:
            return False
        return shape(predict, contents, mask, around, decision, limit=limit).passed

    return decision, passes
