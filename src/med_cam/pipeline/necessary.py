"""Necessary first: the smallest region whose removal changes the prediction.

Most of the image stays as it was, so that a classifier that never saw a masked image can carry
such a claim. The deletion map and the scores of the search are cut at the smallest area that
changes the prediction on a few samples; then the parts that are not needed go.
"""

from dataclasses import replace
from functools import partial
from itertools import chain

from med_cam.case.round_trip import exported
from med_cam.case.seeds import LACK_SEARCH, fresh
from med_cam.certification.ladder import necessary
from med_cam.pipeline.parts import BACK, passes_of_pruning, pruned
from med_cam.pipeline.rung import (
    ROUNDS,
    Now,
    Step,
    clearly,
    judged,
    refused,
    region_of,
    smallest_of_maps,
    too_many,
)
from med_cam.removal.samples import Sampled
from med_cam.verify.minimality import Mask, numbered
from med_cam.verify.rungs import changed_by

FEW, MORE = 3, 12  # random samples that a region is tried on, and further ones in the end
CLEAR = 0.4  # by how much another class has to lead there: what just changes often does not later
GROWN = (1.3, 1.7)  # areas of larger cuts that are tried after that
NOT_FOUND = "hiding up to half of the image does not surely change the prediction"


def necessary_step(now: Now) -> Step:
    """The smallest region found, judged."""
    case, decision = now.case, now.found.response.decision
    generator = fresh(case, LACK_SEARCH)
    names = case.config.verification.baselines
    on, further = (numbered(case.scene, names, n, generator) for n in (FEW, MORE))
    cuts = len(now.maps) * (ROUNDS + 1)
    most = len(on) * cuts + passes_of_pruning(on)
    most += (len(BACK) + 1 + len(GROWN)) * len(further)
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
    margins = partial(changed_by, case.batched, now.found.response.decision)
    cut = smallest_of_maps(now, few, margins, CLEAR)
    if cut is None:
        return None
    share, scores = cut
    large = case.config.refinement.large
    first = region_of(now, scores, share)
    larger = (region_of(now, scores, min(share * by, large)) for by in GROWN)
    tried = chain(pruned(now, first, few, margins, CLEAR), (first,), larger)
    return next((mask for mask in tried if clearly(margins(mask, further))), None)
