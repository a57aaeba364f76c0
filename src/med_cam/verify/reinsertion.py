"""Partial re-insertion: is the label retained when random hidden patches are shown again?

Evidence should not depend on hiding just those pixels that speak against it.
"""

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.rate import Rate
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision, on_top
from med_cam.verify.edge import edge_of_label


def reinsertion(
    view: View[Tensor],
    masks: Bool[Tensor, "n 1 h w"],
    infill: Sampled,
    decision: Decision,
    confidence: float,
) -> Rate:
    """How often the target stays first, bounded from below.

    Args:
        view: the image before the classifier.
        masks: the evidence and what is shown again, from `reinserted`.
        infill: baselines of what stays hidden; they take turns.
        decision: the target.
        confidence: of the bound.
    """
    around = infill[torch.arange(len(masks)) % len(infill)]
    p = view.over(masks, around)
    stays, near = int(on_top(p, decision.target).sum()), edge_of_label(p, decision)
    return rate(stays, len(masks), confidence, at_least=True, edge=near)


def reinserted(
    mask: Bool[Tensor, "1 1 h w"], side: int, count: int, generator: Generator
) -> Bool[Tensor, "n 1 h w"]:
    """The mask and random square patches besides.

    In each trial every patch is shown with the same probability, itself drawn evenly from 0 to 1:
    from almost nothing to almost everything.

    Args:
        mask: true = evidence.
        side: of a patch, in pixels.
        count: trials.
        generator: on the CPU.
    """
    h, w = mask.shape[2:]
    rows, columns = -(-h // side), -(-w // side)
    shares = torch.rand(count, 1, 1, 1, generator=generator)
    patches = torch.rand(count, 1, rows, columns, generator=generator) < shares
    pixels = patches.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)[..., :h, :w]
    return pixels.to(mask.device) | mask
