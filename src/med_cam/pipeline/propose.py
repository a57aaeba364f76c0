"""Search, cut, claim: the smallest mask of a case on which a claim holds."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case, reference_of
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import CANDIDATES, SEARCH, fresh
from med_cam.certification.certificate import claimed, response_of
from med_cam.config.settings import Config, Refinement, Verification
from med_cam.masking.masks import keep_most
from med_cam.pipeline.deletion_map import deletion_map
from med_cam.pipeline.found import Found as Found, unclaimed
from med_cam.pipeline.region_mask import mask_of_regions
from med_cam.reduction.bisection import Passes, remembered, smallest_passing
from med_cam.results.claim import Claim
from med_cam.results.step import OnStep, Step
from med_cam.search.disc_map import Looked
from med_cam.search.starts import best_of_starts
from med_cam.search.train import look_at_discs
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.candidates import candidate_judge
from med_cam.verify.consistency import moves_none
from med_cam.verify.specificity import sufficient

Maps = Float[Tensor, "n 1 h w"]
Cut = tuple[Float[Tensor, "1 1 h w"], Bool[Tensor, "1 1 h w"]]  # a map, and a mask cut from it


def smallest_mask(case: Case, on_step: OnStep | None = None, maps: Maps | None = None) -> Found:
    """The smallest mask on which a claim holds; the whole image where nothing can be retained.

    Args:
        case: the image before the classifier.
        on_step: called after every step of the search.
        maps: scores to cut masks from; searched for if not given.
    """
    if made_of_regions(case.config):
        return smallest_of_regions(case, on_step, maps)
    same = fresh(case, CANDIDATES)  # samples that every candidate is judged on
    judge = candidate_judge(case.batched, case.target, candidate_rules(case.config), same)
    if not case.predicted or judge.decision.given_by:
        return whole_image(case, response_of(case))
    maps, steps, looked = searched(case, judge.decision.threshold, on_step, maps)
    found = proposed(case, maps, judge.suffices, steps, moves=judge.moves)
    return replace(found, looked=looked)


def smallest_of_regions(
    case: Case, on_step: OnStep | None = None, maps: Maps | None = None
) -> Found:
    """The same, of whole regions; its claim is that of its certificate."""
    response = response_of(case)
    if not case.predicted or response.decision.given_by:
        return whole_image(case, response)
    maps, steps, looked = searched(case, response.decision.threshold, on_step, maps)
    found = mask_of_regions(case, maps, response, steps, partial(deletion_map, case))
    return replace(found, looked=looked)


def searched(
    case: Case, threshold: float, on_step: OnStep | None, given: Maps | None = None
) -> tuple[Maps, tuple[Step, ...], Looked | None]:
    """The maps of the search (sections 3.2 to 3.4), its steps, and the discs it looked at.

    None is made where maps are given.
    """
    if given is not None:
        return given, (), None
    generator = fresh(case, SEARCH)
    looked = look_at_discs(case, generator)
    reference = reference_of(case, threshold)
    maps, steps = best_of_starts(case, reference, generator, looked, on_step)
    return maps, steps, looked


def made_of_regions(config: Config) -> bool:
    """Whether masks are made of regions: where they are reduced at all."""
    rules = config.certification
    smallest = config.refinement.cut == "smallest"
    return rules.units == "regions" and bool(rules.patch) and smallest


def candidate_rules(config: Config) -> Verification:
    """The claim's rules with the refinement's numbers: stricter in share, fewer trials."""
    r = config.refinement
    return replace(
        config.verification,
        share=r.share,
        samples=r.samples,
        leakage_trials=r.leakage_trials,
        consistency_trials=r.consistency_trials,
        shifts=r.shifts,
    )


def whole_image(case: Case, response: BaselineResponse) -> Found:
    """Every pixel that the classifier saw, and the claim on it: where nothing can be retained."""
    found = unclaimed(case, case.open, torch.zeros_like(case.scene.x[:, :1]), response)
    return replace(found, claims=(claimed(case, found.mask, response, attempt=0),))


def proposed(
    case: Case,
    maps: Float[Tensor, "n 1 h w"],
    suffices: Passes,
    steps: tuple[Step, ...] = (),
    *,
    moves: Passes = lambda _: True,
) -> Found:
    """The smallest mask of these maps on which a claim holds; else the last one tried.

    Every claim has samples of its own, on the exported mask. Where the smallest mask that suffices
    moves no picture at all, no larger one is tried.

    Args:
        case: the image before the classifier.
        maps: scores to cut masks from.
        suffices: the judge of candidates, but for pictures.
        steps: of the search for the maps.
        moves: the judge of what candidates do in pictures.
    """
    seen = torch.where(case.open, maps, maps.min() - 1)  # padding is never evidence
    response, rules = response_of(case), case.config.refinement
    tried: list[Claim] = []
    chosen, source = maps[:1], exported(case, case.open)
    enough = remembered(lambda mask: suffices(reread(case, exported(case, mask))))

    def passes(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        return enough(mask) and moves(reread(case, exported(case, mask)))

    alone = alone_behind_masks(case, seen, enough, moves, response)
    for scores, mask in candidates(seen, passes, rules) if alone is None else (alone,):
        chosen, source = scores, exported(case, mask)
        tried.append(claimed(case, source, response, attempt=len(tried)))
        if sufficient(tried[-1]):
            break
    return Found(source, source.float().mean().item(), chosen, tuple(tried), response, steps)


def alone_behind_masks(
    case: Case,
    maps: Float[Tensor, "n 1 h w"],
    enough: Passes,
    moves: Passes,
    response: BaselineResponse,
) -> Cut | None:
    """The smallest mask that suffices, if it moves no picture at all; else None.

    A larger mask that moves some would hold what the classifier looks for in pictures, and beside
    it what suffices behind a mask: nobody could tell the two apart.
    """
    rules = case.config.refinement
    if rules.cut == "threshold":
        return None
    index, share = smallest_passing(maps, enough, smallest=rules.smallest, rounds=rules.rounds)
    if share is None:
        return None
    scores = maps[index : index + 1]
    mask = keep_most(scores, share)
    shown = reread(case, exported(case, mask))
    still = not moves(shown) and moves_none(
        case.claims, shown, response.pictures, case.target, case.config.verification
    )
    return (scores, mask) if still else None


def candidates(maps: Float[Tensor, "n 1 h w"], passes: Passes, rules: Refinement) -> Iterator[Cut]:
    """Masks to claim on, each after the map it was cut from, in the order to try them.

    The paper's single cut; or the smallest that passes, then larger ones of the same map.
    """
    if rules.cut == "threshold":
        yield maps[:1], maps[:1] > 0  # a soft mask of one half
        return
    index, first = smallest_passing(maps, passes, smallest=rules.smallest, rounds=rules.rounds)
    chosen = maps[index : index + 1]
    for share in shares_to_claim(first, rules):
        yield chosen, keep_most(chosen, share)


def shares_to_claim(first: float | None, rules: Refinement) -> Iterator[float]:
    """The areas for which a claim is tried, one after the other: growing, then the whole image."""
    share = first or 1.0
    for _ in range(rules.attempts):
        if share >= 1.0:
            break
        yield share
        share *= rules.growth
    yield 1.0
