"""Certificates for masks, one after the other: the smallest first, each on samples of its own.

The confidence is that of all masks tried together: a mask that is tried after another has lost
samples gets a share of the risk that is left, and therefore more samples. A mask that fails
another check before any of its samples was looked at takes no risk, and its samples are not used
again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.timing import Mark, mark
from med_cam.certification.certificate import begun_on, concluded, losses_borne, samples_of
from med_cam.certification.minimality import patches_of, retested, sample_set
from med_cam.masking.masks import keep_most
from med_cam.pipeline.budget import OTHER_SCORES, affordable, from_here, keeping
from med_cam.pipeline.other_scores import of_other_scores
from med_cam.pipeline.propose import Found, made_of_regions, shares_to_claim, smallest_mask
from med_cam.pipeline.region_candidates import by_regions, of_regions
from med_cam.reduction.counterexamples import Reduced, reduced, refined
from med_cam.reduction.ground import Ground
from med_cam.results.check import CONSISTENCY, SHAPE_LEAKAGE, Check
from med_cam.results.claim import Claim
from med_cam.results.minimality import Minimality, Patch
from med_cam.verify.begun import Begun, until_lost
from med_cam.verify.claim import until_failed
from med_cam.verify.minimality import Mask, Trial, lost, places, survived
from med_cam.verify.shift_stability import DIRECTIONS
from med_cam.verify.specificity import sufficient


@dataclass(frozen=True, slots=True)
class Certified:
    """The mask that is certified, or the one of the highest bound among those refused.

    Attributes:
        mask: in the source image's pixels, as exported.
        area: its share of them.
        claim: with the certificate.
        tried: masks of which samples were looked at.
        draws: draws of samples, of masks that failed another check first among them.
        minimality: None if there was no 1-minimal reduction.
        marks: where turns of the reduction and of certificates ended.
        scores: that the masks were cut from, in the model input.
        cut_short: whether the budget of passes ended the reduction, or what was tried.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim
    tried: int
    draws: int
    minimality: Minimality | None
    marks: tuple[Mark, ...]
    scores: Float[Tensor, "1 1 h1 w1"]
    cut_short: bool = False


def certified(case: Case, found: Found, kept: int = 0) -> Certified:
    """Make the mask as small as it goes, and certify it.

    Tried are the mask after the 1-minimal reduction, again after it was reduced on further
    samples, the mask before it, then larger ones of the same scores. A mask is given up as soon
    as it can only be refused; after one that moves no picture no larger one is tried, but of
    regions where nothing is painted. After two that give the label by their outline masks of
    other scores are, once. If none is certified, the last one is reported, judged by every check
    and on all of its samples.

    Args:
        case: the image before the classifier.
        found: the mask to begin with.
        kept: passes of the budget that are left over for weaker claims, after large masks.
    """
    tried: list[Tried] = []
    marks, others_left = [], True

    def number() -> int:
        return 1 + sum(each.paid for each in tried)

    masks = candidates(case, found, number, kept)
    while (chosen := next(masks, None)) is not None:
        marks.append(mark("reduction", case.cost()))
        tried.append(put_to_certificate(case, chosen, found, number(), len(tried) + 1))
        marks.append(mark("certificate", case.cost()))
        vain = tried[-1].still and not (case.nothing_painted and found.ground is not None)
        within = keeping(case, kept, tried[-1].area)
        if tried[-1].sufficient or vain or not affordable(within, number()):
            break
        twice = len(tried) > 1 and all(each.leaks for each in tried[-2:])
        if twice and others_left and affordable(case, number(), OTHER_SCORES):
            silent, others_left = of_other_scores(case, found, number()), False
            if silent is not None:
                found, masks = silent, candidates(case, silent, number, kept)
    last, after = tried[-1], number()
    within = keeping(case, kept, last.area)
    claim, chosen = last.claim or concluded(last.looked, last.number, len(tried)), last.chosen
    minimality = minimality_of(within, last.source, chosen, found)
    marks.append(mark("reduction", case.cost()))
    return Certified(
        last.source,
        last.area,
        claim,
        tried=last.number,
        draws=len(tried),
        minimality=minimality,
        marks=tuple(marks),
        scores=found.scores,
        cut_short=chosen.cut_short or not (claim.holds or affordable(within, after)),
    )


@dataclass(frozen=True, slots=True)
class Tried:
    """A mask that was put to a certificate.

    Attributes:
        chosen: the mask, in the model input.
        source: the same as exported.
        looked: its claim, as far as it was looked at.
        claim: on all of its samples; None if it was given up before.
        number: of its certificate; decides its risk.
        paid: whether any of its samples was looked at.
    """

    chosen: "Candidate"
    source: Bool[Tensor, "h w"]
    looked: Begun
    claim: Claim | None
    number: int
    paid: bool

    @property
    def area(self) -> float:
        """Its share of the source's pixels."""
        return self.source.float().mean().item()

    @property
    def sufficient(self) -> bool:
        """Whether the search for a certificate ends with it."""
        return self.claim is not None and sufficient(self.claim)

    @property
    def checked(self) -> list[Check]:
        """What was found by the checks besides sufficiency, as far as it was looked at."""
        return [check for some in self.looked.checked for check in some]

    @property
    def still(self) -> bool:
        """Whether it moves no picture as far as it has to, see `alone_behind_masks`."""
        return any(check.name == CONSISTENCY and not check.value for check in self.checked)

    @property
    def leaks(self) -> bool:
        """Whether its outline gives the label."""
        return any(check.name == SHAPE_LEAKAGE and not check.passed for check in self.checked)


def put_to_certificate(
    case: Case, chosen: "Candidate", found: Found, number: int, draw: int
) -> Tried:
    """The n-th certificate, given up as soon as it can only be refused.

    The other checks come first: they take fewer passes, and what fails them costs no risk.
    """
    source, samples = exported(case, chosen.mask), samples_of(number, case.config.verification)
    looked, refused = until_failed(
        begun_on(case, source, found.response, draw=draw, samples=samples)
    )
    if refused:
        return Tried(chosen, source, looked, None, number, paid=False)
    looked, refused = until_lost(looked, losses_borne(looked, number))
    claim = None if refused else concluded(looked, number, draw)
    return Tried(chosen, source, looked, claim, number, paid=True)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask to certify, what it was cut on, and what that took."""

    mask: Mask
    side: int
    trial: Trial | None = None
    patches: tuple[Patch, ...] = ()
    rounds: int = 0
    tested: int = 0
    cut_short: bool = False
    ground: Ground | None = None


def candidates(
    case: Case, found: Found, number: Callable[[], int], kept: int
) -> Iterator[Candidate]:
    """The masks to certify, in order.

    Args:
        case: the image before the classifier.
        found: the mask that was found.
        number: which certificate the next one will be: what it takes has to be left.
        kept: passes of the budget that are left over for weaker claims.
    """
    if found.ground is not None:
        for reached in by_regions(case, found, found.ground, number, kept):
            yield Candidate(
                reached.mask,
                0,
                tested=reached.tested,
                cut_short=reached.cut_short,
                ground=reached.ground,
            )
    elif made_of_regions(case.config):  # none of regions is there to reduce
        yield Candidate(reread(case, found.mask), 0)
    else:
        yield from by_squares(case, found)


def by_squares(case: Case, found: Found) -> Iterator[Candidate]:
    """The same where masks are made of squares."""
    start, rules = reread(case, found.mask), case.config.certification
    trial = None
    if sufficient(found.claim) and rules.patch:
        side = side_of(start, rules.patch, rules.most_patches)
        now = reduced(case, start, sample_set(case, found.response.decision), side)
        trial = now.trial
        for tried in range(1, rules.rounds + 1):
            if torch.equal(now.mask, start):
                break
            yield Candidate(now.mask, side, now.trial, now.patches, now.rounds, now.tested)
            if tried < rules.rounds:
                now = again(case, now, tried)
    for mask in chain((start,), grown(case, found)):  # grown only if it comes to that
        yield Candidate(mask, side_of(mask, rules.patch, rules.most_patches), trial)


def side_of(mask: Mask, patch: int, most: int) -> int:
    """The side of the patches: twice as large until the mask has no more than `most` (0: any)."""
    while patch and most and len(places(mask, patch)) > most:
        patch *= 2
    return patch


def again(case: Case, now: Reduced, tried: int) -> Reduced:
    """After a refused certificate: reduced on further samples, with one shift less to lose.

    If nothing breaks it, one step back.
    """
    each = 2 * case.config.certification.pool
    on = sample_set(case, now.trial.decision, more=tried * each)
    samples = range(len(on.samples) - min(each, len(on.samples) - on.turn), len(on.samples))
    strict = replace(now, trial=replace(now.trial, tolerance=max(0, now.trial.tolerance - 1)))
    after = refined(case, strict, on.trial(samples, ()))
    if after.rounds > now.rounds or len(now.trajectory) == 1:
        return after
    trajectory = now.trajectory[:-1]
    patches = patches_of(case, trajectory[-1], now.trial, now.side)
    return replace(now, trajectory=trajectory, patches=patches)


def grown(case: Case, found: Found) -> Iterator[Mask]:
    """Larger masks of the same scores that survive the pool of the 1-minimal reduction."""
    rules = case.config.refinement
    if found.area >= 1 or not found.claim.holds or rules.cut == "threshold":
        return
    on = sample_set(case, found.response.decision)
    trial = on.trial(range(len(on.samples)), range(len(DIRECTIONS)), tolerance=on.tolerance)
    shares = shares_to_claim(found.area * rules.growth, rules)
    masks = (keep_most(found.scores, share) & case.open for share in shares)
    surviving = (m for m in masks if lost(case.batched, m, trial) is None)
    yield from islice(surviving, case.config.certification.grown)


def minimality_of(
    case: Case, mask: Bool[Tensor, "h1 w1"], chosen: Candidate, found: Found
) -> Minimality | None:
    """The 1-minimal reduction, re-tested on the exported mask."""
    if chosen.ground is not None:
        return of_regions(case, mask, chosen.tested, found.area, chosen.ground)
    if chosen.trial is None:
        return None
    side, again = chosen.side, reread(case, mask)
    trial = chosen.trial
    patches = chosen.patches
    if not patches:  # a mask that was not pruned
        trial = survived(case.batched, again, trial)
        patches = patches_of(case, again, trial, side)
    reported = Minimality(
        patch=side,
        patches=patches,
        samples=tuple(sorted(i for kind, i in trial.names if kind == "sample")),
        shifts=tuple(sorted(i for kind, i in trial.names if kind == "shift")),
        tolerance=trial.tolerance,
        sufficient=True,
        tested=chosen.tested,
        rounds=chosen.rounds,
        before=found.area,
        after=mask.float().mean().item(),
    )
    return retested(case, mask, trial, reported)


def smallest_certified(
    case: Case, maps: Float[Tensor, "n 1 h w"] | None = None, used: int = 0
) -> Certified:
    """A mask and its certificate, without any further test, within a budget of its own.

    Args:
        case: the image before the classifier.
        maps: scores to cut masks from; searched for if not given.
        used: passes of that budget that are not its own.
    """
    case = from_here(case, used)
    return certified(case, smallest_mask(case, maps=maps))
