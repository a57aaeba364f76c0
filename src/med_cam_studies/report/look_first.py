"""Which of many results deserve a look first, and why, from the most telling reason down."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.report.wording import is_small, percent, probability
from med_cam.results import Explanation
from med_cam.verify.warnings import RISE

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


TELLING = {  # warnings by how they begin, and how much they say against the evidence
    "the evidence contains what looks like printed text": 20,
    "the mask leaks the label": 16,
    "random regions": 12,
    "confident on a blank input": 8,
    "re-adding random hidden patches": 8,
    "prediction not retained over": 6,
    "on the edge": 4,
}
OTHER = 2  # any other warning


def reasons(found: Explanation, truth: str) -> tuple[Reason, ...]:
    """Why a result deserves a look, the heaviest first; empty where nothing stands out.

    Args:
        found: the explanation.
        truth: the label that is known to be right, or "".
    """
    every = (*_of_prediction(found, truth), *_of_mask(found), *_of_warnings(found))
    return tuple(sorted(every, key=lambda reason: -reason.weight))


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
    before, after = found.before[found.target], found.after[found.target]
    if after > before + RISE:
        text = f"more confident on the evidence ({probability(after)}) than on the image"
        yield Reason(20, f"{text} ({probability(before)})")
    share = border_share(found.mask)
    if share >= MOSTLY:
        yield Reason(20, f"{percent(share)} of the evidence lies on the border of the image")


def _of_warnings(found: Explanation) -> Iterator[Reason]:
    for warning in found.claim.warnings:
        weight = next((TELLING[key] for key in TELLING if warning.startswith(key)), OTHER)
        yield Reason(weight, warning)
