"""The explanation the other way round: which regions to judge, found by few passes in batches."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.case.seeds import QUIET_SEARCH, REGION_SEARCH, RUNNER_UP_SEARCH, fresh
from med_cam.certification.contrast import (
    EACH,
    limits_of,
    needs_contrast,
    quiet_region,
    runner_up,
    runner_up_of,
)
from med_cam.masking.masks import keep_most
from med_cam.masking.samplers import baselines_in_turn
from med_cam.results.claim import Claim
from med_cam.results.contrast import Contrast
from med_cam.search.disc_map import Looked, discs, shown_alone
from med_cam.verify.contrast import log_odds, parts_shown, rises, smooth_parts
from med_cam.verify.minimality import numbered

PLACES, RADII = 5, (0.5, 0.3)  # 50 discs
AREAS = (0.05, 0.15)  # of the image, cut from the map for the region that speaks most
SOFT = 16  # a side over this is how far the map is smoothed, in pixels
REGIONS = (1.0, 0.6, 0.3)  # of the image, to be shown in parts, the largest first
TRIED = 12  # random parts of each before it is judged


def contrast_of(case: Case, claim: Claim, looked: Looked | None = None) -> Contrast | None:
    """What would have to be there for another label; None where that is not asked.

    At most 173 passes over one fixed and one random baseline: 15 to choose among regions, 12 to 36
    for the part that may be shown, and on samples of their own 59 and 63 for the judgement. Where
    no search has looked at discs, some 50 more.

    Args:
        case: the image before the classifier.
        claim: on its mask.
        looked: the discs that the search looked at.
    """
    if not needs_contrast(case, claim.given_by):
        return None
    label = runner_up_of(case).index
    looked = looked or discs_alone(case)
    masks, odds = looked.masks.bool(), log_odds(looked.p[:, label])
    scores = spoken_for(case, masks, odds)
    quiet = quiet_region(case, exported(case, widest(case, scores)))
    region = strongest(case, [*cuts(case, scores), *best_discs(masks, odds, looked.radii)], label)
    return Contrast(quiet, runner_up(case, exported(case, region)))


def discs_alone(case: Case) -> Looked:
    """Discs all over the image, and what is predicted with each shown alone."""
    h, w = case.scene.x.shape[2:]
    masks = discs(h, w, PLACES, RADII).to(case.scene.x) * case.scene.valid
    names, generator = case.config.verification.baselines, fresh(case, RUNNER_UP_SEARCH)
    return Looked(masks, shown_alone(case.batched, masks, names, generator), len(RADII))


def spoken_for(
    case: Case, masks: Bool[Tensor, "n 1 h w"], odds: Float[Tensor, " n"]
) -> Float[Tensor, "1 1 h w"]:
    """Mean log-odds over the discs that hold a pixel, smoothed; lowest off the image."""
    held = masks.to(case.scene.x)
    total = (held * odds.to(held)[:, None, None, None]).sum(dim=0, keepdim=True)
    count = held.sum(dim=0, keepdim=True)
    scores = torch.where(count > 0, total / count.clamp(min=1), odds.min().to(held))
    radius = max(1, min(scores.shape[2:]) // SOFT)
    for _ in range(2):  # else a cut has the arcs of single discs as its outline
        scores = F.avg_pool2d(scores, 2 * radius + 1, 1, radius, count_include_pad=False)
    return scores.masked_fill(~case.scene.valid, -99.0)


def cuts(case: Case, scores: Float[Tensor, "1 1 h w"]) -> list[Bool[Tensor, "1 1 h w"]]:
    """The places that speak most for the label, of each area."""
    return [keep_most(scores, area) & case.scene.valid for area in AREAS]


def best_discs(
    masks: Bool[Tensor, "n 1 h w"], odds: Float[Tensor, " n"], radii: int
) -> list[Bool[Tensor, "1 1 h w"]]:
    """Of each radius the disc that speaks most for the label."""
    return [
        some[int(theirs.argmax())][None]
        for some, theirs in zip(masks.chunk(radii), odds.chunk(radii), strict=True)
    ]


def strongest(
    case: Case, regions: Sequence[Bool[Tensor, "1 1 h w"]], label: int
) -> Bool[Tensor, "1 1 h w"]:
    """Of some regions the one that raises the label most, on samples of its own."""
    names, generator = case.config.verification.baselines, fresh(case, REGION_SEARCH)
    infill = numbered(case.scene, names, EACH, generator)
    rise, _, _ = rises(case.batched, torch.cat(list(regions)), infill, label)
    return regions[int(rise.argmax())]


def widest(case: Case, scores: Float[Tensor, "1 1 h w"]) -> Bool[Tensor, "1 1 h w"]:
    """The largest region of which no random part brings another label up, on a few.

    What speaks most for the runner-up is hidden first. The smallest if none is quiet.
    """
    rules, generator = case.config.verification, fresh(case, QUIET_SEARCH)
    for region in narrower(case, scores):
        parts = smooth_parts(region, TRIED, generator)
        infill = baselines_in_turn(rules.baselines, case.scene, TRIED, generator)
        found = parts_shown(case.batched, parts, infill, limits_of(case), rules.confidence)
        if found.hits == found.trials:
            break
    return region


def narrower(case: Case, scores: Float[Tensor, "1 1 h w"]) -> Iterator[Bool[Tensor, "1 1 h w"]]:
    """The whole image, then less and less of it."""
    yield case.scene.valid
    for share in REGIONS[1:]:
        against = keep_most(-scores.masked_fill(~case.scene.valid, 99.0), share)
        yield against & case.scene.valid
