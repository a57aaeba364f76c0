"""All that an audit counts, of one image or of many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from med_cam.audit.predictions import Predictions, added, summed

Key = TypeVar("Key")
Value = TypeVar("Value")


class Silhouette(NamedTuple):
    """A kind of shape without content.

    Attributes:
        fill: the baseline whose colour it has.
        over: the baseline around it.
        share: of the model input that it takes.
    """

    fill: str
    over: str
    share: float


class Masked(NamedTuple):
    """A kind of masked image: the baseline over the hidden patches, and their share."""

    over: str
    share: float


@dataclass(frozen=True, slots=True)
class Retained:
    """Predictions on masked images, compared with those on the whole images.

    Attributes:
        inputs: how many.
        retained: on how many of them the image's own prediction is retained.
        own: the probability of the image's own prediction, summed over them.
        peaks: the highest probability of any label, summed over them.
        lost: of those on which it is lost, how many are predicted each label.
        unnamed: of those on which it is lost, how many get no label; 0 for softmax heads.
        takers: for each label, how many images lose their prediction to it on some input.
    """

    inputs: int
    retained: int
    own: float
    peaks: float
    lost: tuple[int, ...]
    unnamed: int
    takers: tuple[int, ...]

    @property
    def losses(self) -> int:
        """On how many inputs the image's own prediction is lost."""
        return self.inputs - self.retained


@dataclass(frozen=True, slots=True)
class Findings:
    """Predictions of a classifier on inputs with little evidence or none.

    Attributes:
        images: how many were audited.
        own: how many whole images are predicted each label.
        undecided: how many whole images get no label; they are not masked.
        passes: images through the classifier, forward.
        baselines: each baseline alone, without any evidence.
        silhouettes: shapes without content.
        masked: images with patches hidden.
        refused: the removals inside the network that the classifier cannot have, each with why.
    """

    images: int
    own: tuple[int, ...]
    undecided: int
    passes: int
    baselines: Mapping[str, Predictions]
    silhouettes: Mapping[Silhouette, Predictions]
    masked: Mapping[Masked, Retained]
    refused: Mapping[str, str] = field(default_factory=dict)


def together(a: Findings, b: Findings) -> Findings:
    """The findings on the images of both; what one refuses is left out."""
    refused = {**b.refused, **a.refused}
    masked = merged(a.masked, b.masked, both_retained)
    baselines = merged(a.baselines, b.baselines, added)
    return Findings(
        images=a.images + b.images,
        own=summed(a.own, b.own),
        undecided=a.undecided + b.undecided,
        passes=a.passes + b.passes,
        baselines={name: p for name, p in baselines.items() if name not in refused},
        silhouettes=merged(a.silhouettes, b.silhouettes, added),
        masked={kind: r for kind, r in masked.items() if kind.over not in refused},
        refused=refused,
    )


def both_retained(a: Retained, b: Retained) -> Retained:
    """The predictions on the inputs of both."""
    return Retained(
        inputs=a.inputs + b.inputs,
        retained=a.retained + b.retained,
        own=a.own + b.own,
        peaks=a.peaks + b.peaks,
        lost=summed(a.lost, b.lost),
        unnamed=a.unnamed + b.unnamed,
        takers=summed(a.takers, b.takers),
    )


def merged(
    a: Mapping[Key, Value], b: Mapping[Key, Value], add: Callable[[Value, Value], Value]
) -> dict[Key, Value]:
    """The entries of either, added where both have them."""
    return {**a, **{key: add(a[key], value) if key in a else value for key, value in b.items()}}
