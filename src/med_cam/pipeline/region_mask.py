"""From maps of scores to a mask of regions: pooled, cut, and grown until there is a margin."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.certification.minimality import region_side
from med_cam.pipeline.found import Found, unclaimed
from med_cam.pipeline.other_scores import Maps, Silent, without_leak
from med_cam.pipeline.region_cuts import by_few, cut_of, having_margin, nested
from med_cam.pipeline.shape_judges import leaking, moving, still
from med_cam.reduction.bisection import Passes, remembered, smallest_passing
from med_cam.reduction.ground import Ground, ground_of
from med_cam.reduction.regions import pooled, regions_of
from med_cam.results.step import Step
from med_cam.verify.baseline_response import BaselineResponse


def mask_of_regions(
    case: Case,
    maps: Maps,
    response: BaselineResponse,
    steps: tuple[Step, ...] = (),
    further: Callable[[], Maps] | None = None,
) -> Found:
    """A mask of whole regions that has the margin; nothing is claimed of it yet.

    Args:
        case: the image before the classifier.
        maps: scores to cut the mask from.
        response: what is predicted for baselines alone.
        steps: of the search for the maps.
        further: makes the deletion map, which is tried too where that mask begins large.
    """
    regions = regions_of(case, region_side(case))
    ground = ground_of(case, regions, response.decision)
    start = start_of(case, maps, ground, further)
    found = found_from(case, start, ground, response, steps)
    return replace(found, maps=start.maps, deletion=start.deletion)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a mask begins.

    Attributes:
        scores: of the regions, pixel by pixel.
        share: of the image with the highest of them, the least that has the margin; None if not
            even the largest share tried has.
        maps: those that the scores were chosen from, the deletion map among them.
        deletion: the deletion map, if it was made.
    """

    scores: Float[Tensor, "1 1 h w"]
    share: float | None
    maps: Maps
    deletion: Float[Tensor, "1 1 h w"] | None = None


def start_of(
    case: Case, maps: Maps, ground: Ground, further: Callable[[], Maps] | None = None
) -> Start:
    """The scores of which the smallest share has the margin.

    The search draws areas up to `search.largest`, and says little of what is needed beyond. Where
    its masks begin with more than `refinement.large`, the map of what each place costs if it is
    hidden is tried too.
    """
    rules, cut = case.config.refinement, cut_of(ground.regions)
    passes = remembered(by_few(ground))

    def smallest(some: Maps) -> Start:
        means = pooled(some, ground.regions)
        index, share = smallest_passing(
            means, passes, smallest=rules.smallest, rounds=rules.rounds, cut=cut
        )
        return Start(means[index : index + 1], share, some)

    start = smallest(maps)
    if further is None or (start.share or 1.0) <= rules.large:
        return start
    deletion = further()
    better = min(start, smallest(deletion), key=lambda each: each.share or 1.0)
    return replace(better, maps=torch.cat([maps, deletion]), deletion=deletion)


def found_from(
    case: Case, start: Start, ground: Ground, response: BaselineResponse, steps: tuple[Step, ...]
) -> Found:
    """The smallest mask from there on that has the margin, does not leak and moves pictures."""
    scores, share = start.scores, start.share
    moves = remembered(moving(case, response))
    if share is not None:
        smallest = cut_of(ground.regions)(scores, share)
        if not moves(smallest) and still(case, smallest, response):
            if not case.nothing_painted:
                return unclaimed(case, smallest, scores, response, steps)
            ground = replace(ground, wary=True)
    wide, found = with_margin(case, ground, start, response, moves)
    if found.mask is None:  # larger masks leak or are not robust: to make them smaller is vain
        return unclaimed(case, case.open, found.scores, response, steps)
    return unclaimed(case, found.mask, found.scores, response, steps, wide)


def with_margin(
    case: Case, ground: Ground, start: Start, response: BaselineResponse, moves: Passes
) -> tuple[Ground, Silent]:
    """The smallest mask from this start on that has the margin and does not leak.

    Where one that has the margin is met that surely leaks, it is one of other scores. With what
    it is to be reduced on.
    """
    rules, scores, share = case.config.refinement, start.scores, start.share or 1.0
    leaks = leaking(case, ground, response, rules.leakage_trials, sure=True)
    for mask in having_margin(nested(scores, share, ground.regions, rules), ground):
        if leaks(mask):
            ground = replace(ground, wary=True)
            return ground, without_leak(case, ground, start.maps, share, response)
        if moves(mask):
            return ground, Silent(scores, mask)
    return ground, Silent(scores, None)
