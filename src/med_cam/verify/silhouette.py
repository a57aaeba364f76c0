"""Does the mask's outline give the answer when there is nothing in it but a constant?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Predict
from med_cam.masking import Scene, masked_input
from med_cam.results import Rate
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision, retains


def silhouette(
    predict: Predict,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    around: Float[Tensor, "n c h w"],
    decision: Decision,
    confidence: float,
) -> Rate:
    """How often the filled mask keeps the decision, bounded from above.

    Args:
        answer: the classifier.
        scene: the image; black, white, grey and the evidence's own mean colour fill the mask.
        mask: true = evidence.
        around: backgrounds; each gets every fill.
        decision: what keeping means.
        confidence: of the bound.
    """
    fills = torch.cat([scene.black, scene.white, torch.zeros_like(scene.black), own(scene, mask)])
    inside = fills.expand(-1, -1, *scene.x.shape[2:]).repeat(len(around), 1, 1, 1)
    outside = around.repeat_interleave(len(fills), dim=0)
    hits = retains(predict(masked_input(inside, mask.to(inside), outside)), decision)
    return rate(int(hits.sum()), len(hits), confidence, at_least=False)


def own(scene: Scene, mask: Bool[Tensor, "1 1 h w"]) -> Float[Tensor, "1 c 1 1"]:
    """The evidence's mean colour."""
    weights = mask.to(scene.x)
    total = (scene.x * weights).sum(dim=(2, 3), keepdim=True)
    return total / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1)
