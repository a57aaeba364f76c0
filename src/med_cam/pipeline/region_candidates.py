"""Masks of regions to certify, the smallest first, and which of their parts are needed."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import labels_exported, reread
from med_cam.certification.minimality import first_pixels, region_side, retested, sample_set
from med_cam.pipeline.budget import (
    MEASURED,
    affordable,
    and_another,
    contrast_passes,
    keeping,
    parts_affordable,
    spared_passes,
)
from med_cam.pipeline.found import Found
from med_cam.pipeline.region_cuts import by_area
from med_cam.pipeline.shape_judges import judged_by_shape
from med_cam.reduction.corners import rounded
from med_cam.reduction.ground import LOOKS, Ground, Units, further, in_turn
from med_cam.reduction.merging import Part, borders_of, merged, neighbours
from med_cam.reduction.region_pruning import Pruned, Rules, pruned
from med_cam.reduction.regions import highest, within
from med_cam.reduction.splitting import flaws, split
from med_cam.reduction.superpixels import SMALLEST
from med_cam.results.minimality import Minimality, Patch
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.minimality import Mask

WIDER = 1.1  # times the area of a mask that was refused: a region more seldom helps
HARDLY = 1.25  # times it: less is refused as often as not
UNKNOWN = 1.5  # times it, of a mask that nothing is known of
RESERVED = 4 * MEASURED  # passes kept back for what comes after the pruning
CONTENTS = 10  # of other images, on which the outline of a mask must not give the label
SWEEP = 400  # passes of the pruning of a large mask: with as many it is below half, if ever
AT_MOST = 32  # passes that test the parts again, and those that show the mask itself
FINER = 2  # a side of a region over this is that of those that it is split into


@dataclass(frozen=True, slots=True)
class Reached:
    """A mask of regions to certify.

    Attributes:
        mask: in the model input.
        ground: the regions that it is made of.
        tested: removals that were tried before it was reached.
        cut_short: whether the budget of passes ended that.
    """

    mask: Mask
    ground: Ground
    tested: int = 0
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Larger:
    """Masks that may be tried, the smallest first.

    Attributes:
        masks: the pruned one, those it was cut from, then larger ones; the last is all.
        start: the mask that the pruning began with; it had its margin and did not leak.
        silent: whether a mask does not give the label by its outline.
        wary: whether that is asked of the first one too; its claim asks it anyway, before any
            sample of a certificate is looked at.
    """

    masks: list[Units]
    start: Units
    silent: Callable[[Mask], bool]
    wary: bool


def by_regions(
    case: Case,
    found: Found,
    ground: Ground,
    number: Callable[[], int] = lambda: 1,
    kept: int = 0,
) -> Iterator[Reached]:
    """The masks to certify, in order: the pruned one, those it was cut from, then larger ones.

    Where one was met that leaks, or the mask is so large that smaller ones are likely to, none
    that leaks is taken on the way.

    Regions are pruned, those that are left are split, and pruned again: coarse first. Each mask
    has a margin on samples that it was not pruned on, a wider one after each refusal, does not
    give the label by its outline, and has, if that keeps the margin, no right angle that is not in
    the image. Of what was pruned, what was taken away last comes back first: 1, 2, 4, ... regions.

    Args:
        case: the image before the classifier.
        found: the mask that was found.
        ground: what it was found on.
        number: which certificate the next one will be.
        kept: passes of the budget that are left over for weaker claims, after large masks.
    """
    rules = case.config.certification
    begun = case.cost().forward
    start = within(reread(case, found.mask), ground.regions)
    silent = silent_on(case, ground, found.response)
    large = found.area > case.config.refinement.large
    wary = ground.wary or large

    def enough(more: int) -> bool:
        if not large:
            return and_another(case, 1, more + kept_back(case, found))
        first = case.cost().forward + more - begun <= SWEEP
        return and_another(case, 1, more + (0 if first else kept))

    ground, now = pruned_twice(case, start, ground, enough, silent if wary else None)
    back = [now.trajectory[-1 - count] for count in counts(len(now.trajectory))]
    masks = [now.units, *back, *grown(case, found, ground)]
    larger = Larger(masks, now.trajectory[0], silent, wary)
    turn, last, short = 0, Units(), now.cut_short
    while turn <= rules.rounds + rules.grown:
        area = ground.mask(last or now.units).float().mean().item()
        held = keeping(case, kept, area)
        wider = next_wider(held, larger, last, further(case, ground, turn), number())
        if wider.units is None and turn:
            return
        last, short = wider.units or now.units, short or wider.short
        shown = ground
        if (drawn := wider.drawn) is not None:
            shown = ground.with_borders(drawn.regions, drawn.larger, case.batched)
        yield Reached(shown.mask(last), shown, now.tested, short)
        turn += 1


def kept_back(case: Case, found: Found) -> int:
    """Passes that the pruning leaves over: half as many where it has much to take away.

    Those of the explanation the other way round are among them. What the samples of certificates
    do not take is left for masks after a refusal: the pruning's last passes gain less.
    """
    much = found.area > case.config.refinement.large / 2
    spared = spared_passes(case, 1) + spared_passes(case, 2)
    return max(RESERVED // (1 + much) - contrast_passes(case), 0) + spared


def silent_on(case: Case, ground: Ground, response: BaselineResponse) -> Callable[[Mask], bool]:
    """Whether a mask does not give the label by its outline.

    On some of the contents that the claim takes; on all where one was met that does.
    """
    rules = case.config.verification
    return judged_by_shape(
        case, ground, response, rules.leakage_trials if ground.wary else CONTENTS
    )


def pruned_twice(
    case: Case,
    start: Units,
    ground: Ground,
    enough: Callable[[int], bool],
    silent: Callable[[Mask], bool] | None,
) -> tuple[Ground, Pruned]:
    """Pruned, what is left split into smaller regions, and pruned again.

    Args:
        case: the image before the classifier.
        start: regions of a mask that has its margin.
        ground: what it is reduced on.
        enough: whether so many passes more are affordable.
        silent: that every smaller mask has to be, if that is asked at all.
    """
    side = region_side(case)

    def rules(on: Ground, units: Units) -> Rules:
        held = held_to(on, units, side, enough)
        return replace(held, silent=lambda some: silent(on.mask(some))) if silent else held

    coarse = pruned(start, rules(ground, start))
    fine = split(case, ground.mask(coarse.units), ground.regions, max(1, side // FINER))
    smaller = ground.split_into(fine, case.batched)
    units = within(ground.mask(coarse.units), fine)
    found = pruned(units, rules(smaller, units), coarse.rooms)
    before = (within(ground.mask(larger), fine) for larger in coarse.trajectory[:-1])
    whole = replace(
        found,
        trajectory=(*before, *found.trajectory),
        tested=coarse.tested + found.tested,
        cut_short=coarse.cut_short or found.cut_short,
    )
    return smaller, whole


def held_to(ground: Ground, start: Units, side: int, affordable: Callable[[int], bool]) -> Rules:
    """What smaller masks are held to.

    No part and no hole is below half of a region's area, but as many as a mask begins with.
    """
    least = round(SMALLEST * side**2)
    most = flaws(ground.mask(start), least)

    def whole(units: Units) -> bool:
        return bool(units) and flaws(ground.mask(units), least) <= most

    sizes = dict(enumerate(ground.regions.flatten().bincount().tolist()))
    near = neighbours(borders_of(ground.regions))
    return Rules(sizes, whole, ground.margin, ground.measure, affordable, beside=near)


class Wider(NamedTuple):
    """The next mask.

    Attributes:
        units: its regions; None if there is none.
        drawn: these with the corners of the mask rounded off, if they are.
        short: whether the budget ended the look for it.
    """

    units: Units | None
    drawn: Ground | None = None
    short: bool = False


def next_wider(case: Case, larger: Larger, last: Units, ground: Ground, number: int) -> Wider:
    """The next mask, larger than the last by a tenth, that has its margin and does not leak.

    Its corners are rounded off if a short look finds the margin then too. Whether the first one
    leaks is left to its claim, see `Larger`. The largest needs neither.
    Where the budget holds no further look, it is one that is not measured again; so it is after a
    refusal where nothing is painted, since a certificate takes no more there than a look does.
    None if there is none, or the budget does not hold its certificate; that is told.
    """
    masks = larger.masks
    least = WIDER * ground.pixels(last)
    look = in_turn(ground.look)
    for units in masks:
        if not last < units or (units != masks[-1] and ground.pixels(units) < least):
            continue
        held = and_another(case, number, MEASURED) if last else affordable(case, number, MEASURED)
        if not held or (last and case.nothing_painted):
            untold = unmeasured(case, larger, last, ground, number)
            if not held or untold is not None:
                return Wider(untold, short=not held)
        if units == masks[-1]:
            return Wider(units)
        unasked = not (last or larger.wary)
        if look(units).slack >= 0 and (unasked or larger.silent(ground.mask(units))):
            smooth = rounded(case, ground, units)
            round_too = smooth is not ground and smooth.look_at_few(units).slack >= 0
            return Wider(units, smooth if round_too else None)
    return Wider(None)


def unmeasured(
    case: Case, larger: Larger, last: Units, ground: Ground, number: int
) -> Units | None:
    """A mask between the last and the one that the pruning began with; else that one.

    One in the middle only where the budget holds another certificate after it. Where that one is
    hardly larger than the last, or smaller, one of which nothing is known, larger than the last by
    half, as nearly as there is one; of at most half of the image, as long as one is. None before
    any was refused.
    """
    if not last or not affordable(case, number):
        return None
    area, begun = ground.pixels(last), ground.pixels(larger.start)
    bigger = [u for u in larger.masks if last < u and ground.pixels(u) >= WIDER * area]
    if begun >= HARDLY * area:
        between = [units for units in bigger if units < larger.start]
        if not between or not and_another(case, number):
            return larger.start
        return nearest(between, math.sqrt(area * begun), ground)
    half = case.config.refinement.large * case.open.numel()
    small = [units for units in bigger if ground.pixels(units) <= half]
    return nearest(small or bigger[:1], UNKNOWN * area, ground)


def nearest(masks: Sequence[Units], pixels: float, ground: Ground) -> Units | None:
    """The mask that has most nearly so many pixels; None of none."""
    return min(masks, key=lambda units: abs(math.log(ground.pixels(units) / pixels)), default=None)


def counts(length: int) -> list[int]:
    """1, 2, 4, ... and the last place of a list of this length."""
    doubled = [2**i for i in range(length.bit_length()) if 2**i < length - 1]
    return [*doubled, length - 1] if length > 1 else []


def grown(case: Case, found: Found, ground: Ground) -> list[Units]:
    """Larger masks of the same scores, that of at most half among them, up to all that is open."""
    rules, share, regions = case.config.refinement, found.area, ground.regions
    half = highest(found.scores, regions, rules.large, whole=False)
    masks = [half] if share < rules.large else []
    while (share := share * rules.growth) < 1.0:
        masks.append(highest(found.scores, regions, share))
    return [*(within(mask, regions) for mask in by_area(masks)), within(case.open, regions)]


def of_regions(
    case: Case, mask: Bool[Tensor, "h1 w1"], tested: int, before: float, ground: Ground
) -> Minimality:
    """Which parts of a mask are needed, re-tested on the exported mask.

    Where the budget holds no further look, what is left is one part; so is a mask of more than
    half of the image, of which no part is needed as a rule.
    """
    units = within(reread(case, mask), ground.regions)
    small = mask.float().mean().item() <= case.config.refinement.large

    def witness(part: Units) -> int | None:
        looked = part >= units or (small and parts_affordable(case, sum(LOOKS) + AT_MOST))
        return ground.witness(units, part) if looked else None

    parts = merged(ground.parts(units), borders_of(ground.regions), witness)
    labels = torch.where(mask, labels_exported(case, numbered(ground, parts)), 0)
    names = [("", -1) if place is None else ground.trial.names[place] for _, place in parts]
    samples = tuple(sorted({number for kind, number in names if kind == "sample"}))
    reported = Minimality(
        patch=region_side(case),
        patches=tuple(
            Patch(*place, *name) for place, name in zip(first_pixels(labels), names, strict=True)
        ),
        samples=samples,
        shifts=(),
        tolerance=0,
        sufficient=True,
        tested=tested,
        rounds=1,
        before=before,
        after=mask.float().mean().item(),
        regions=labels,
    )
    on = sample_set(case, ground.trial.decision)
    return retested(case, mask, on.trial(samples, ()), reported)


def numbered(ground: Ground, parts: list[Part]) -> Int[Tensor, "1 1 h w"]:
    """The parts of a mask, numbered from 1 in the model input."""
    labels = torch.zeros_like(ground.regions)
    for number, (units, _) in enumerate(parts, start=1):
        labels[ground.mask(units)] = number
    return labels
