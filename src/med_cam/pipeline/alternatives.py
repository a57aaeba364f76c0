"""Other masks of the same image: disjoint from the one found, and those of other seeds."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from statistics import fmean

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import reseeded, under_seed
from med_cam.certification.mask_tests import suffices
from med_cam.config.rules import SEEDS
from med_cam.images.overlap import chance_iou, pairwise
from med_cam.pipeline.certify import smallest_certified
from med_cam.pipeline.propose import Found
from med_cam.results.mask_tests import Agreement, Alternative


def agreement(
    masks: Sequence[Bool[Tensor, "h w"]], seeds: Sequence[int], *, verified: int
) -> Agreement:
    """Masks of the same image under several seeds.

    Args:
        masks: at least two.
        seeds: one a mask, the explanation's own first.
        verified: how many of the masks hold their claim.
    """
    areas = [mask.float().mean().item() for mask in masks]
    return Agreement(
        seeds=tuple(seeds),
        shares=torch.stack(list(masks)).float().mean(dim=0),
        areas=tuple(areas),
        iou=fmean(pairwise(masks)),
        chance=fmean(chance_iou(a, b) for a, b in combinations(areas, 2)),
        verified=verified,
    )


def alternatives(case: Case, found: Found) -> tuple[tuple[Alternative, ...], bool]:
    """Further sufficient masks, disjoint from each other, and whether the remainder suffices.

    Found by the same search with the earlier masks forbidden, on samples of its own.

    Returns:
        The masks; and whether all that they leave of the image retains the prediction on every
        one of a few samples. It may though no further mask was found or looked for.
    """
    taken = reread(case, found.mask)
    masks: list[Alternative] = []
    for number in range(1, case.config.certification.alternatives + 1):
        rest = replace(case, open=case.open & ~taken)
        if not suffices(rest, found.response):
            return tuple(masks), False
        done = smallest_certified(reseeded(rest, number))
        if not done.claim.holds:
            return tuple(masks), True
        masks.append(Alternative(done.mask, done.area, done.claim))
        taken = taken | reread(case, done.mask)
    rest = replace(case, open=case.open & ~taken)
    return tuple(masks), suffices(rest, found.response)


def agreement_of(case: Case, found: Found) -> Agreement | None:
    """The mask against those of the seeds that follow; None if only one seed is asked for."""
    count, first = case.config.certification.seeds, case.config.seed
    if count < 2:
        return None
    seeds = [(first + i) % SEEDS for i in range(count)]
    others = [smallest_certified(under_seed(case, seed)) for seed in seeds[1:]]
    masks: list[Bool[Tensor, "h w"]] = [found.mask, *(other.mask for other in others)]
    verified = found.claim.holds + sum(other.claim.holds for other in others)
    return agreement(masks, seeds, verified=verified)
