"""Is every patch of a case's mask needed? The numbered samples, and the exported mask on them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import CELLS, fresh
from med_cam.config.settings import Config
from med_cam.masking import FIXED
from med_cam.results import Cell, Minimality
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import (
    Mask,
    Trial,
    lost,
    needed_again,
    numbered,
    places,
    trial_of,
    without,
)
from med_cam.verify.shift_stability import DIRECTIONS


def seen_again(
    case: Case, mask: Bool[Tensor, "h1 w1"], trial: Trial, told_of: Minimality
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
        told_of,
        cells=needed_again(case.singly, case.scene, again, told_of.cell, trial, told_of.cells),
        sufficient=lost(case.singly, case.scene, again, trial) is None,
        after=mask.float().mean().item(),
    )


@dataclass(frozen=True, slots=True)
class Ground:
    """The numbered draws that masks of a case are pruned on.

    Attributes:
        draws: the fixed backgrounds, then random ones.
        first: how many of them a mask is pruned on at first.
        turn: how many of them, the first ones, take turns around shifted masks.
        distance: of the shifts.
        decision: what keeping means.
        spare: shifts that a mask may lose: half of those that its claim may, for chance.
    """

    draws: Float[Tensor, "n c h w"]
    first: int
    turn: int
    distance: int
    decision: Decision
    spare: int

    def trial(self, draws: Sequence[int], shifts: Sequence[int], *, spare: int = 0) -> Trial:
        """The composites of these numbers."""
        found = trial_of(self.draws, draws, shifts, self.distance, self.decision, turn=self.turn)
        return replace(found, spare=spare)


def ground(case: Case, decision: Decision, config: Config, *, more: int = 0) -> Ground:
    """The draws of a case; with `more` the same, and further ones behind them."""
    names, rules = config.verification.backgrounds, config.certification
    fixed = sum(name in FIXED for name in names)
    random = fixed < len(names)
    count = rules.cell_draws + rules.pool + more if random else 0
    draws = numbered(case.scene, names, count, fresh(config.seed, CELLS))
    first = fixed + rules.cell_draws if random else fixed
    turn = first + rules.pool if random else fixed
    shifts, rate = config.verification.shifts, config.verification.stable_rate
    spare = int((1 - rate) * len(DIRECTIONS) * len(shifts) + 1e-9) // 2
    return Ground(draws, first, turn, max(shifts), decision, spare)


def settled(case: Case, masks: Bool[Tensor, "n 1 h w"]) -> Bool[Tensor, "n 1 h w"]:
    """The masks as they come back from a file: the same, unless source pixels are too coarse."""
    if all(axis.source >= axis.scaled for axis in case.geometry.axes()):
        return masks
    again = [case.geometry.project(case.geometry.restore(m[None].cpu())) for m in masks]
    return torch.cat(again).to(masks.device)


def told(case: Case, mask: Mask, trial: Trial, side: int) -> tuple[Cell, ...]:
    """Every cell of a mask, with what shows that it is needed, if anything does."""
    found = []
    for place in places(mask, side):
        failure = lost(case.answer, case.scene, settled(case, without(mask, [place], side)), trial)
        found.append(Cell(*place, *(failure or ("", -1))))
    return tuple(found)
