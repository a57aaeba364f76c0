"""The discrete stage on a case: the mask pruned cell by cell, until new draws do not break it.

What breaks a pruned mask joins what it has to survive (counterexample-guided, as in Clarke et al.
2003, doi 10.1145/876638.876643); cells are put back until it does, and pruned again.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.certification.minimality import Ground, settled
from med_cam.masking import composite
from med_cam.reduction.delta_debugging import Lost, Pruned, despeckled, pruned
from med_cam.results import Cell
from med_cam.verify.minimality import Mask, Trial, gap_of, gaps, joined, lost, part, survived
from med_cam.verify.shift_stability import DIRECTIONS

ROUNDS = 3  # of pruning again on the same new draws


@dataclass(frozen=True, slots=True)
class Whittled:
    """A mask of which no cell can be spared, on a trial that new draws have been added to.

    Attributes:
        way: masks from the one it was cut from to it, each within the one before.
        side: of a cell, in pixels.
        cells: its cells, with what shows that each is needed.
        trial: what it survives.
        rounds: how often it was pruned.
        tested: removals tried in all rounds.
    """

    way: tuple[Mask, ...]
    side: int
    cells: tuple[Cell, ...]
    trial: Trial
    rounds: int
    tested: int

    @property
    def mask(self) -> Mask:
        """What is left."""
        return self.way[-1]


def whittled(case: Case, start: Mask, on: Ground, side: int) -> Whittled:
    """Prune a mask; then, while draws of the pool break it, again with those.

    Composites that not even the start survives are left out; `Minimality` lists the others.
    """
    known = on.trial(range(on.first), range(len(DIRECTIONS)), spare=on.spare)
    trial = survived(case.answer, case.scene, start, known)
    if not any(kind == "draw" for kind, _ in trial.names):
        return Whittled((start,), side, (), trial, 1, 0)
    clean = despeckled(start, side, failing(case, trial))
    found = cut(case, clean, trial, side)
    way = found.way if torch.equal(clean, start) else (start, *found.way)
    first = Whittled(way, side, found.cells, trial, 1, found.tested)
    pool = on.trial(range(on.first, len(on.draws)), ())
    return withstanding(case, first, pool)


def withstanding(case: Case, before: Whittled, new: Trial) -> Whittled:
    """The same mask, put back and pruned again, on what of a new trial breaks it.

    At most `ROUNDS` times: what breaks it still is left to the certificate.
    """
    now = before
    for _ in range(ROUNDS):
        broken = breaking(case, now, new)
        if not broken.names and lost(case.answer, case.scene, now.mask, now.trial) is None:
            break
        trial = joined(broken, now.trial)
        back = put_back(case, now.way, trial)
        found = cut(case, back[-1], trial, now.side)
        way, tested = back[:-1] + found.way, now.tested + found.tested
        now = Whittled(way, now.side, found.cells, trial, now.rounds + 1, tested)
    return now


def breaking(case: Case, now: Whittled, new: Trial) -> Trial:
    """What of a new trial the mask does not survive, though the mask it was cut from does."""
    gap = gaps(case.answer, case.scene, now.mask, new)
    lost_on = [i for i in gap.argsort(stable=True).tolist() if gap[i] < 0]
    return survived(case.answer, case.scene, now.way[0], part(new, lost_on))


def put_back(case: Case, way: tuple[Mask, ...], trial: Trial) -> tuple[Mask, ...]:
    """The way as far as the smallest mask on it that survives a trial; its start at the least."""
    for end in range(len(way), 1, -1):
        if lost(case.answer, case.scene, way[end - 1], trial) is None:
            return way[:end]
    return way[:1]


def cut(case: Case, start: Mask, trial: Trial, side: int) -> Pruned:
    """`prune.pruned` with this case's classifier."""
    draw = next(i for i, name in enumerate(trial.names) if name[0] == "draw")
    around, name = trial.around[draw : draw + 1], trial.names[draw]

    def weigh(masks: Bool[Tensor, "n 1 h w"]) -> Float[Tensor, " n"]:
        soft = settled(case, masks).to(case.scene.x)
        return gap_of(case.answer(composite(case.scene.x, soft, around)), trial.decision)

    return pruned(start, side, weigh, failing(case, trial), name)


def failing(case: Case, trial: Trial) -> Lost:
    """On which composite of a trial a mask fails, as exported."""

    def fails(mask: Mask, hint: tuple[str, int] | None) -> tuple[str, int] | None:
        return lost(case.answer, case.scene, settled(case, mask), trial, hint)

    return fails
