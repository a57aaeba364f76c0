"""What an audit comes to: which labels are given without evidence, and over what to explain."""

from dataclasses import dataclass

from med_cam.audit.answers import Labels, divided, most_of, opinion
from med_cam.audit.findings import Findings, Silhouette
from med_cam.masking import BASELINES, CONTENT

ALL = 1.0  # of the cells: nothing is left of the image
ENOUGH = 2  # images that lose their answer to a label; one may have a reason of its own


def confident_predictions(found: Findings, labels: Labels) -> dict[str, int]:
    """The backgrounds without content that have a label for an opinion, and which."""
    told = {name: opinion(found.alone[name], labels) for name in contentless(found)}
    return {name: label for name, label in told.items() if label is not None}


def quarrels(found: Findings, labels: Labels) -> tuple[str, ...]:
    """The backgrounds without content on which most draws are an opinion, of different labels."""
    return tuple(name for name in contentless(found) if divided(found.alone[name], labels))


def recommended(found: Findings, labels: Labels) -> tuple[str, ...]:
    """The backgrounds without content on which no label is an opinion."""
    avoided = {*confident_predictions(found, labels), *quarrels(found, labels)}
    return tuple(name for name in contentless(found) if name not in avoided)


def contentless(found: Findings) -> list[str]:
    """The backgrounds drawn that show nothing of any image."""
    return [name for name in BASELINES if name in found.alone and name not in CONTENT]


def drawn_by_shape(found: Findings, labels: Labels) -> dict[Silhouette, int]:
    """The silhouettes with a label for an opinion that neither colour nor surroundings have."""
    alone = {name: opinion(found.alone[name], labels) for name in found.alone}
    told = {kind: opinion(answers, labels) for kind, answers in found.silhouettes.items()}
    return {
        kind: label
        for kind, label in told.items()
        if label is not None and label not in (alone[kind.fill], alone[kind.over])
    }


def divided_by_shape(found: Findings, labels: Labels) -> tuple[Silhouette, ...]:
    """The silhouettes most of which are an opinion, of different labels, unlike what they show."""
    steady = {*recommended(found, labels)}
    return tuple(
        kind
        for kind, answers in found.silhouettes.items()
        if divided(answers, labels) and {kind.fill, kind.over} <= steady
    )


@dataclass(frozen=True, slots=True)
class Drift:
    """Lost answers mostly go to one label, while some of the image is left.

    Attributes:
        label: that they go to.
        count: how many do.
        lost: how many there are.
        images: how many images lose some to it, at one and the same share of hidden cells.
        others: how many images are called otherwise whole.
    """

    label: int
    count: int
    lost: int
    images: int
    others: int


def drift(found: Findings, labels: Labels, over: str) -> Drift | None:
    """Where answers go as parts go missing; None if not mostly to one label, from some images.

    Images that were all called alike tell nothing: of two labels there is but one to go to.
    """
    partly = [r for gap, r in found.gaps.items() if gap.over == over and gap.share < ALL]
    counts = [sum(r.lost[i] for r in partly) for i in range(len(labels.names))]
    label, lost = counts.index(max(counts)), sum(r.losses for r in partly)
    images = max((r.takers[label] for r in partly), default=0)
    if images < ENOUGH or sum(n > 0 for n in found.own) < 2:
        return None
    mostly = counts[label] >= most_of(labels.names) * lost
    others = sum(found.own) - found.own[label]
    return Drift(label, counts[label], lost, images, others) if mostly else None
