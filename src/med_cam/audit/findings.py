"""All that an audit counts, of one image or of many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from med_cam.audit.answers import Answers, added, summed

Key = TypeVar("Key")
Value = TypeVar("Value")


class Silhouette(NamedTuple):
    """A kind of shape without content.

    Attributes:
        fill: the background whose colour it has.
        over: the background around it.
        share: of the frame that it takes.
    """

    fill: str
    over: str
    share: float


class Gap(NamedTuple):
    """A kind of image with parts missing: the background over them, and their share."""

    over: str
    share: float


@dataclass(frozen=True, slots=True)
class Retained:
    """Answers on images with parts missing, next to those on the whole images.

    Attributes:
        frames: how many.
        kept: on how many of them the image's own answer is still given.
        own: the probability of the image's own answer, summed over them.
        peaks: the highest probability of any label, summed over them.
        lost: of those on which it is not, how many are given each label.
        unnamed: of those on which it is not, how many are given no label; 0 for softmax heads.
        takers: for each label, how many images lose their answer to it on some frame.
    """

    frames: int
    retained: int
    own: float
    peaks: float
    lost: tuple[int, ...]
    unnamed: int
    takers: tuple[int, ...]

    @property
    def losses(self) -> int:
        """On how many frames the image's own answer is not given."""
        return self.frames - self.retained


@dataclass(frozen=True, slots=True)
class Findings:
    """What a classifier answers when there is little evidence or none.

    Attributes:
        images: how many were audited.
        own: how many of them, whole, each label is the answer to.
        undecided: how many of them are given no label even whole; they have no gaps.
        passes: images through the classifier, forward.
        alone: each background without any evidence.
        silhouettes: shapes without content.
        gaps: images with parts missing.
    """

    images: int
    own: tuple[int, ...]
    undecided: int
    passes: int
    alone: Mapping[str, Answers]
    silhouettes: Mapping[Silhouette, Answers]
    gaps: Mapping[Gap, Retained]


def together(a: Findings, b: Findings) -> Findings:
    """The findings on the images of both."""
    return Findings(
        images=a.images + b.images,
        own=summed(a.own, b.own),
        undecided=a.undecided + b.undecided,
        passes=a.passes + b.passes,
        alone=merged(a.alone, b.alone, added),
        silhouettes=merged(a.silhouettes, b.silhouettes, added),
        gaps=merged(a.gaps, b.gaps, both_retained),
    )


def both_retained(a: Retained, b: Retained) -> Retained:
    """The answers on the frames of both."""
    return Retained(
        frames=a.frames + b.frames,
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
    """What either has, added where both do."""
    return {**a, **{key: add(a[key], value) if key in a else value for key, value in b.items()}}
