"""What a classifier answers on frames of one kind, counted and added up, and what an opinion is.

Counts and sums of two images can be added, so that images are audited one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Classifier

OPINION = 0.5  # mean probability from which on a label is an opinion on frames without evidence
OF_TWO = 0.75  # of two labels one always has 0.5: half way from there to certainty


@dataclass(frozen=True, slots=True)
class Labels:
    """The classifier's labels, and from which probability on each is an opinion.

    Attributes:
        names: of the k outputs.
        head: "softmax" or "sigmoid".
        bars: one a label; for sigmoid heads the output's own threshold.
    """

    names: tuple[str, ...]
    head: str
    bars: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers on some frames of one kind.

    Attributes:
        frames: how many.
        given: on how many of them each label is given.
        total: the probability of each label, summed over them.
        peaks: the highest probability of any label, summed over them.
        highest: probability of any label on any of them.
        sure: on how many of them some label reaches its bar.
    """

    frames: int
    given: tuple[int, ...]
    total: tuple[float, ...]
    peaks: float
    highest: float
    sure: int

    @property
    def means(self) -> tuple[float, ...]:
        """Mean probability of each label."""
        return tuple(total / self.frames for total in self.total)


def labels_of(classifier: Classifier) -> Labels:
    """The labels of a classifier with their bars."""
    names, head = classifier.labels, classifier.head
    if head == "sigmoid":
        return Labels(names, head, classifier.thresholds)
    return Labels(names, head, (most_of(names),) * len(names))


def most_of(names: Sequence[str]) -> float:
    """Which share is more than one of so many labels has anyway."""
    return OF_TWO if len(names) == 2 else OPINION


def labels_given(p: Float[Tensor, "n k"], labels: Labels) -> Bool[Tensor, "n k"]:
    """Which labels each frame is given: the first, or for sigmoid heads all above threshold."""
    if labels.head == "sigmoid":
        return p >= p.new_tensor(labels.bars)
    return torch.nn.functional.one_hot(p.argmax(dim=1), p.shape[1]).bool()


def answers_of(p: Float[Tensor, "n k"], labels: Labels) -> Answers:
    """Probabilities on at least one frame, added up."""
    peaks = p.amax(dim=1)
    return Answers(
        frames=len(p),
        given=tuple(labels_given(p, labels).sum(dim=0).tolist()),
        total=tuple(p.double().sum(dim=0).tolist()),
        peaks=peaks.double().sum().item(),
        highest=peaks.max().item(),
        sure=int((p >= p.new_tensor(labels.bars)).any(dim=1).sum()),
    )


def added(a: Answers, b: Answers) -> Answers:
    """The answers on the frames of both."""
    return Answers(
        frames=a.frames + b.frames,
        given=summed(a.given, b.given),
        total=tuple(x + y for x, y in zip(a.total, b.total, strict=True)),
        peaks=a.peaks + b.peaks,
        highest=max(a.highest, b.highest),
        sure=a.sure + b.sure,
    )


def summed(a: Sequence[int], b: Sequence[int]) -> tuple[int, ...]:
    """Counts of each label, one by one."""
    return tuple(x + y for x, y in zip(a, b, strict=True))


def most_given(answers: Answers) -> int | None:
    """The label given on most frames, of equals the more probable; None where none ever is."""
    if not any(answers.given):
        return None
    index = range(len(answers.given))
    return max(index, key=lambda i: (answers.given[i], answers.total[i]))


def opinion(answers: Answers, labels: Labels) -> int | None:
    """The label whose mean probability reaches its bar, of several the most probable."""
    means = answers.means
    reached = [i for i, bar in enumerate(labels.bars) if means[i] >= bar]
    return max(reached, key=lambda i: means[i]) if reached else None


def divided(answers: Answers, labels: Labels) -> bool:
    """Whether most frames are an opinion each, but not all of the same label."""
    return opinion(answers, labels) is None and 2 * answers.sure >= answers.frames
