"""What "the prediction is retained" means, in one place.

Top-1 alone is too weak: where baselines alone get 0.26 / 0.25 / 0.25 / 0.24, any mask "retains"
the first label. On a masked input the prediction is retained when the target is top-1 and has at
least p_baseline + share * (p_image - p_baseline).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.results.claim import given_anyway


@dataclass(frozen=True, slots=True)
class Target:
    """The class that is explained.

    Attributes:
        index: of the class.
        labels: names of all classes.
        head: "softmax" or "sigmoid".
        output_threshold: of the class's own output, for sigmoid heads; unused for softmax.
        p_image: probability of the class on the whole image.
    """

    index: int
    labels: tuple[str, ...]
    head: str
    output_threshold: float
    p_image: float

    @property
    def label(self) -> str:
        """Name of the class."""
        return self.labels[self.index]


@dataclass(frozen=True, slots=True)
class Decision:
    """A target, its probability on baselines alone, and the threshold that follows from it.

    Attributes:
        target: the explained class.
        p_baseline: its mean probability on baselines alone.
        threshold: what a masked input has to reach.
        given_by: baselines that give the target by themselves, so that no mask has to.
    """

    target: Target
    p_baseline: float
    threshold: float
    given_by: tuple[str, ...] = ()


def decide(
    target: Target,
    baseline_p: Mapping[str, Float[Tensor, "_ k"]],
    share: float,
    minimum_effect: float = 0.0,
) -> Decision:
    """The threshold, from the probabilities on baselines alone; each baseline counts once.

    Args:
        target: the explained class.
        baseline_p: probabilities on samples of each searched baseline, by its name.
        share: of the way from p_baseline to p_image that has to be retained, in [0, 1].
        minimum_effect: how far p_image has to lie above the probability on each baseline alone.
    """
    means = {name: p[:, target.index].mean() for name, p in baseline_p.items()}
    p_baseline = torch.stack(list(means.values())).mean().item()
    given_by = tuple(
        name
        for name, mean in means.items()
        if given_anyway(mean.item(), target.p_image, minimum_effect)
    )
    threshold = p_baseline + share * (target.p_image - p_baseline)
    return Decision(target, p_baseline, threshold, given_by)


def retains(p: Float[Tensor, "b k"], decision: Decision) -> Bool[Tensor, " b"]:
    """Whether each masked input retains the prediction: on top, and at the threshold or above."""
    return on_top(p, decision.target) & (p[:, decision.target.index] >= decision.threshold)


def retained_share(p: Float[Tensor, "n k"], decision: Decision) -> float:
    """How often the prediction is retained."""
    return share(retains(p, decision))


def share(outcomes: Bool[Tensor, " n"]) -> float:
    """Of those that are true, as the quotient of two counts.

    A mean in single precision makes of 18 of 20 less than 0.9, and refuses what passes.
    """
    return int(outcomes.sum()) / len(outcomes)


def lead(p: Float[Tensor, "n k"], target: Target) -> Float[Tensor, " n"]:
    """By how much the target leads: the best other class, or its own threshold, is subtracted."""
    own = p[:, target.index]
    if target.head == "sigmoid":
        return own - target.output_threshold
    others = p.clone()
    others[:, target.index] = -1.0
    return own - others.amax(dim=1)


def on_top(p: Float[Tensor, "b k"], target: Target) -> Bool[Tensor, " b"]:
    """The paper's weaker sense: top-1, or above its threshold for a sigmoid head."""
    if target.head == "sigmoid":
        return p[:, target.index] >= target.output_threshold
    return p.argmax(dim=1) == target.index
