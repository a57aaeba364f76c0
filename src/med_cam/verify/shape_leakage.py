"""Does the mask's shape alone give the prediction, over content with another label?

The danger of the method: a mask can trigger its label over anybody's image. The same mask is laid
over reference images, ones the classifier labels otherwise; without any, over the image's own
pixels in random order, which is a weaker test and reported as such.
"""

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.masking.samplers import shuffled
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.check import SHAPE_LEAKAGE, Check
from med_cam.verify.decision import Decision, retained_share
from med_cam.verify.edge import edge_of_retention


def shape_leakage(
    view: View[Tensor],
    contents: Float[Tensor, "n c h w"],
    mask: Bool[Tensor, "1 1 h w"],
    infill: Sampled,
    decision: Decision,
    *,
    limit: float,
) -> Check:
    """The share of other contents that the mask turns into the target; at most `limit` passes.

    Args:
        view: the classifier before the image, of which nothing is shown here.
        contents: from `other_contents`.
        mask: the hard mask on trial.
        infill: samples of the searched baselines; they take turns.
        decision: what retaining the prediction means.
        limit: how often the baselines alone give the target, plus the margin.
    """
    around = infill[torch.arange(len(contents)) % len(infill)]
    p = view.over(mask, around, content=contents)
    rate, near = retained_share(p, decision), edge_of_retention(p, decision)
    return Check(
        SHAPE_LEAKAGE, rate, limit, len(p), at_least=False, passed=rate <= limit, edge=near
    )


def other_contents(scene: Scene, trials: int, generator: Generator) -> Float[Tensor, "n c h w"]:
    """As many contents as trials, none of them the image's own.

    Reference images in random order, each once before any comes again: those that are predicted
    otherwise, or all if none is. Without any, shuffles of the image itself.
    """
    images = scene.others if scene.alike is None else scene.alike
    if len(images) == 0:
        return torch.cat([shuffled(scene, generator) for _ in range(trials)])
    rounds = -(-trials // len(images))
    order = torch.randperm(len(images), generator=generator).repeat(rounds)[:trials]
    return images[order.to(images.device)]
