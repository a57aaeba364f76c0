"""Masks put to a certificate, one after the other: the smallest first, each on draws of its own.

The confidence is that of all masks tried together: a mask that is tried after another has failed
gets a share of the risk that is left, and hence more draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

import torch
from jaxtyping import Bool
from torch import Tensor

from med_cam.config import Config, Verification
from med_cam.discrete import Whittled, ground, told, whittled, withstanding
from med_cam.masking import FIXED
from med_cam.observe import Case
from med_cam.refine import keep_most
from med_cam.settle import CERTIFY, Found, exported, fresh, reread, shares_to_claim
from med_cam.stages import Mark, mark
from med_cam.values import Cell, Certificate, Check, Claim, Minimality
from med_cam.verify.cells import Mask, Trial, lost, needed_again, places, survived
from med_cam.verify.certificate import as_tried, draws_for, failures_of, least_kept, risk_of
from med_cam.verify.claim import verify
from med_cam.verify.emptiness import Emptiness
from med_cam.verify.stable import DIRECTIONS


@dataclass(frozen=True, slots=True)
class Certified:
    """The mask that a certificate was made out for, or the last one that was refused.

    Attributes:
        mask: in the source image's pixels, as exported.
        area: its share of them.
        claim: with the certificate.
        tried: masks that were put to a certificate.
        minimality: None if there was no discrete stage.
        marks: where turns of the discrete stage and of certificates ended.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim
    tried: int
    minimality: Minimality | None
    marks: tuple[Mark, ...]


def certified(case: Case, found: Found, config: Config) -> Certified:
    """Make the mask as small as it goes, and certify it.

    Tried are the mask after the discrete stage, again after it was pruned on further draws, the
    mask before it, then larger ones of the same scores. If none is certified, the one of the
    highest bound is told of: all bounds hold together.
    """
    tried: list[Tried] = []
    marks = []
    for chosen in candidates(case, found, config):
        marks.append(mark("discrete", case.spent()))
        source = exported(case, chosen.mask)
        claim = certificate_of(case, source, found.empty, config, len(tried) + 1)
        tried.append((chosen, source, claim))
        marks.append(mark("certificate", case.spent()))
        if claim.holds:
            break
    chosen, source, claim = best(tried)
    minimality = minimality_of(case, source, chosen, found)
    marks.append(mark("discrete", case.spent()))
    area = source.float().mean().item()
    return Certified(source, area, claim, len(tried), minimality, tuple(marks))


Tried = tuple["Candidate", Bool[Tensor, "h w"], Claim]


def best(tried: list[Tried]) -> Tried:
    """The mask whose claim holds, which is the last; else the highest bound, the smaller first."""
    if tried[-1][2].holds:
        return tried[-1]
    bounds = [0.0 if c.certificate is None else c.certificate.bound for _, _, c in tried]
    return tried[bounds.index(max(bounds))]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A mask to certify, what it was cut on, and what that took."""

    mask: Mask
    side: int
    trial: Trial | None = None
    cells: tuple[Cell, ...] = ()
    rounds: int = 0
    tested: int = 0


def candidates(case: Case, found: Found, config: Config) -> Iterator[Candidate]:
    """The masks to certify, in order."""
    start, rules = reread(case, found.mask), config.certification
    trial = None
    if found.claim.holds and rules.cell:
        side = side_of(start, rules.cell, rules.most_cells)
        now = whittled(case, start, ground(case, found.empty.decision, config), side)
        trial = now.trial
        for tried in range(1, rules.rounds + 1):
            if torch.equal(now.mask, start):
                break
            yield Candidate(now.mask, side, now.trial, now.cells, now.rounds, now.tested)
            if tried < rules.rounds:
                now = again(case, now, tried, config)
    for mask in chain((start,), grown(case, found, config)):  # grown only if it comes to that
        yield Candidate(mask, side_of(mask, rules.cell, rules.most_cells), trial)


def side_of(mask: Mask, cell: int, most: int) -> int:
    """The side of the cells: twice as large until the mask has no more than `most` (0: any)."""
    while cell and most and len(places(mask, cell)) > most:
        cell *= 2
    return cell


def again(case: Case, now: Whittled, tried: int, config: Config) -> Whittled:
    """After a refused certificate: pruned on further draws, and with one shift less to spare.

    If nothing breaks it, one step back.
    """
    each = 2 * config.certification.pool
    on = ground(case, now.trial.decision, config, more=tried * each)
    draws = range(len(on.draws) - min(each, len(on.draws) - on.turn), len(on.draws))
    strict = replace(now, trial=replace(now.trial, spare=max(0, now.trial.spare - 1)))
    after = withstanding(case, strict, on.trial(draws, ()))
    if after.rounds > now.rounds or len(now.way) == 1:
        return after
    way = now.way[:-1]
    return replace(now, way=way, cells=told(case, way[-1], now.trial, now.side))


def grown(case: Case, found: Found, config: Config) -> Iterator[Mask]:
    """Larger masks of the same scores that survive the pool of the discrete stage."""
    if found.area >= 1 or not found.claim.holds or config.refinement.cut == "threshold":
        return
    on = ground(case, found.empty.decision, config)
    trial = on.trial(range(len(on.draws)), range(len(DIRECTIONS)), spare=on.spare)
    shares = shares_to_claim(found.area * config.refinement.growth, config.refinement)
    masks = (keep_most(found.scores, share) & case.open for share in shares)
    surviving = (m for m in masks if lost(case.answer, case.scene, m, trial) is None)
    yield from islice(surviving, config.certification.grown)


def certificate_of(
    case: Case, mask: Bool[Tensor, "h1 w1"], empty: Emptiness, config: Config, tried: int
) -> Claim:
    """The claim on an exported mask with as many draws as the n-th certificate takes.

    Each has draws of its own, one composite a pass.
    """
    draws = draws_of(tried, config.verification)
    return claim_on(case, mask, empty, config, tried=tried, draws=draws)


def draws_of(tried: int, rules: Verification) -> int:
    """Draws of the random backgrounds together that the n-th certificate takes."""
    risk = risk_of(tried, rules.confidence)
    return draws_for(rules.certified, risk, failures_of(tried))


def claim_on(
    case: Case,
    mask: Bool[Tensor, "h1 w1"],
    empty: Emptiness,
    config: Config,
    *,
    tried: int,
    draws: int,
) -> Claim:
    """The claim on an exported mask, as the n-th that was put to a certificate.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        empty: what the backgrounds are called alone.
        config: settings.
        tried: from 1; decides which draws are used, and what risk the bound may have.
        draws: of the random backgrounds together, at least.
    """
    random = sum(name not in FIXED for name in config.verification.backgrounds)
    rules = replace(config.verification, draws=-(-draws // max(1, random)))
    generator = fresh(config.seed, CERTIFY + tried - 1)
    claim = verify(case.singly, case.scene, reread(case, mask), empty, rules, generator)
    if claim.certificate is None:
        return claim
    certificate = as_tried(claim.certificate, tried, random=random)
    checks = tuple(kept_by(certificate) if c.name == "kept" else c for c in claim.checks)
    return replace(claim, certificate=certificate, checks=checks)


def kept_by(certificate: Certificate) -> Check:
    """The check "kept" with as many draws to keep as its certificate needs."""
    c = certificate
    trials = c.draws + c.fixed
    least = least_kept(c.draws, c.wanted, c.risk) if c.draws else 0
    passed = c.fixed_kept == c.fixed and c.kept >= least
    rate = (c.kept + c.fixed_kept) / trials
    return Check("kept", rate, (least + c.fixed) / trials, trials, at_least=True, passed=passed)


def minimality_of(
    case: Case, mask: Bool[Tensor, "h1 w1"], chosen: Candidate, found: Found
) -> Minimality | None:
    """What the discrete stage came to, seen again on the exported mask, one composite a pass."""
    if chosen.trial is None:
        return None
    side, again = chosen.side, reread(case, mask)
    trial = chosen.trial
    cells = chosen.cells
    if not cells:  # a mask that was not pruned
        trial = survived(case.answer, case.scene, again, trial)
        cells = told(case, again, trial, side)
    told_of = Minimality(
        cell=side,
        cells=cells,
        draws=tuple(sorted(i for kind, i in trial.names if kind == "draw")),
        shifts=tuple(sorted(i for kind, i in trial.names if kind == "shift")),
        spare=trial.spare,
        sufficient=True,
        tested=chosen.tested,
        rounds=chosen.rounds,
        before=found.area,
        after=mask.float().mean().item(),
    )
    return seen_again(case, mask, trial, told_of)


def seen_again(
    case: Case, mask: Bool[Tensor, "h1 w1"], trial: Trial, told_of: Minimality
) -> Minimality:
    """What is told of an exported mask, as far as it shows again, one composite a pass.

    Args:
        case: the image before the classifier.
        mask: in the source image's pixels.
        trial: the composites that are told of.
        told_of: the mask; its cells and its sufficiency are not believed, but tried.
    """
    again = reread(case, mask)
    return replace(
        told_of,
        cells=needed_again(case.singly, case.scene, again, told_of.cell, trial, told_of.cells),
        sufficient=lost(case.singly, case.scene, again, trial) is None,
        after=mask.float().mean().item(),
    )
