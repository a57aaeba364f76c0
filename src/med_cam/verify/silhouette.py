"""Does the mask's outline give the prediction when there is nothing in it but a constant?"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.rate import Rate
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision, retains
from med_cam.verify.edge import edge_of_retention


def silhouette(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    infill: Sampled,
    decision: Decision,
    confidence: float,
) -> Rate:
    """How often the filled mask retains the prediction, bounded from above.

    Args:
        view: the image; black, white, grey and the evidence's own mean colour fill the mask.
        mask: true = evidence.
        infill: baselines; each gets every fill.
        decision: what retaining the prediction means.
        confidence: of the bound.
    """
    scene = view.scene
    fills = torch.cat([scene.black, scene.white, torch.zeros_like(scene.black), own(scene, mask)])
    inside = fills.expand(-1, -1, *scene.x.shape[2:]).repeat(len(infill), 1, 1, 1)
    around = infill[torch.arange(len(infill)).repeat_interleave(len(fills))]
    p = view.over(mask, around, content=inside)
    hits, near = int(retains(p, decision).sum()), edge_of_retention(p, decision)
    return rate(hits, len(p), confidence, at_least=False, edge=near)


def own(scene: Scene, mask: Bool[Tensor, "1 1 h w"]) -> Float[Tensor, "1 c 1 1"]:
    """The evidence's mean colour."""
    weights = mask.to(scene.x)
    total = (scene.x * weights).sum(dim=(2, 3), keepdim=True)
    return total / weights.sum(dim=(2, 3), keepdim=True).clamp(min=1)
