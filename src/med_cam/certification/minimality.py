"""Is every patch of a case's mask needed? The numbered samples, and the exported mask on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import PATCHES, fresh
from med_cam.config.baselines import is_fixed
from med_cam.removal.samples import Sampled
from med_cam.results.minimality import Minimality, Patch
from med_cam.verify.decision import Decision
from med_cam.verify.edge import edge
from med_cam.verify.minimality import (
    Mask,
    Place,
    Trial,
    lost,
    numbered,
    outcome,
    parts_needed,
    places,
    still_needed,
    trial_of,
    without,
)
from med_cam.verify.shift_stability import DIRECTIONS

MOST_REGIONS = 256  # of an image


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The numbered samples that masks of a case are reduced on.

    Attributes:
        samples: the fixed baselines, then random ones.
        first: how many of them a mask is reduced on at first.
        turn: how many of them, the first ones, take turns around shifted masks.
        distance: of the shifts.
        decision: what retaining the prediction means.
        tolerance: shifts that a mask may lose: half of those that its claim may, for chance.
    """

    samples: Sampled
    first: int
    turn: int
    distance: int
    decision: Decision
    tolerance: int

    def trial(self, samples: Sequence[int], shifts: Sequence[int], *, tolerance: int = 0) -> Trial:
        """The masked inputs of these numbers."""
        found = trial_of(
            self.samples, samples, shifts, self.distance, self.decision, turn=self.turn
        )
        return replace(found, tolerance=tolerance)


def sample_set(case: Case, decision: Decision, *, more: int = 0) -> SampleSet:
    """The samples of a case; with `more` the same, and further ones behind them."""
    claim, rules = case.config.verification, case.config.certification
    fixed = sum(is_fixed(name) for name in claim.baselines)
    random = fixed < len(claim.baselines)
    count = rules.reduction_samples + rules.pool + more if random else 0
    samples = numbered(case.scene, claim.baselines, count, fresh(case, PATCHES))
    first = fixed + rules.reduction_samples if random else fixed
    turn = first + rules.pool if random else fixed
    lost_at_most = int((1 - claim.stability_rate) * len(DIRECTIONS) * len(claim.shifts) + 1e-9)
    return SampleSet(samples, first, turn, max(claim.shifts), decision, lost_at_most // 2)


def region_side(case: Case) -> int:
    """Side of a square of the mean area of a region, in pixels of the model input.

    `certification.patch`, if it was asked for by itself (`most_patches` is 0). Else no more than
    a tenth of the image's shorter side, and twice as large until there are at most
    `MOST_REGIONS`: what they cost grows with their number.
    """
    rules, (h, w) = case.config.certification, case.scene.x.shape[2:]
    if not rules.most_patches:
        return rules.patch
    side = min(rules.patch, max(2, min(h, w) // 10))
    while h * w > MOST_REGIONS * side**2:
        side *= 2
    return side


def as_exported(case: Case, masks: Bool[Tensor, "n 1 h w"]) -> Bool[Tensor, "n 1 h w"]:
    """The masks as they come back from a file: the same, unless source pixels are too coarse."""
    if all(axis.source >= axis.scaled for axis in case.geometry.axes()):
        return masks
    again = [case.geometry.project(case.geometry.restore(m[None].cpu())) for m in masks]
    return torch.cat(again).to(masks.device)


def patches_of(case: Case, mask: Mask, trial: Trial, side: int) -> tuple[Patch, ...]:
    """Every patch of a mask, with the witness that it is needed, if there is one."""
    found = []
    for place in places(mask, side):
        less = as_exported(case, without(mask, [place], side))
        found.append(Patch(*place, *(lost(case.batched, less, trial) or ("", -1))))
    return tuple(found)


def retested(
    case: Case, mask: Bool[Tensor, "h1 w1"], trial: Trial, reported: Minimality
) -> Minimality:
    """What is reported of an exported mask, as far as it shows again.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        trial: the masked inputs that the report names.
        reported: its patches and its sufficiency are not believed, but tested.
    """
    again, labels = reread(case, mask), reported.regions
    if labels is None:
        side = reported.patch
        patches, near = still_needed(case.claims, again, side, trial, reported.patches)
    else:
        parts = parts_of(case, labels)
        patches, near = parts_needed(case.claims, again, parts, trial, reported.patches)
    gone, whole = outcome(case.claims, again, trial)
    return replace(
        reported,
        patches=patches,
        sufficient=not gone,
        after=mask.float().mean().item(),
        edge=edge([*near, whole]),
    )


def parts_of(case: Case, labels: Int[Tensor, "h1 w1"]) -> dict[Place, Mask]:
    """The parts of an exported mask in the model input, by the first pixel of each in the source.

    Args:
        case: the image before the classifier.
        labels: the number of its part on each pixel of the mask, from 1; 0 elsewhere.
    """
    return {
        place: reread(case, labels == number)
        for number, place in enumerate(first_pixels(labels), start=1)
    }


def first_pixels(labels: Int[Tensor, "h w"]) -> list[Place]:
    """Row and column of the first pixel of each part, row by row, in the order of their numbers.

    Of a number without a pixel (-1, -1).
    """
    width, found = labels.shape[1], []
    for number in range(1, int(labels.max()) + 1):
        there = (labels == number).flatten().nonzero()
        first = int(there[0]) if len(there) else -1
        found.append((first // width, first % width) if first >= 0 else (-1, -1))
    return found
