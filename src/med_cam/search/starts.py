"""The best of several trainings, by the objective itself, on the mask as it will be cut.

A soft mask that has emptied has no gradient left to come back by. Whether that has happened can be
read from the loss: an empty mask has one too. And what counts of a soft mask is the loss of the
mask that it is cut to, since faint values carry content that the cut takes away.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.results.reference import Reference
from med_cam.results.step import OnStep, Step
from med_cam.search.disc_map import Looked
from med_cam.search.objective import objective
from med_cam.search.train import infill, search

DRAWS = 8  # random baselines over which the loss of a cut mask is taken, the same for all


def best_of_starts(
    case: Case,
    reference: Reference,
    generator: Generator,
    looked: Looked | None,
    on_step: OnStep | None = None,
) -> tuple[Float[Tensor, "n 1 h w"], tuple[Step, ...]]:
    """The maps of the search; with several starts allowed, those of the best cut mask first.

    Args:
        case: the frozen classifier, the image, the settings.
        reference: what the classifier predicts for the whole image.
        generator: on the CPU; every start goes on with it.
        looked: from `look_at_discs`, the same for every start.
        on_step: called after every step, of all starts together.

    Raises:
        ConfigError: if the loss is no number any more.
    """
    most = case.config.search.starts
    if most == 1:
        return search(case, reference, generator, looked, on_step)
    maps: list[Tensor] = []
    losses: list[float] = []
    steps: list[Step] = []
    lost = cut_loss(case, reference, torch.zeros_like(case.open))
    for _ in range(most):
        found, taken = search(case, reference, generator, looked, continued(on_step, len(steps)))
        maps += found.split(1)
        losses += [cut_loss(case, reference, (scores > 0) & case.open) for scores in found]
        steps += [replace(step, index=len(steps) + step.index) for step in taken]
        if min(losses) < lost:
            break
    order = sorted(range(len(maps)), key=losses.__getitem__)
    return torch.cat([maps[i] for i in order]), tuple(steps)


def continued(on_step: OnStep | None, before: int) -> OnStep | None:
    """The same, for steps that are counted on from those before."""
    if on_step is None:
        return None
    return lambda step: on_step(replace(step, index=before + step.index))


@torch.no_grad()
def cut_loss(case: Case, reference: Reference, mask: Bool[Tensor, "1 1 h w"]) -> float:
    """The loss of a hard mask, over the same random baselines for every mask."""
    same = Generator().manual_seed(case.config.seed)
    names = case.config.verification.baselines
    masks = mask.to(case.scene.x).expand(DRAWS, -1, -1, -1)
    seen = case.outputs.over(masks, infill(case.scene, names[:1], masks, same))
    redrawn = case.outputs.over(masks, infill(case.scene, names, masks, same))
    loss, _ = objective(seen, redrawn, masks, reference, case.config.objective)
    return loss.item()
