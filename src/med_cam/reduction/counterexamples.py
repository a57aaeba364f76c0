"""The 1-minimal reduction of a case's mask, patch by patch, until new samples do not break it.

Samples that break a reduced mask join those it has to survive (counterexample-guided refinement,
as in Clarke et al. 2003, doi 10.1145/876638.876643); patches are put back until it does, and it is
reduced again.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.certification.minimality import SampleSet, as_exported
from med_cam.reduction.delta_debugging import Lost, Pruned, despeckled, pruned
from med_cam.results.minimality import Patch
from med_cam.verify.minimality import Mask, Trial, gap_of, gaps, joined, lost, part, survived
from med_cam.verify.shift_stability import DIRECTIONS

ROUNDS = 3  # of pruning again on the same new samples


@dataclass(frozen=True, slots=True)
class Reduced:
    """A mask of which no patch can be spared, on a trial that new samples have been added to.

    Attributes:
        trajectory: masks from the one it was cut from to it, each within the one before.
        side: of a patch, in pixels.
        patches: its patches, with the witness that each is needed.
        trial: what it survives.
        rounds: how often it was reduced.
        tested: removals tried in all rounds.
    """

    trajectory: tuple[Mask, ...]
    side: int
    patches: tuple[Patch, ...]
    trial: Trial
    rounds: int
    tested: int

    @property
    def mask(self) -> Mask:
        """What is left."""
        return self.trajectory[-1]


def reduced(case: Case, start: Mask, on: SampleSet, side: int) -> Reduced:
    """Reduce a mask; then, while samples of the pool break it, again with those.

    Masked inputs that not even the start survives are left out; `Minimality` lists the others.
    """
    known = on.trial(range(on.first), range(len(DIRECTIONS)), tolerance=on.tolerance)
    trial = survived(case.batched, start, known)
    if not any(kind == "sample" for kind, _ in trial.names):
        return Reduced((start,), side, (), trial, 1, 0)
    clean = despeckled(start, side, failing(case, trial))
    found = cut(case, clean, trial, side)
    trajectory = found.trajectory if torch.equal(clean, start) else (start, *found.trajectory)
    first = Reduced(trajectory, side, found.patches, trial, 1, found.tested)
    pool = on.trial(range(on.first, len(on.samples)), ())
    return refined(case, first, pool)


def refined(case: Case, before: Reduced, new: Trial) -> Reduced:
    """The same mask, put back and reduced again, on what of a new trial breaks it.

    At most `ROUNDS` times: what breaks it still is left to the certificate.
    """
    now = before
    for _ in range(ROUNDS):
        broken = breaking(case, now, new)
        if not broken.names and lost(case.batched, now.mask, now.trial) is None:
            break
        trial = joined(broken, now.trial)
        back = restored(case, now.trajectory, trial)
        found = cut(case, back[-1], trial, now.side)
        trajectory, tested = back[:-1] + found.trajectory, now.tested + found.tested
        now = Reduced(trajectory, now.side, found.patches, trial, now.rounds + 1, tested)
    return now


def breaking(case: Case, now: Reduced, new: Trial) -> Trial:
    """What of a new trial the mask does not survive, though the mask it was cut from does."""
    gap = gaps(case.batched, now.mask, new)
    lost_on = [i for i in gap.argsort(stable=True).tolist() if gap[i] < 0]
    return survived(case.batched, now.trajectory[0], part(new, lost_on))


def restored(case: Case, trajectory: tuple[Mask, ...], trial: Trial) -> tuple[Mask, ...]:
    """The trajectory up to its smallest mask that survives a trial; its start at the least."""
    for end in range(len(trajectory), 1, -1):
        if lost(case.batched, trajectory[end - 1], trial) is None:
            return trajectory[:end]
    return trajectory[:1]


def cut(case: Case, start: Mask, trial: Trial, side: int) -> Pruned:
    """`delta_debugging.pruned` with this case's classifier."""
    hardest = next(i for i, name in enumerate(trial.names) if name[0] == "sample")
    infill, name = trial.infill[hardest : hardest + 1], trial.names[hardest]

    def weigh(masks: Bool[Tensor, "n 1 h w"]) -> Float[Tensor, " n"]:
        return gap_of(case.batched.over(as_exported(case, masks), infill), trial.decision)

    return pruned(start, side, weigh, failing(case, trial), name)


def failing(case: Case, trial: Trial) -> Lost:
    """On which masked input of a trial a mask fails, as exported."""

    def fails(mask: Mask, hint: tuple[str, int] | None) -> tuple[str, int] | None:
        return lost(case.batched, as_exported(case, mask), trial, hint)

    return fails
