"""Does the decision survive when the mask is shifted by a few pixels?

A mask that draws the answer depends on its exact pixels; evidence does not.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Answer
from med_cam.config.settings import Verification
from med_cam.masking import Scene, composite, shifted
from med_cam.results import Check
from med_cam.verify.decision import Decision, keeps

DIRECTIONS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def stable(
    answer: Answer,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    backgrounds: Float[Tensor, "m c h w"],
    decision: Decision,
    rules: Verification,
) -> Check:
    """The share of shifts that keep the decision; at least `rules.stable_rate` passes.

    Eight directions at each distance (in pixels of the classifier's frame; a diagonal step moves
    both ways); the content stays where it is, the mask moves, the backgrounds take turns.
    """
    steps = [(dy * far, dx * far) for far in rules.shifts for dy, dx in DIRECTIONS]
    masks = torch.cat([shifted(mask.to(scene.x), dy, dx) for dy, dx in steps])
    around = backgrounds[torch.arange(len(masks)) % len(backgrounds)]
    held = keeps(answer(composite(scene.x, masks, around)), decision)
    rate = held.float().mean().item()
    least = rules.stable_rate
    return Check("stable", rate, least, len(masks), at_least=True, passed=rate >= least)
