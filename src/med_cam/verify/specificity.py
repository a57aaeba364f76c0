"""Does this region carry the prediction, or would any region of its size do?

A network may give its label as soon as it sees a little of anybody's image. Reference images tell:
under the same mask they get the label too (`shape_leakage`). Where none are given, this check
stands in for them: smooth random masks are laid over the image itself. If nearly all of them
retain the prediction, nothing tells whether any image would, and the claim does not hold.

The random masks have twice the area. A mask is reduced until hardly anything can be taken away, so
that a random one of just its size holds a little less of what the network counts, and falls short
half of the time. Few have to lose the prediction: of an honest classifier whose evidence is spread
over the image, random halves of the image often retain it; of the others all do.
"""

from itertools import islice

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.check import SPECIFICITY, Check
from med_cam.results.claim import Claim
from med_cam.verify.decision import Decision, retains, share
from med_cam.verify.edge import edge_of_retention
from med_cam.verify.random_masks import smooth_masks

TIMES = 2  # the area of the mask
MOST = 0.5  # of the image: larger random masks hold any given place more often than not


def specificity(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    infill: Sampled,
    decision: Decision,
    rules: Verification,
    generator: Generator,
) -> tuple[Check, ...]:
    """How many random masks of twice the area lose the prediction; without references only.

    No check with reference images, of more than half of the image, or if the rate asked is 0.

    Args:
        view: the classifier before the image.
        mask: the hard mask on trial.
        infill: samples of the searched baselines; they take turns.
        decision: what retaining the prediction means.
        rules: how many masks, and how many of them have to lose it.
        generator: for the random masks.
    """
    count, least = pixels(mask, view.scene), rules.specificity_rate
    if not least or given(view.scene) or count < int(mask.sum()):
        return ()
    drawn = islice(smooth_masks(count, view.scene.valid, generator), rules.leakage_trials)
    masks = torch.cat([*drawn])  # n 1 h w
    p = view.over(masks, infill[torch.arange(len(masks)) % len(infill)])
    rate, near = share(~retains(p, decision)), edge_of_retention(p, decision)
    return (
        Check(SPECIFICITY, rate, least, len(p), at_least=True, passed=rate >= least, edge=near),
    )


def pixels(mask: Bool[Tensor, "1 1 h w"], scene: Scene) -> int:
    """Of each random mask: twice the mask's, at most half of the image."""
    return min(TIMES * int(mask.sum()), int(MOST * int(scene.valid.sum())))


def given(scene: Scene) -> bool:
    """Whether there are reference images, of whatever label."""
    return len(scene.others) > 0 or scene.alike is not None


def sufficient(claim: Claim) -> bool:
    """Whether a claim holds, or would but for this check.

    Larger masks are no more specific, so that none is tried then; a smaller one may be.
    """
    failed = {check.name for check in claim.checks if not check.passed}
    return not claim.baseline_suffices and failed <= {SPECIFICITY}
