"""The mask to begin with where one was met that gives the label by its outline.

Of an image without a finding the places that say most of it are those where others have theirs:
to show that there is none the mask has to hold them, and every smaller one gives the label over
anybody's image. Of an image with a finding, the smallest mask that suffices is often one of whose
outline the classifier makes the finding. In both cases another mask of the same search may not.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.case.seeds import OTHERS_SEARCH, fresh
from med_cam.pipeline.budget import MEASURED, affordable
from med_cam.pipeline.found import Found
from med_cam.pipeline.region_cuts import GROWTH, by_all, by_few, cut_of, nested
from med_cam.pipeline.shape_judges import leaking, moving
from med_cam.reduction.bisection import passing, remembered
from med_cam.reduction.ground import Ground
from med_cam.reduction.regions import pooled
from med_cam.search.disc_map import disc_map, discs, standardised
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.minimality import Mask
from med_cam.verify.shape_leakage import other_contents

COARSE = 4  # bisections for a mask that does not leak
PLACES = 5  # discs a side, where the search has none

Maps = Float[Tensor, "n 1 h w"]


@dataclass(frozen=True, slots=True)
class Silent:
    """A mask that has the margin, does not give the label by its outline and moves pictures.

    Attributes:
        scores: that it was cut from.
        mask: None if no mask is one.
    """

    scores: Float[Tensor, "1 1 h w"]
    mask: Mask | None


def without_leak(
    case: Case,
    ground: Ground,
    maps: Maps,
    share: float,
    response: BaselineResponse,
    number: int = 1,
) -> Silent:
    """The smallest such mask, of these maps and of what they say in this image alone.

    Which map has it, and at which share, differs from image to image, and none is better than the
    others in most: so all are tried. First those that say more here than in other images.

    Args:
        case: the image before the classifier.
        ground: what masks are measured on.
        maps: scores to cut it from.
        share: of the image, the least that is tried.
        response: what is predicted for baselines alone.
        number: of the certificate that it will have: what that takes is left of the budget.
    """
    rules, cut = case.config, cut_of(ground.regions)
    every = pooled(torch.cat([own_places(case, maps), maps]), ground.regions)
    leaks = remembered(leaking(case, ground, response, rules.verification.leakage_trials))
    moves, enough = moving(case, response), by_few(ground)

    def room() -> bool:
        return affordable(case, number, MEASURED)

    def passes(mask: Mask) -> bool:
        return room() and enough(mask) and not leaks(mask)

    found = passing(every, passes, smallest=share, rounds=COARSE, cut=cut)
    index, least = found[-1] if found else (0, 1.0)
    larger = min(least * GROWTH, 1.0)
    last = every[index : index + 1]
    masks = (
        *((every[i : i + 1], cut(every[i : i + 1], share)) for i, share in found),
        *((last, mask) for mask in nested(last, larger, ground.regions, rules.refinement)),
    )
    whole = by_all(ground)
    for scores, mask in masks:
        if not room():
            break
        if whole(mask) and not leaks(mask) and moves(mask):
            return Silent(scores, mask)
    return Silent(last, None)


def of_other_scores(case: Case, found: Found, number: int) -> Found | None:
    """The mask to begin with again, where a claim is lost because an outline gives the label.

    A first look at few contents had let the mask pass that was pruned. None where such scores were
    taken before, or no mask of theirs will do.

    Args:
        case: the image before the classifier.
        found: the mask that the pruning began with.
        number: which certificate the next one will be.
    """
    ground = found.ground
    if ground is None or ground.wary:
        return None
    wary = replace(ground, wary=True)
    maps = found.scores if found.maps is None else found.maps
    silent = without_leak(case, wary, maps, found.area, found.response, number)
    if silent.mask is None:
        return None
    source = exported(case, silent.mask)
    area = source.float().mean().item()
    return replace(found, mask=source, area=area, scores=silent.scores, ground=wary)


def own_places(case: Case, maps: Maps) -> Maps:
    """Scores less what other images' contents, shown in the same places, say for the label."""
    s, view, generator = case.config.search, case.batched, fresh(case, OTHERS_SEARCH)
    h, w = view.scene.x.shape[2:]
    masks = discs(h, w, s.places or PLACES, s.radii).to(view.scene.x) * case.open
    contents = other_contents(case.scene, len(masks), generator)
    names = case.config.verification.baselines
    others = disc_map(view, case.target.index, masks, names, generator, contents)
    return torch.cat([standardised(scores[None]) for scores in maps]) - others
