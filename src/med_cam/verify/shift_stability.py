"""Is the prediction retained when the mask is shifted by a few pixels?

A mask that leaks the label through its outline depends on its exact pixels; evidence does not.
"""

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.config.settings import Verification
from med_cam.masking.masks import shifted
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.check import SHIFT_STABILITY, Check
from med_cam.verify.decision import Decision, retained_share
from med_cam.verify.edge import edge_of_retention

DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def shift_stability(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    infill: Sampled,
    decision: Decision,
    rules: Verification,
) -> Check:
    """The share of shifts that retain the prediction; at least `rules.stability_rate` passes.

    Eight directions at each distance (in pixels of the model input; a diagonal step moves both
    ways); the content stays where it is, the mask moves, the baselines take turns.
    """
    steps = [(dy * far, dx * far) for far in rules.shifts for dy, dx in DIRECTIONS]
    masks = torch.cat([shifted(mask.to(view.scene.x), dy, dx) for dy, dx in steps])
    around = infill[torch.arange(len(masks)) % len(infill)]
    p = view.over(masks, around)
    rate, least = retained_share(p, decision), rules.stability_rate
    near = edge_of_retention(p, decision)
    return Check(
        SHIFT_STABILITY, rate, least, len(p), at_least=True, passed=rate >= least, edge=near
    )
