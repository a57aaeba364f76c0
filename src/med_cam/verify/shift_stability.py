"""Does the decision survive when the mask is shifted by a few pixels?

A mask that draws the answer depends on its exact pixels; evidence does not.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Predict
from med_cam.config.settings import Verification
from med_cam.masking import Scene, masked_input, shifted
from med_cam.results import Check
from med_cam.verify.decision import Decision, retains

DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def shift_stability(
    predict: Predict,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    baselines: Float[Tensor, "m c h w"],
    decision: Decision,
    rules: Verification,
) -> Check:
    """The share of shifts that keep the decision; at least `rules.stability_rate` passes.

    Eight directions at each distance (in pixels of the classifier's frame; a diagonal step moves
    both ways); the content stays where it is, the mask moves, the backgrounds take turns.
    """
    steps = [(dy * far, dx * far) for far in rules.shifts for dy, dx in DIRECTIONS]
    masks = torch.cat([shifted(mask.to(scene.x), dy, dx) for dy, dx in steps])
    around = baselines[torch.arange(len(masks)) % len(baselines)]
    held = retains(predict(masked_input(scene.x, masks, around)), decision)
    rate = held.float().mean().item()
    least = rules.stability_rate
    return Check("shift_stability", rate, least, len(masks), at_least=True, passed=rate >= least)
