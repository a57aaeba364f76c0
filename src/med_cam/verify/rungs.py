"""Rungs of the ladder of claims: their bounds, and the one risk that they share.

The certificates of the full claim have taken a part of 1 - confidence (see `risk_of`). What they
left is divided among the rungs that come to a bound, in their order: each takes half of what is
left, the last one all of it. A rung that is given up before its bound takes nothing, which its
samples cannot have decided: what is taken depends on what came before alone, and all parts
together are at most 1 - confidence, whatever happens. So all bounds hold together with that
confidence (a union bound).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.baselines import INSIDE, is_fixed
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.verify.certificate import FIRST, lower_bound
from med_cam.verify.decision import Decision, lead
from med_cam.verify.edge import slack

STRENGTHS = (0.9, 0.7, 0.5, 0.3)  # of the graded claim; 1 would be the full claim
MILDER = ("feathered_blur",)  # of a graded claim where every removal is inside the network
PAINTED = ("grey", "gaussian")  # the same where the blurred image gets the label by itself
LAST = "ranked"  # of the rungs; takes all the risk that is left


class Tally(NamedTuple):
    """Outcomes counted: of random removals, and of those that are always the same."""

    samples: int
    hits: int
    fixed: int
    fixed_hits: int


def risk_taken(name: str, left: float) -> float:
    """What a rung takes of the risk that is left, if it comes to a bound."""
    return left if name == LAST else left / 2


def risks(bounds: Sequence[tuple[str, int]], confidence: float) -> Iterator[float]:
    """What each rung took.

    Args:
        bounds: rungs in their order, each with the masks of it for which a bound was computed;
            the first is the full claim.
        confidence: of all bounds together.
    """
    left = 1 - confidence
    for name, masks in bounds:
        taken = risk_taken(name, left) if masks else 0.0
        if name == "sufficient":
            taken = left * (1 - (1 - FIRST) ** masks)  # the sum of `risk_of`
        left -= taken
        yield taken


def risk_left(bounds: Sequence[tuple[str, int]], confidence: float) -> float:
    """What all these have left of the risk."""
    left = 1 - confidence
    for taken in risks(bounds, confidence):
        left -= taken
    return left


def tally(outcomes: Mapping[str, Bool[Tensor, "_"]]) -> Tally:
    """Count outcomes by removal."""
    random = [seen for name, seen in outcomes.items() if not is_fixed(name)]
    fixed = [seen for name, seen in outcomes.items() if is_fixed(name)]
    return Tally(
        sum(map(len, random)),
        sum(int(seen.sum()) for seen in random),
        sum(map(len, fixed)),
        sum(int(seen.sum()) for seen in fixed),
    )


def bound_of(counted: Tally, risk: float) -> float:
    """The lower bound on how often a sample comes out so; without random ones the share."""
    if counted.samples:
        return lower_bound(counted.hits, counted.samples, risk)
    return counted.fixed_hits / counted.fixed


def faded(view: View[Tensor], strength: float) -> View[Tensor]:
    """The same view of painted removals, where what is hidden is only moved toward its removal.

    Args:
        view: the image before the classifier.
        strength: share of the way; 0 shows the image itself, 1 the removal.
    """

    def classifier(inputs: Float[Tensor, "b c h w"], /) -> Tensor:
        return view.classifier(view.scene.x.lerp(inputs, strength))

    return View(classifier, view.scene)


def graded_over(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The removals that a graded claim is over, and its strengths, the largest first.

    They are the painted ones among those declared. Where there are none the image's own blur takes
    their place: a network that has never seen a picture painted over has seen blurred ones. That
    is another removal than was declared, so that all of it is a milder claim as well.
    """
    painted = tuple(name for name in names if name not in INSIDE)
    return (painted, STRENGTHS) if painted else (MILDER, (1.0, *STRENGTHS))


def retained_by(
    view: View[Tensor], decision: Decision, masks: Bool[Tensor, "#n 1 h w"], infill: Sampled
) -> Float[Tensor, " n"]:
    """By how much the prediction is retained on what the masks show; below 0 it is lost."""
    return slack(view.over(masks, infill), decision)


def changed_by(
    view: View[Tensor], decision: Decision, masks: Bool[Tensor, "#n 1 h w"], infill: Sampled
) -> Float[Tensor, " n"]:
    """By how much another class leads where the masks are hidden; below 0 the target leads."""
    return -lead(view.over(~masks, infill), decision.target)
