"""From maps of scores to a mask of regions: pooled, cut, and grown until there is a margin."""

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import CANDIDATES, fresh
from med_cam.certification.minimality import region_side
from med_cam.pipeline.found import Found, found_on
from med_cam.reduction.bisection import smallest_passing
from med_cam.reduction.ground import Ground, ground_of
from med_cam.reduction.regions import Regions, highest, pooled, regions_of, union, within
from med_cam.results.step import Step
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.consistency import Pictures, consistency, moves_none
from med_cam.verify.minimality import Mask
from med_cam.verify.shape_leakage import other_contents, shape_leakage

GROWTH = 1.2  # of a mask that leaks the label: what is too much is taken away again


def mask_of_regions(
    case: Case,
    maps: Float[Tensor, "n 1 h w"],
    response: BaselineResponse,
    steps: tuple[Step, ...] = (),
) -> Found:
    """A mask of whole regions that has the margin; nothing is claimed of it yet."""
    rules = case.config
    regions = regions_of(case, region_side(case))
    means = torch.cat([pooled(scores[None], regions) for scores in maps])
    ground = ground_of(case, regions, response.decision)

    def cut(scores: Float[Tensor, "1 1 h w"], share: float) -> Mask:
        return highest(scores, regions, share)

    def passes(mask: Mask) -> bool:
        return ground.slack_of_few(within(mask, regions)) >= 0

    index, share = smallest_passing(
        means,
        passes,
        smallest=rules.refinement.smallest,
        rounds=rules.refinement.rounds,
        cut=cut,
    )
    scores = means[index : index + 1]
    if share is not None:
        smallest = cut(scores, share)
        if still(case, smallest, response):
            return found_on(case, smallest, scores, response, steps)
    mask = with_margin(case, ground, scores, share or 1.0, response)
    if mask is None:  # larger masks leak the label or are not robust: making them smaller is vain
        return found_on(case, case.open, scores, response, steps)
    source = exported(case, mask)
    area = source.float().mean().item()
    return Found(source, area, scores, (), response, steps, ground)


def still(case: Case, mask: Mask, response: BaselineResponse) -> bool:
    """Whether a mask moves no picture at all: then no larger one is tried, see `propose`."""
    shown, rules = reread(case, exported(case, mask)), case.config.verification
    some = consistency(case.batched, mask, few(case, response), case.target, rules)
    refused = not all(check.passed for check in some)
    return refused and moves_none(case.single, shown, response.pictures, case.target, rules)


def few(case: Case, response: BaselineResponse) -> Pictures | None:
    """Fewer pictures than the claim takes: the certificate decides."""
    among, count = response.pictures, case.config.refinement.consistency_trials
    if among is None:
        return None
    return replace(among, shown=among.shown[:count], log_odds=among.log_odds[:count])


def with_margin(
    case: Case,
    ground: Ground,
    scores: Float[Tensor, "1 1 h w"],
    share: float,
    response: BaselineResponse,
) -> Mask | None:
    """The smallest mask from this share on that has the margin and does not leak; None if none.

    Tried are the regions of the highest scores, and the same with all that touch them: shifted
    masks need what lies around, whatever its score.
    """
    rules, masks = case.config.refinement, []
    silent = judged_by_shape(case, ground, response, rules.leakage_trials)
    while share < 1.0:
        mask = highest(scores, ground.regions, share)
        masks += [mask, surrounded(mask, ground.regions)]
        share = share * GROWTH if share < rules.large else 1.0
    masks.append(highest(scores, ground.regions, 1.0))
    for mask in sorted(masks, key=lambda mask: int(mask.sum())):
        if ground.slack(within(mask, ground.regions)) >= 0 and silent(mask):
            return mask
    return None


def surrounded(mask: Mask, regions: Regions) -> Mask:
    """A mask of regions with all regions that touch it."""
    near = F.max_pool2d(mask.float(), 3, stride=1, padding=1) > 0
    return union(regions, within(near, regions))


def judged_by_shape(
    case: Case, ground: Ground, response: BaselineResponse, trials: int
) -> Callable[[Mask], bool]:
    """Whether a mask's outline does not give the label, and its evidence moves other pictures.

    On fewer contents and pictures than the claim takes: the certificate decides.

    Args:
        case: the image before the classifier.
        ground: for what is painted around the contents.
        response: what is predicted for baselines alone.
        trials: contents of other images.
    """
    rules = case.config.verification
    decision, infill = response.decision, ground.trial.infill
    contents = other_contents(case.scene, trials, fresh(case, CANDIDATES))
    searched = {name: response.predictions[name] for name in rules.baselines}
    limit = baseline_rate(searched, decision) + rules.leakage_margin
    among = few(case, response)

    def silent(mask: Mask) -> bool:
        view = case.batched
        if not shape_leakage(view, contents, mask, infill, decision, limit=limit).passed:
            return False
        return all(c.passed for c in consistency(view, mask, among, decision.target, rules))

    return silent
