"""From maps of scores to a mask of regions: pooled, cut, and grown until there is a margin."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import CANDIDATES, OTHERS_SEARCH, fresh
from med_cam.certification.minimality import region_side
from med_cam.config.settings import Refinement
from med_cam.pipeline.found import Found, found_on
from med_cam.reduction.bisection import Cut, Passes, remembered, smallest_passing
from med_cam.reduction.ground import Ground, ground_of, in_turn
from med_cam.reduction.regions import Regions, highest, pooled, regions_of, union, within
from med_cam.results.step import Step
from med_cam.search.disc_map import disc_map, discs, standardised
from med_cam.verify.baseline_response import BaselineResponse, baseline_rate
from med_cam.verify.consistency import Pictures, consistency, moves_none
from med_cam.verify.decision import retains
from med_cam.verify.minimality import Mask
from med_cam.verify.shape_leakage import other_contents

GROWTH = 1.2  # of a mask that leaks the label: what is too much is taken away again
COARSE = 5  # bisections for a mask that does not leak
FIRST = 4  # contents of other images: a mask that leaks over them is not tried on the rest
PLACES = 5  # discs a side, where the search has none

Maps = Float[Tensor, "n 1 h w"]


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
    return replace(found, deletion=start.deletion)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a mask begins.

    Attributes:
        scores: of the regions, pixel by pixel.
        share: of the image with the highest of them, the least that has the margin; None if not
            even the largest share tried has.
        deletion: the deletion map, if it was made.
    """

    scores: Float[Tensor, "1 1 h w"]
    share: float | None
    deletion: Maps | None = None


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
        means = torch.cat([pooled(scores[None], ground.regions) for scores in some])
        index, share = smallest_passing(
            means, passes, smallest=rules.smallest, rounds=rules.rounds, cut=cut
        )
        return Start(means[index : index + 1], share)

    start = smallest(maps)
    if further is None or (start.share or 1.0) <= rules.large:
        return start
    deletion = further()
    other = smallest(deletion)
    return replace(min(start, other, key=lambda each: each.share or 1.0), deletion=deletion)


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
                return found_on(case, smallest, scores, response, steps)
            ground = replace(ground, wary=True)
    ground, scores, found = with_margin(case, ground, scores, share or 1.0, response, moves)
    if found is None:  # larger masks leak the label or are not robust: making them smaller is vain
        return found_on(case, case.open, scores, response, steps)
    source = exported(case, found)
    area = source.float().mean().item()
    return Found(source, area, scores, (), response, steps, ground)


def cut_of(regions: Regions) -> Cut:
    """How scores are cut to a mask of whole regions."""
    return lambda scores, share: highest(scores, regions, share)


def still(case: Case, mask: Mask, response: BaselineResponse) -> bool:
    """Whether a mask moves no picture at all: then no larger one is tried, see `propose`.

    Where nothing is painted that is no sign of two faces: a network that averages what is shown,
    and nothing else, is sure by a speck that is one of thousands of places in a picture. There
    larger masks are tried, and each that is taken is asked for pictures.
    """
    shown, rules = reread(case, exported(case, mask)), case.config.verification
    return moves_none(case.claims, shown, response.pictures, case.target, rules)


def few(case: Case, response: BaselineResponse) -> Pictures | None:
    """Fewer pictures than the claim takes: the certificate decides."""
    among, count = response.pictures, case.config.refinement.consistency_trials
    if among is None:
        return None
    return replace(among, shown=among.shown[:count], log_odds=among.log_odds[:count])


Wide = tuple[Ground, Float[Tensor, "1 1 h w"], Mask | None]  # what it is reduced on, its scores


def with_margin(
    case: Case,
    ground: Ground,
    scores: Float[Tensor, "1 1 h w"],
    share: float,
    response: BaselineResponse,
    moves: Passes,
) -> Wide:
    """The smallest mask from this share on that has the margin and does not leak; None if none.

    Where one that has the margin is met that surely leaks, it is one of other scores.
    """
    rules = case.config.refinement
    leaks = leaking(case, ground, response, rules.leakage_trials, sure=True)
    for mask in having_margin(nested(scores, share, ground.regions, rules), ground):
        if leaks(mask):
            return without_leak(case, replace(ground, wary=True), scores, share, response)
        if moves(mask):
            return ground, scores, mask
    return ground, scores, None


def without_leak(
    case: Case,
    ground: Ground,
    scores: Float[Tensor, "1 1 h w"],
    share: float,
    response: BaselineResponse,
) -> Wide:
    """The smallest mask of the places that say more in this image than in others.

    Of an image without a finding these are the places where others have theirs: to show that
    there is none the mask has to hold them, and every smaller one gives the label over anybody's
    image.
    """
    rules = case.config
    own = pooled(own_places(case, scores), ground.regions)
    leaks = remembered(leaking(case, ground, response, rules.verification.leakage_trials))
    moves, enough, cut = moving(case, response), by_few(ground), cut_of(ground.regions)
    passes = remembered(lambda mask: enough(mask) and not leaks(mask))
    _, first = smallest_passing(own, passes, smallest=share, rounds=COARSE, cut=cut)
    masks = nested(own, first or 1.0, ground.regions, rules.refinement)
    for mask in having_margin(masks, ground):
        if not leaks(mask) and moves(mask):
            return ground, own, mask
    return ground, own, None


def by_few(ground: Ground) -> Passes:
    """Whether a mask has the margin on a few masked inputs, that which lost the last one first."""
    look = in_turn(ground.look_at_few)
    return lambda mask: look(within(mask, ground.regions)).slack >= 0


def having_margin(masks: Sequence[Mask], ground: Ground) -> Iterator[Mask]:
    """Those of these masks that have the margin, in their order."""
    look = in_turn(ground.look)
    return (mask for mask in masks if look(within(mask, ground.regions)).slack >= 0)


def of_other_scores(case: Case, found: Found) -> Found | None:
    """The mask to begin with again, where a claim is lost because an outline gives the label.

    A first look at few contents had let the mask pass that was pruned. None where such scores were
    taken before, or no mask of theirs will do.
    """
    ground = found.ground
    if ground is None or ground.wary:
        return None
    wary = replace(ground, wary=True)
    _, scores, mask = without_leak(case, wary, found.scores, found.area, found.response)
    if mask is None:
        return None
    source = exported(case, mask)
    area = source.float().mean().item()
    return replace(found, mask=source, area=area, scores=scores, ground=wary)


def own_places(case: Case, scores: Float[Tensor, "1 1 h w"]) -> Float[Tensor, "1 1 h w"]:
    """Scores less what other images' contents, shown in the same places, say for the label."""
    s, view, generator = case.config.search, case.batched, fresh(case, OTHERS_SEARCH)
    h, w = view.scene.x.shape[2:]
    masks = discs(h, w, s.places or PLACES, s.radii).to(view.scene.x) * case.open
    contents = other_contents(case.scene, len(masks), generator)
    names = case.config.verification.baselines
    others = disc_map(view, case.target.index, masks, names, generator, contents)
    return standardised(scores) - others


def nested(
    scores: Float[Tensor, "1 1 h w"], share: float, regions: Regions, rules: Refinement
) -> list[Mask]:
    """Masks of the regions of the highest scores from this share on, the smallest first.

    And the same with all that touch them: shifted masks need what lies around, whatever its score.
    The largest of at most half of the image is among them: what is larger says little.
    """
    masks = [highest(scores, regions, rules.large, whole=False)] if share < rules.large else []
    while share < 1.0:
        mask = highest(scores, regions, share)
        masks += [mask, surrounded(mask, regions)]
        share = share * GROWTH if share < rules.large else 1.0
    masks.append(highest(scores, regions, 1.0))
    return by_area(masks)


def by_area(masks: Sequence[Mask]) -> list[Mask]:
    """The same masks, the smallest first."""
    return sorted(masks, key=lambda mask: int(mask.sum()))


def surrounded(mask: Mask, regions: Regions) -> Mask:
    """A mask of regions with all regions that touch it."""
    near = F.max_pool2d(mask.float(), 3, stride=1, padding=1) > 0
    return union(regions, within(near, regions))


def judged_by_shape(case: Case, ground: Ground, response: BaselineResponse, trials: int) -> Passes:
    """Whether a mask's outline does not give the label, and its evidence moves other pictures.

    On fewer contents and pictures than the claim takes: the certificate decides.

    Args:
        case: the image before the classifier.
        ground: for what is painted around the contents.
        response: what is predicted for baselines alone.
        trials: contents of other images, at most.
    """
    leaks, moves = leaking(case, ground, response, trials), moving(case, response)
    return remembered(lambda mask: not leaks(mask) and moves(mask))


def leaking(
    case: Case, ground: Ground, response: BaselineResponse, trials: int, *, sure: bool = False
) -> Callable[[Mask], bool]:
    """Whether a mask's outline gives the label: over contents of other images, too many get it.

    None is looked at twice, nor more than it takes to see a leak; those that gave the label the
    last time go first. Where `sure`, a mask that leaks over so few is looked at over as many as
    the claim takes: of twenty contents two may give the label, and every third time one of these
    is among the first four.
    """
    rules, scene = case.config.verification, case.scene
    decision, infill = response.decision, ground.trial.infill
    few = min(trials, len(scene.others) or trials)
    most = max(few, min(rules.leakage_trials, len(scene.others) or few)) if sure else few
    contents = other_contents(scene, most, fresh(case, CANDIDATES))
    searched = {name: response.predictions[name] for name in rules.baselines}
    limit = baseline_rate(searched, decision) + rules.leakage_margin
    order = list(range(most))

    def leaks(mask: Mask) -> bool:
        given: list[int] = []
        for first in range(0, most, FIRST):
            if first >= few and len(given) <= limit * few:
                return False
            some = order[first : first + FIRST]
            around = infill[[i % len(infill) for i in some]]
            p = case.batched.over(mask, around, content=contents[some])
            got = retains(p, decision).tolist()
            given += [i for i, label in zip(some, got, strict=True) if label]
            if len(given) > limit * most:
                order.sort(key=lambda i: i not in given)
                return True
        return False

    return leaks


def moving(case: Case, response: BaselineResponse) -> Callable[[Mask], bool]:
    """Whether the evidence of a mask moves other pictures toward the label."""
    rules, among = case.config.verification, few(case, response)

    def moves(mask: Mask) -> bool:
        moved = consistency(case.batched, mask, among, case.target, rules)
        return all(check.passed for check in moved)

    return moves
