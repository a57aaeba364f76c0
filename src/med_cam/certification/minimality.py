"""Is every patch of a case's mask needed? The numbered samples, and the exported mask on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import PATCHES, fresh
from med_cam.config.settings import Config
from med_cam.masking import FIXED
from med_cam.results import Minimality, Patch
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import (
    Mask,
    Trial,
    lost,
    numbered,
    places,
    still_needed,
    trial_of,
    without,
)
from med_cam.verify.shift_stability import DIRECTIONS


def retested(
    case: Case, mask: Bool[Tensor, "h1 w1"], trial: Trial, test_sentences: Minimality
) -> Minimality:
    """What is told of an exported mask, as far as it shows again, one composite a pass.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        trial: the composites that are told of.
        told_of: the mask; its cells and its sufficiency are not believed, but tried.
    """
    again = reread(case, mask)
    return replace(
        test_sentences,
        patches=still_needed(
            case.predict_one,
            case.scene,
            again,
            test_sentences.patch,
            trial,
            test_sentences.patches,
        ),
        sufficient=lost(case.predict_one, case.scene, again, trial) is None,
        after=mask.float().mean().item(),
    )


@dataclass(frozen=True, slots=True)
class SampleSet:
    """The numbered draws that masks of a case are pruned on.

    Attributes:
        draws: the fixed backgrounds, then random ones.
        first: how many of them a mask is pruned on at first.
        turn: how many of them, the first ones, take turns around shifted masks.
        distance: of the shifts.
        decision: what keeping means.
        spare: shifts that a mask may lose: half of those that its claim may, for chance.
    """

    samples: Float[Tensor, "n c h w"]
    first: int
    turn: int
    distance: int
    decision: Decision
    tolerance: int

    def trial(self, samples: Sequence[int], shifts: Sequence[int], *, tolerance: int = 0) -> Trial:
        """The composites of these numbers."""
        found = trial_of(
            self.samples, samples, shifts, self.distance, self.decision, turn=self.turn
        )
        return replace(found, tolerance=tolerance)


def sample_set(case: Case, decision: Decision, config: Config, *, more: int = 0) -> SampleSet:
    """The draws of a case; with `more` the same, and further ones behind them."""
    names, rules = config.verification.baselines, config.certification
    fixed = sum(name in FIXED for name in names)
    random = fixed < len(names)
    count = rules.reduction_samples + rules.pool + more if random else 0
    samples = numbered(case.scene, names, count, fresh(config.seed, PATCHES))
    first = fixed + rules.reduction_samples if random else fixed
    turn = first + rules.pool if random else fixed
    shifts, rate = config.verification.shifts, config.verification.stability_rate
    tolerance = int((1 - rate) * len(DIRECTIONS) * len(shifts) + 1e-9) // 2
    return SampleSet(samples, first, turn, max(shifts), decision, tolerance)


def as_exported(case: Case, masks: Bool[Tensor, "n 1 h w"]) -> Bool[Tensor, "n 1 h w"]:
    """The masks as they come back from a file: the same, unless source pixels are too coarse."""
    if all(axis.source >= axis.scaled for axis in case.geometry.axes()):
        return masks
    again = [case.geometry.project(case.geometry.restore(m[None].cpu())) for m in masks]
    return torch.cat(again).to(masks.device)


def reported(case: Case, mask: Mask, trial: Trial, side: int) -> tuple[Patch, ...]:
    """Every cell of a mask, with what shows that it is needed, if anything does."""
    found = []
    for place in places(mask, side):
        failure = lost(
            case.predict, case.scene, as_exported(case, without(mask, [place], side)), trial
        )
        found.append(Patch(*place, *(failure or ("", -1))))
    return tuple(found)
