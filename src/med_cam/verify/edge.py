"""How near outcomes lie to others: what is on the edge may fall to the other side elsewhere."""

import math
from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.config.tolerance import EDGE
from med_cam.results.edge import Edge
from med_cam.verify.decision import Decision, lead


def slack(p: Float[Tensor, "n k"], decision: Decision) -> Float[Tensor, " n"]:
    """By how much each masked input retains the prediction; below 0 it does not.

    The smaller of two: how far the target leads, and how far it lies above the threshold.
    """
    above = p[:, decision.target.index] - decision.threshold
    return torch.minimum(above, lead(p, decision.target))


def edge_of_retention(p: Float[Tensor, "n k"], decision: Decision) -> Edge:
    """Of whether the prediction is retained."""
    return edge(slack(p, decision).abs().tolist())


def edge_of_label(p: Float[Tensor, "n k"], decision: Decision) -> Edge:
    """Of whether the target is first."""
    return edge(lead(p, decision.target).abs().tolist())


def edge_of_either(p: Float[Tensor, "n k"], decision: Decision) -> Edge:
    """Of both, the nearer one of each masked input."""
    either = torch.minimum(slack(p, decision).abs(), lead(p, decision.target).abs())
    return edge(either.tolist())


def edge(distances: Iterable[float]) -> Edge:
    """From the distance of each outcome to where it is another."""
    known = [distance for distance in distances if math.isfinite(distance)]
    return Edge(
        nearest=min(known, default=math.nan),
        within=sum(distance <= EDGE for distance in known),
        sure=sum(distance <= EDGE / 2 for distance in known),
        most=sum(distance <= 1.5 * EDGE for distance in known),
    )


def joint(edges: Iterable[Edge | None]) -> Edge:
    """Of several tests together."""
    known = [one for one in edges if one is not None]
    return Edge(
        nearest=min((e.nearest for e in known if math.isfinite(e.nearest)), default=math.nan),
        within=sum(one.within for one in known),
        sure=sum(one.sure for one in known),
        most=sum(one.most for one in known),
    )
