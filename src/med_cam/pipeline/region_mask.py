"""From maps of scores to a mask of regions: pooled, cut, and grown until there is a margin."""

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.case.seeds import CANDIDATES, fresh
from med_cam.certification.certificate import response_of
from med_cam.pipeline.found import Found
from med_cam.reduction.bisection import smallest_passing
from med_cam.reduction.ground import Ground, ground_of
from med_cam.reduction.regions import highest, pooled, regions_of, within
from med_cam.results import Step
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.consistency import consistency
from med_cam.verify.minimality import Mask
from med_cam.verify.shape_leakage import other_contents, shape_leakage

GROWTH = 1.2  # of a mask that leaks the label: what is too much is taken away again


def mask_of_regions(
    case: Case, maps: Float[Tensor, "n 1 h w"], steps: tuple[Step, ...] = ()
) -> Found:
    """A mask of whole regions that has the margin; nothing is claimed of it yet."""
    response, rules = response_of(case), case.config
    regions = regions_of(case, rules.certification.patch)
    means = torch.cat([pooled(scores[None], regions) for scores in maps])
    ground = ground_of(case, regions, response.decision)

    def cut(scores: Float[Tensor, "1 1 h w"], share: float) -> Mask:
        return highest(scores, regions, share)

    def passes(mask: Mask) -> bool:
        return ground.slack(within(mask, regions)) >= 0

    index, share = smallest_passing(
        means,
        passes,
        smallest=rules.refinement.smallest,
        rounds=rules.refinement.rounds,
        cut=cut,
    )
    scores = means[index : index + 1]
    mask = with_margin(case, ground, scores, share or 1.0, response)
    source = exported(case, mask)
    area = source.float().mean().item()
    return Found(source, area, scores, (), response, steps, ground)


def with_margin(
    case: Case,
    ground: Ground,
    scores: Float[Tensor, "1 1 h w"],
    share: float,
    response: BaselineResponse,
) -> Mask:
    """The smallest mask from this share on that has the margin and does not leak; else all."""
    silent, most = judged_by_shape(case, ground, response), case.config.refinement.large
    while share < 1.0:
        mask = highest(scores, ground.regions, share)
        units = within(mask, ground.regions)
        if ground.slack(units) >= 0 and silent(mask):
            return mask
        share = share * GROWTH if share < most else 1.0
    return highest(scores, ground.regions, 1.0)


def judged_by_shape(
    case: Case, ground: Ground, response: BaselineResponse
) -> Callable[[Mask], bool]:
    """Whether a mask's outline does not give the label, and its evidence moves other pictures.

    On fewer contents and pictures than the claim takes: the certificate decides.
    """
    rules, few = case.config.verification, case.config.refinement
    decision, infill = response.decision, ground.trial.infill
    contents = other_contents(case.scene, few.leakage_trials, fresh(case, CANDIDATES))
    searched = {name: response.predictions[name] for name in rules.baselines}
    limit = baseline_rate(searched, decision) + rules.leakage_margin
    among = response.pictures
    if among is not None:
        count = few.consistency_trials
        among = replace(among, shown=among.shown[:count], log_odds=among.log_odds[:count])

    def silent(mask: Mask) -> bool:
        view = case.batched
        if not shape_leakage(view, contents, mask, infill, decision, limit=limit).passed:
            return False
        return all(c.passed for c in consistency(view, mask, among, decision.target, rules))

    return silent
