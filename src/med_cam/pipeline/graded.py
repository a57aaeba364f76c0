"""The graded claim: how far toward its removal may the rest of the image be moved?

The hidden part is (1 - s) of the image and s of its removal, or of the image's own blur where
every declared removal is inside the network. The largest strength s at which a mask of at most
half of the image retains the prediction is taken, then the smallest area at it.
At s = 0 every mask does: what counts is a strength at which random masks of that area fail.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, islice

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.case.seeds import GRADE_SEARCH, fresh
from med_cam.certification.ladder import graded, milder_decision
from med_cam.pipeline.parts import BACK, passes_of_pruning, pruned
from med_cam.pipeline.rung import (
    IN_PICTURES,
    ROUNDS,
    Now,
    Step,
    clearly,
    judged,
    not_tried,
    refused,
    region_of,
    smallest_of_maps,
    too_many,
)
from med_cam.removal.samples import Sampled
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import Mask, numbered
from med_cam.verify.random_masks import Margin
from med_cam.verify.rungs import MILDER, PAINTED, STRENGTHS, faded, graded_over, retained_by

Samples = tuple[Sampled, Sampled]  # those that every mask is tried on, and further ones

FEW, MORE = 3, 12  # of random removals
NOT_FOUND = f"no mask is surely sufficient at {STRENGTHS[-1]:.0%} of the way"
GROWN = (1.0, 1.2, 1.5)  # areas tried on those


def graded_step(now: Now) -> Step:
    """The mask with the largest strength, judged."""
    begun = now.case.cost().forward
    if not now.maps or now.room < len(MILDER):
        return Step(too_many("graded"))
    (names, strengths), over = milder(now)
    if not now.searched and names != MILDER:
        return Step(not_tried("graded", "blank inputs give the label, so that all masks do"))
    now = replace(now, room=now.room - now.case.cost().forward + begun)
    return over_these(now, names, strengths, over)


def over_these(
    now: Now, names: tuple[str, ...], strengths: Sequence[float], over: Decision
) -> Step:
    """The mask with the largest strength over some removals, judged.

    Args:
        now: where the ladder stands.
        names: of the removals.
        strengths: in the order in which they are tried.
        over: what retaining the prediction means there.
    """
    case, begun = now.case, now.case.cost().forward
    generator = fresh(case, GRADE_SEARCH)
    on, further = (numbered(case.scene, names, n, generator) for n in (FEW, MORE))
    if now.room < most_of_one(now, (on, further)):
        return Step(too_many("graded"))
    found = strongest(now, strengths, (on, further), stricter(case, over))
    step = Step(refused("graded", NOT_FOUND))
    if found is None:
        return step
    masks, strength = found
    decision = milder_decision(case, now.found.response.decision, names, case.claims)
    asked = graded(case, decision, strength, names)
    for mask in masks:
        later = replace(now, room=now.room - case.cost().forward + begun)
        step = judged(later, exported(case, mask), asked, in_pictures=True)
        if step.attempt.why != IN_PICTURES:
            break
    return step


def milder(now: Now) -> tuple[tuple[tuple[str, ...], tuple[float, ...]], Decision]:
    """The removals, the strengths, and what retaining the prediction means for the search.

    Where the blurred image gets the label by itself grey and noise take its place.
    """
    case, decision = now.case, now.found.response.decision
    names, strengths = graded_over(case.config.verification.baselines)
    over = milder_decision(case, decision, names, case.batched)
    blurred = names == MILDER and bool(over.given_by)
    return ((PAINTED, STRENGTHS), decision) if blurred else ((names, strengths), over)


def strongest(
    now: Now, strengths: Sequence[float], on: Samples, decision: Decision
) -> tuple[Iterator[Mask], float] | None:
    """The smallest masks at the largest strength at which half of the image retains it.

    Args:
        now: where the ladder stands.
        strengths: in the order in which they are tried.
        on: samples for every mask, and further ones for the last.
        decision: what retaining the prediction means for the search.
    """
    case, each = now.case, most_of_one(now, on)
    last = case.cost().forward + now.room - each
    for strength in strengths:
        if case.cost().forward > last:
            return None
        margins = partial(retained_by, faded(case.batched, strength), decision)
        if (cut := smallest_of_maps(now, on[0], margins)) is not None:
            share, scores = cut
            masks = clear_ones(now, scores, share, (margins, on))
            if (first := next(masks, None)) is not None:
                return chain((first,), masks), strength
    return None


def most_of_one(now: Now, on: Samples) -> int:
    """Passes that one strength takes at most."""
    few, further = on
    cuts = len(few) * len(now.maps) * (ROUNDS + 1)
    return cuts + passes_of_pruning(few) + len(further) * (len(BACK) + len(GROWN))


def clear_ones(
    now: Now, scores: Float[Tensor, "1 1 h w"], share: float, tried: tuple[Margin, Samples]
) -> Iterator[Mask]:
    """Masks that clearly retain the prediction on further samples too, the smallest first.

    One without the parts that can go, if there is one, and one of the whole cut, or a little
    larger: with little evidence a smaller one moves fewer pictures.
    """
    large, (margins, (few, further)) = now.case.config.refinement.large, tried
    cuts = [region_of(now, scores, min(share * by, large)) for by in GROWN]

    def clear(mask: Mask) -> bool:
        return clearly(margins(mask, further))

    for some in (pruned(now, cuts[0], few, margins), cuts):
        yield from islice(filter(clear, some), 1)


def stricter(case: Case, decision: Decision) -> Decision:
    """With the share that is asked of candidates: of what just passes, much fails later."""
    way = case.target.p_image - decision.p_baseline
    return replace(decision, threshold=decision.p_baseline + case.config.refinement.share * way)
