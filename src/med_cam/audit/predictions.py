"""Predictions on inputs of one kind, counted and summed, and when one of them is confident.

Counts and sums of two images can be added, so images are audited one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Classifier

CONFIDENT = 0.5  # mean probability from which a prediction on uninformative inputs is confident
OF_TWO = 0.75  # with two labels one always has 0.5: half way from there to certainty


@dataclass(frozen=True, slots=True)
class Labels:
    """The classifier's labels, and from which probability a prediction of each is confident.

    Attributes:
        names: of the k outputs.
        head: "softmax" or "sigmoid".
        bars: one per label; for sigmoid heads the output's own threshold.
    """

    names: tuple[str, ...]
    head: str
    bars: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions on some inputs of one kind.

    Attributes:
        inputs: how many.
        counts: on how many of them each label is predicted.
        total: the probability of each label, summed over them.
        peaks: the highest probability of any label, summed over them.
        highest: probability of any label on any of them.
        confident: on how many of them some label reaches its bar.
    """

    inputs: int
    counts: tuple[int, ...]
    total: tuple[float, ...]
    peaks: float
    highest: float
    confident: int

    @property
    def means(self) -> tuple[float, ...]:
        """Mean probability of each label."""
        return tuple(total / self.inputs for total in self.total)


def labels_of(classifier: Classifier) -> Labels:
    """The labels of a classifier with their bars."""
    names, head = classifier.labels, classifier.head
    if head == "sigmoid":
        return Labels(names, head, classifier.thresholds)
    return Labels(names, head, (most_of(names),) * len(names))


def most_of(names: Sequence[str]) -> float:
    """The share above which one of so many labels is the main one."""
    return OF_TWO if len(names) == 2 else CONFIDENT


def labels_predicted(p: Float[Tensor, "n k"], labels: Labels) -> Bool[Tensor, "n k"]:
    """The labels predicted for each input: the first, or all above threshold for sigmoid heads."""
    if labels.head == "sigmoid":
        return p >= p.new_tensor(labels.bars)
    return torch.nn.functional.one_hot(p.argmax(dim=1), p.shape[1]).bool()


def predictions_of(p: Float[Tensor, "n k"], labels: Labels) -> Predictions:
    """Probabilities on at least one input, summed."""
    peaks = p.amax(dim=1)
    return Predictions(
        inputs=len(p),
        counts=tuple(labels_predicted(p, labels).sum(dim=0).tolist()),
        total=tuple(p.double().sum(dim=0).tolist()),
        peaks=peaks.double().sum().item(),
        highest=peaks.max().item(),
        confident=int((p >= p.new_tensor(labels.bars)).any(dim=1).sum()),
    )


def added(a: Predictions, b: Predictions) -> Predictions:
    """The predictions on the inputs of both."""
    return Predictions(
        inputs=a.inputs + b.inputs,
        counts=summed(a.counts, b.counts),
        total=tuple(x + y for x, y in zip(a.total, b.total, strict=True)),
        peaks=a.peaks + b.peaks,
        highest=max(a.highest, b.highest),
        confident=a.confident + b.confident,
    )


def summed(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """Counts of each label, one by one."""
    return tuple(x + y for x, y in zip(a, b, strict=True))


def most_predicted(counted: Predictions) -> int | None:
    """The label predicted most often, the more probable of equals; None if there is none."""
    if not any(counted.counts):
        return None
    index = range(len(counted.counts))
    return max(index, key=lambda i: (counted.counts[i], counted.total[i]))


def confident_label(counted: Predictions, labels: Labels) -> int | None:
    """The label whose mean probability reaches its bar, the most probable of several."""
    means = counted.means
    reached = [i for i, bar in enumerate(labels.bars) if means[i] >= bar]
    return max(reached, key=lambda i: means[i]) if reached else None


def inconsistent(counted: Predictions, labels: Labels) -> bool:
    """Whether most inputs get a confident prediction, but not all of the same label."""
    return confident_label(counted, labels) is None and 2 * counted.confident >= counted.inputs
