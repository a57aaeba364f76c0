"""The verdict of an audit: labels predicted without evidence, and recommended baselines."""

from dataclasses import dataclass

from med_cam.audit.findings import Findings, Silhouette
from med_cam.audit.predictions import Labels, confident_label, inconsistent, most_of
from med_cam.config.baselines import BASELINES, CONTENT

ALL = 1.0  # of the patches: nothing is left of the image
ENOUGH = 2  # images that lose their prediction to a label; one may have a reason of its own


def confident_predictions(found: Findings, labels: Labels) -> dict[str, int]:
    """The label predicted with confidence on each baseline without content, where there is one."""
    labels_of = {
        name: confident_label(found.baselines[name], labels) for name in without_content(found)
    }
    return {name: label for name, label in labels_of.items() if label is not None}


def inconsistent_predictions(found: Findings, labels: Labels) -> tuple[str, ...]:
    """Baselines without content that mostly get confident predictions, but of several labels."""
    return tuple(
        name for name in without_content(found) if inconsistent(found.baselines[name], labels)
    )


def recommended(found: Findings, labels: Labels) -> tuple[str, ...]:
    """The baselines without content that get no confident prediction."""
    avoided = {*confident_predictions(found, labels), *inconsistent_predictions(found, labels)}
    return tuple(name for name in without_content(found) if name not in avoided)


def without_content(found: Findings) -> list[str]:
    """The audited baselines that show nothing of any image."""
    return [name for name in BASELINES if name in found.baselines and name not in CONTENT]


def predicted_by_shape(found: Findings, labels: Labels) -> dict[Silhouette, int]:
    """Silhouettes with a confident prediction that neither their colour nor surroundings get."""
    blank = {name: confident_label(found.baselines[name], labels) for name in found.baselines}
    shapes = {kind: confident_label(shape, labels) for kind, shape in found.silhouettes.items()}
    return {
        kind: label
        for kind, label in shapes.items()
        if label is not None and label not in (blank[kind.fill], blank[kind.over])
    }


def inconsistent_by_shape(found: Findings, labels: Labels) -> tuple[Silhouette, ...]:
    """Silhouettes that mostly get confident predictions of several labels, unlike their parts."""
    steady = {*recommended(found, labels)}
    return tuple(
        kind
        for kind, shape in found.silhouettes.items()
        if inconsistent(shape, labels) and {kind.fill, kind.over} <= steady
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """Masking shifts predictions mostly toward one label, while some of the image is left.

    Attributes:
        label: toward which they shift.
        count: how many predictions do.
        lost: how many predictions are lost.
        images: how many images lose some to it, at one and the same share of hidden patches.
        others: how many whole images are predicted otherwise.
    """

    label: int
    count: int
    lost: int
    images: int
    others: int


def drift(found: Findings, labels: Labels, over: str) -> Drift | None:
    """The label toward which masking shifts predictions; None if not mostly toward one.

    Images that are all predicted alike show nothing: with two labels there is only one to go to.
    """
    partly = [r for kind, r in found.masked.items() if kind.over == over and kind.share < ALL]
    counts = [sum(r.lost[i] for r in partly) for i in range(len(labels.names))]
    label, lost = counts.index(max(counts)), sum(r.losses for r in partly)
    images = max((r.takers[label] for r in partly), default=0)
    if images < ENOUGH or sum(n > 0 for n in found.own) < 2:
        return None
    mostly = counts[label] >= most_of(labels.names) * lost
    others = sum(found.own) - found.own[label]
    return Drift(label, counts[label], lost, images, others) if mostly else None
