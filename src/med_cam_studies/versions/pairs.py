"""The images that two versions of a classifier have both explained, and how each changed."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from med_cam.errors import OutputError
from med_cam.images.overlap import iou
from med_cam.report.result import read_result
from med_cam_studies.report.explained import Explained


@dataclass(frozen=True, slots=True)
class Pair:
    """One image under two versions.

    Attributes:
        before, after: its results.
        iou: of the two masks, in [0, 1]; NaN where not both are sufficient, or where they are of
            different sizes.
    """

    before: Explained
    after: Explained
    iou: float

    @property
    def truth(self) -> str:
        """The right label; "" where it is not known, or where the two contradict each other."""
        known = {self.before.truth, self.after.truth} - {""}
        return known.pop() if len(known) == 1 else ""

    @property
    def label_changed(self) -> bool:
        """Whether another label is explained."""
        return self.before.label != self.after.label

    @property
    def test_changed(self) -> bool:
        """Whether only one of them has a sufficient region of at most half of the image."""
        return self.before.small is not self.after.small

    @property
    def rise(self) -> float:
        """Probability of the label of `before`: after minus before; NaN if it is no label now."""
        label = self.before.label
        if label not in self.after.labels:
            return math.nan
        return _probability(self.after, label) - _probability(self.before, label)

    @property
    def right(self) -> tuple[bool, bool] | None:
        """Whether each predicts it rightly; None where that is not known."""
        both = (self.before, self.after)
        if not self.truth or any(one.made.classifier["contrast"] for one in both):
            return None
        return self.before.predicted == self.truth, self.after.predicted == self.truth

    @property
    def change(self) -> tuple[bool, bool, float]:
        """What pairs are sorted by: another label, another outcome of the test, then how much."""
        moved = 0.0 if math.isnan(self.iou) else 1 - self.iou
        risen = 1.0 if math.isnan(self.rise) else abs(self.rise)
        return self.label_changed, self.test_changed, max(moved, risen)


@dataclass(frozen=True, slots=True)
class Paired:
    """What two folders have in common.

    Attributes:
        pairs: the images that are in both, those that changed most first.
        only_before, only_after: images that are in one of them only.
    """

    pairs: tuple[Pair, ...]
    only_before: int
    only_after: int


def paired(
    before: Sequence[Explained], after: Sequence[Explained], folders: tuple[Path, Path]
) -> Paired:
    """The images of both, by the SHA-256 of their files.

    Args:
        before: results of one version, one an image.
        after: those of the other one.
        folders: that they lie in.

    Raises:
        OutputError: if no image is in both, or a result is not as it was written.
    """
    known: Mapping[str, Explained] = {one.sha256: one for one in after}
    pairs = list(_pairs(before, known))
    if not pairs:
        raise OutputError(
            f"{folders[0]} and {folders[1]} have no image in common ({len(before)} and "
            f"{len(after)} images, by the SHA-256 of their files); give two folders of results of "
            "the same images"
        )
    pairs.sort(key=lambda pair: pair.before.place)
    pairs.sort(key=lambda pair: pair.change, reverse=True)
    return Paired(tuple(pairs), len(before) - len(pairs), len(after) - len(pairs))


def _pairs(before: Sequence[Explained], after: Mapping[str, Explained]) -> Iterator[Pair]:
    for one in before:
        if (other := after.get(one.sha256)) is not None:
            yield Pair(one, other, _iou(one, other))


def _iou(one: Explained, other: Explained) -> float:
    if not (one.verified and other.verified):
        return math.nan
    a, b = (read_result(each.folder).explanation.mask for each in (one, other))
    return iou(a, b) if a.shape == b.shape else math.nan


def _probability(one: Explained, label: str) -> float:
    return one.probabilities[one.labels.index(label)]
