"""Judge many candidate masks of one image on the same draws, stopping at the first failure."""

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.classifiers.base import Answer
from med_cam.config.settings import Verification
from med_cam.masking import Scene, composite, nothing_shown
from med_cam.verify.claim import alternating
from med_cam.verify.decision import Decision, Question, decide, keeps
from med_cam.verify.emptiness import alone_rate
from med_cam.verify.shape_leakage import other_contents, shape
from med_cam.verify.shift_stability import stable
from med_cam.verify.sufficiency import drawn


def candidate_judge(
    answer: Answer,
    scene: Scene,
    question: Question,
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
    draws = drawn(scene, rules.backgrounds, rules.draws, generator)
    around = alternating(draws)  # m c h w
    every = torch.cat(list(draws.values()))  # n c h w
    sizes = [len(d) for d in draws.values()]
    alone = dict(zip(draws, answer(nothing_shown(scene, every)).split(sizes), strict=True))
    decision = decide(question, alone, rules.share)
    limit = alone_rate(alone, decision) + rules.shape_margin
    contents = other_contents(scene, rules.shape_trials, generator)

    few = torch.cat([d[:1] for d in draws.values()])  # most failures show here already
    rest = torch.cat([d[1:] for d in draws.values()])

    def passes(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        for part in (few, rest):
            views = composite(scene.x, mask.to(scene.x), part)
            if len(part) and not bool(keeps(answer(views), decision).all()):
                return False
        if not stable(answer, scene, mask, around, decision, rules).passed:
            return False
        return shape(answer, contents, mask, around, decision, limit=limit).passed

    return decision, passes
