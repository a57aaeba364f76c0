"""What "keeps the decision" means, in one place.

Top-1 alone is too weak: where emptiness gets 0.26 / 0.25 / 0.25 / 0.24, any mask "keeps" the
first label. A composite keeps the decision when the target is top-1 and has at least
p_empty + share * (p_full - p_empty).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of the composites.

    Attributes:
        target: index of the explained class.
        labels: names of all classes.
        head: "softmax" or "sigmoid".
        threshold: of the target's own output, for sigmoid heads; unused for softmax.
        full: probability of the target on the whole image.
    """

    target: int
    labels: tuple[str, ...]
    head: str
    output_threshold: float
    p_image: float


@dataclass(frozen=True, slots=True)
class Decision:
    """A question, with what emptiness answers to it and what is hence required."""

    target: Target
    p_baseline: float
    threshold: float


def decide(
    target: Target, baseline_p: Mapping[str, Float[Tensor, "_ k"]], share: float
) -> Decision:
    """The bar, from the probabilities on the backgrounds alone; each background counts once.

    Args:
        question: target and head.
        alone: probabilities on draws of each searched background, by its name.
        share: of the way from empty to full that has to be retained, in [0, 1].
    """
    means = [p[:, target.index].mean() for p in baseline_p.values()]
    p_baseline = torch.stack(means).mean().item()
    return Decision(target, p_baseline, p_baseline + share * (target.p_image - p_baseline))


def retains(p: Float[Tensor, "b k"], decision: Decision) -> Bool[Tensor, " b"]:
    """Whether each composite keeps the decision: top-1 (or above threshold) and the share."""
    return on_top(p, decision.target) & (p[:, decision.target.index] >= decision.threshold)


def on_top(p: Float[Tensor, "b k"], target: Target) -> Bool[Tensor, " b"]:
    """The paper's weaker sense: top-1, or above its threshold for a sigmoid head."""
    if target.head == "sigmoid":
        return p[:, target.index] >= target.output_threshold
    return p.argmax(dim=1) == target.index
