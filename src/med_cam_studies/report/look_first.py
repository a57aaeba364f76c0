"""Which of many results deserve a look first, and why, from the most telling reason down."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.config.notices import KINDS
from med_cam.report.wording import is_small, percent
from med_cam.results.explanation import Explanation

BORDER = 0.05  # of a side: how wide the border of an image is
MOSTLY = 0.5  # of the evidence on the border from which on that is a reason


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a result deserves a look.

    Attributes:
        weight: results are sorted by the sum of these.
        text: the reason in a few words.
    """

    weight: int
    text: str


def reasons(found: Explanation, truth: str) -> tuple[Reason, ...]:
    """Why a result deserves a look, the heaviest first; empty where nothing stands out.

    Args:
        found: the explanation.
        truth: the label that is known to be right, or "".
    """
    every = (*_of_prediction(found, truth), *_of_mask(found))
    return tuple(sorted(every, key=lambda reason: -reason.weight))


def truth_by_folder(name: str, place: str, known: Container[str]) -> str:
    """The label that is right, where an image lies in a folder that is called as one; else "".

    Args:
        name: of the image, below the folder that was explained.
        place: of its result.
        known: labels of the classifier: a folder of another name tells nothing.
    """
    above = Path(name).parts[:-1] or Path(place).parts[:-1]
    return next((part for part in reversed(above) if part in known), "")


def urgency(found: tuple[Reason, ...]) -> int:
    """What results are sorted by."""
    return sum(reason.weight for reason in found)


def border_share(mask: Bool[Tensor, "h w"]) -> float:
    """Share of a mask that lies within a twentieth of a side of the image's border."""
    height, width = mask.shape
    inside = torch.zeros_like(mask)
    rows, columns = max(1, round(height * BORDER)), max(1, round(width * BORDER))
    inside[rows : height - rows, columns : width - columns] = True
    return (mask & ~inside).sum().item() / max(1, int(mask.sum()))


def _of_prediction(found: Explanation, truth: str) -> Iterator[Reason]:
    first = found.labels[max(range(len(found.before)), key=found.before.__getitem__)]
    if truth and first != truth:
        sure = " and evidence for it is sufficient" if found.verified else ""
        yield Reason(1000, f"predicted {first}, but is {truth}{sure}")
    small = found.verified and is_small(found.area)
    if not small:
        yield Reason(200, "no small region passed the sufficiency test")


def _of_mask(found: Explanation) -> Iterator[Reason]:
    """The mask on the border, and the warnings; of one that says less of the border none."""
    share = border_share(found.mask)
    mostly = share >= MOSTLY
    if mostly:
        yield Reason(20, f"{percent(share)} of the evidence lies on the border of the image")
    for notice in found.claim.notices:
        if notice.warns and not (mostly and notice.kind == "border"):
            yield Reason(KINDS[notice.kind].weight, notice.text)
