"""What an answer that names no finding rests on: what would have to be there for another one.

Evidence for "nothing found" is no place in the image, and a label that blank input gets already
needs none. So the question goes the other way round: can any part of the image be shown without
another label coming up, and how far does one region, shown alone, raise the label that is second?
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.masking.masks import keep_most
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled, joined
from med_cam.results.rate import Rate
from med_cam.verify.certificate import rate
from med_cam.verify.edge import edge

CALLED = 0.5  # another label comes up where it is predicted with more than even odds
CELLS = 5  # a side of the random fields: parts of the size of an organ, not of a pixel
LEAST = 1e-6  # a probability below it says nothing more: log-odds of 13.8


def parts_shown(
    view: View[Tensor],
    masks: Bool[Tensor, "n 1 h w"],
    infill: Sampled,
    others: Float[Tensor, " k"],
    confidence: float,
) -> Rate:
    """In how many random parts of the image no other label comes up, bounded from below.

    Args:
        view: the image before the classifier.
        masks: the parts, from `smooth_parts`.
        infill: what hides the rest, one for each part.
        others: from `limits`.
        confidence: of the bound.
    """
    p = view.over(masks, infill)
    above = (p - others).amax(dim=1)  # of the label that comes nearest to coming up
    quiet = int((above <= 0).sum())
    near = edge(above.abs().tolist())
    return rate(quiet, len(p), confidence, at_least=True, edge=near)


def limits(target: int, thresholds: Sequence[float], labels: int) -> Float[Tensor, " k"]:
    """The probability above which each label comes up; the target's own never does.

    Args:
        target: index of the explained class.
        thresholds: of a sigmoid head's outputs; none for softmax.
        labels: how many there are.
    """
    others = torch.tensor(thresholds or (CALLED,) * labels)
    others[target] = 2.0
    return others


def smooth_parts(
    region: Bool[Tensor, "1 1 h w"],
    count: int,
    generator: Generator,
    *,
    share: float | None = None,
) -> Bool[Tensor, "n 1 h w"]:
    """Random parts of a region in smooth shapes.

    Args:
        region: whose pixels may be shown.
        count: how many parts.
        generator: on the CPU.
        share: of the region's pixels in each; None draws it evenly from 0 to 1, anew each time.
    """
    shares = torch.rand(count, generator=generator).tolist()
    fields = torch.randn(count, 1, CELLS, CELLS, generator=generator)
    size = (int(region.shape[2]), int(region.shape[3]))
    raised = F.interpolate(fields, size, mode="bicubic", align_corners=False).to(region.device)
    raised = raised.masked_fill(~region, -torch.inf)
    shares = shares if share is None else [share] * count
    inside = region.float().mean().item()
    parts = [
        keep_most(field, inside * part)
        for field, part in zip(raised.split(1), shares, strict=True)
    ]
    return torch.cat(parts) & region


def rises(
    view: View[Tensor], masks: Bool[Tensor, "n 1 h w"], infill: Sampled, label: int
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n m k"], Float[Tensor, "m k"]]:
    """By how much each region, shown alone, raises the log-odds of a label over the removal.

    Args:
        view: the image before the classifier.
        masks: the regions.
        infill: samples of the removal; every region is shown over each.
        label: index of the label.

    Returns:
        The mean rise of each region, the probabilities with it, and those on the removal alone.
    """
    over_each = masks.repeat_interleave(len(infill), dim=0)
    p = view.over(over_each, joined([infill] * len(masks))).unflatten(0, (len(masks), -1))
    alone = view.hidden(infill)
    rise = log_odds(p[..., label]) - log_odds(alone[:, label])  # n m
    return rise.mean(dim=1), p, alone


def log_odds(p: Float[Tensor, "*n"]) -> Float[Tensor, "*n"]:
    """Of a probability, within what can be told apart."""
    return p.double().clamp(LEAST, 1 - LEAST).logit()
