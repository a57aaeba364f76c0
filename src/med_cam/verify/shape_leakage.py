"""Does the mask's shape alone draw the answer, over content that is labelled otherwise?

The danger of the method: a mask can trigger its label over anybody's image. The same mask is laid
over other images, ones the classifier labels otherwise; without any, over the image's own pixels
in random order, which is weaker and said so.
"""

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Predict
from med_cam.masking import Scene, masked_input, shuffled
from med_cam.results import Check
from med_cam.verify.decision import Decision, retains


def shape(
    predict: Predict,
    contents: Float[Tensor, "n c h w"],
    mask: Bool[Tensor, "1 1 h w"],
    baselines: Float[Tensor, "m c h w"],
    decision: Decision,
    *,
    limit: float,
) -> Check:
    """The share of other contents that the mask turns into the target; at most `limit` passes.

    Args:
        answer: the classifier.
        contents: from `other_contents`.
        mask: the hard mask on trial.
        backgrounds: draws of the searched backgrounds; they take turns.
        decision: what keeping means.
        limit: how often the backgrounds alone give the target, plus the margin.
    """
    around = baselines[torch.arange(len(contents)) % len(baselines)]
    hits = retains(predict(masked_input(contents, mask.to(contents), around)), decision)
    rate = hits.float().mean().item()
    return Check("shape_leakage", rate, limit, len(contents), at_least=False, passed=rate <= limit)


def other_contents(scene: Scene, trials: int, generator: Generator) -> Float[Tensor, "n c h w"]:
    """As many contents as trials, none of them the image's own.

    Other images in random order, each once before any comes again; without any, shuffles of the
    image itself.
    """
    if len(scene.others) == 0:
        return torch.cat([shuffled(scene, generator) for _ in range(trials)])
    rounds = -(-trials // len(scene.others))
    order = torch.randperm(len(scene.others), generator=generator).repeat(rounds)[:trials]
    return scene.others[order.to(scene.others.device)]
