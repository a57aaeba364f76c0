"""Necessary first: the smallest region whose removal changes the prediction.

Most of the image stays as it was, so that a classifier that never saw a masked image can carry
such a claim. The deletion map and the scores of the search are cut at the smallest area that
changes the prediction on a few samples; then the parts that are not needed go.
"""

from dataclasses import replace
from itertools import chain

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.round_trip import exported
from med_cam.case.seeds import LACK_SEARCH, fresh
from med_cam.certification.ladder import necessary
from med_cam.pipeline.certify import side_of
from med_cam.pipeline.rung import (
    ROUNDS,
    Now,
    Step,
    clearly,
    judged,
    refused,
    region_of,
    smallest_share,
    too_many,
)
from med_cam.reduction.regions import union, within
from med_cam.removal.samples import Sampled
from med_cam.verify.minimality import Mask, numbered, places, without
from med_cam.verify.rungs import changed_by

FEW, MORE = 3, 12  # random samples that a region is tried on, and further ones in the end
CLEAR = 0.4  # by how much another class has to lead there: what just changes often does not later
BACK = (1.0, 0.6, 0.0)  # of the parts that can go on few samples, those that go on more
GROWN = (1.3, 1.7)  # areas of larger cuts that are tried after that
NOT_FOUND = "hiding up to half of the image does not surely change the prediction"
CELLS, SIDE = 24, 16  # parts of a region at most; pixels a side of a square at least


def necessary_step(now: Now) -> Step:
    """The smallest region found, judged."""
    case, decision = now.case, now.found.response.decision
    generator = fresh(case, LACK_SEARCH)
    names = case.config.verification.baselines
    on, further = (numbered(case.scene, names, n, generator) for n in (FEW, MORE))
    cuts = len(now.maps) * (ROUNDS + 1) + ROUNDS
    most = len(on) * cuts + CELLS + (len(BACK) + len(GROWN)) * len(further)
    if not now.maps or now.room < most:
        return Step(too_many("necessary"))
    begun = case.cost().forward
    region = smallest_region(now, (on, further))
    if region is None:
        return Step(refused("necessary", NOT_FOUND))
    mask = exported(case, region)
    later = replace(now, room=now.room - case.cost().forward + begun)
    return judged(later, mask, necessary(case, decision))


def smallest_region(now: Now, on: tuple[Sampled, Sampled]) -> Mask | None:
    """The smallest region without which the prediction clearly changes, of those tried.

    Tried are the smallest cut of a map, pruned; with parts back; then larger cuts.

    Args:
        now: where the ladder stands.
        on: samples for every region, and further ones for the last.
    """
    case, (few, further) = now.case, on
    cuts = [(smallest_cut(now, scores, few), scores) for scores in now.maps]
    passing = [(share, scores) for share, scores in cuts if share is not None]
    if not passing:
        return None
    share, scores = min(passing, key=lambda cut: cut[0])
    large = case.config.refinement.large
    larger = (region_of(now, scores, min(share * by, large)) for by in GROWN)
    tried = chain(pruned(now, region_of(now, scores, share), few), larger)
    decision = now.found.response.decision
    clear = (m for m in tried if clearly(changed_by(case.batched, decision, m, further)))
    return next(clear, None)


def smallest_cut(now: Now, scores: Float[Tensor, "1 1 h w"], on: Sampled) -> float | None:
    """The smallest share of a map that changes the prediction on all samples."""
    rules = now.case.config.refinement

    def enough(share: float) -> bool:
        return changes(now, region_of(now, scores, share), on)

    return smallest_share(enough, rules.smallest, rules.large)


def changes(now: Now, region: Mask, on: Sampled) -> bool:
    """Whether hiding a region changes the prediction clearly on all samples."""
    margins = changed_by(now.case.batched, now.found.response.decision, region, on)
    return bool(region.any()) and bool((margins >= CLEAR).all())


def pruned(now: Now, region: Mask, on: Sampled) -> list[Mask]:
    """The region without as many parts as can go; then with more and more of them back.

    Each part is left out once, on one sample in turn: those go first that are missed least. The
    number of those that go is bisected.
    """
    case, decision = now.case, now.found.response.decision
    parts = parts_of(now, region)
    alone = torch.cat([region & ~part for part in parts])
    turns = on[[i % len(on) for i in range(len(parts))]]
    margins = changed_by(case.batched, decision, alone, turns).tolist()
    order = sorted(range(len(parts)), key=lambda i: margins[i], reverse=True)

    def less(count: int) -> Mask:
        gone = [parts[i] for i in order[:count]]
        return region & ~torch.cat(gone).any(dim=0, keepdim=True) if gone else region

    low, high = 0, len(parts) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if changes(now, less(middle), on):
            low = middle
        else:
            high = middle - 1
    return [less(int(share * low)) for share in BACK]


def parts_of(now: Now, region: Mask) -> list[Mask]:
    """The region in at most `CELLS` parts.

    Whole regions of the image where masks are made of them, those together that lie in one square
    by the middle one of their pixels; else squares.
    """
    side = side_of(region, now.case.config.certification.patch or SIDE, CELLS)
    regions = now.regions
    if regions is None:
        return [region & ~without(region, [place], side) for place in places(region, side)]
    together: dict[tuple[int, int], list[int]] = {}
    for unit in sorted(within(region, regions)):
        rows, columns = (regions[0, 0] == unit).nonzero(as_tuple=True)
        middle = len(rows) // 2
        place = int(rows[middle]) // side, int(columns[middle]) // side
        together.setdefault(place, []).append(unit)
    return [union(regions, units) for units in together.values()]
