"""What the steps of the ladder share: where it stands, and how a mask is judged."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.certification.ladder import Asked, bounded, consistent, controlled, passes_of
from med_cam.masking.masks import keep_most
from med_cam.pipeline.budget import picture_passes
from med_cam.pipeline.propose import Found
from med_cam.reduction.regions import Regions, highest, pooled
from med_cam.removal.samples import Sampled
from med_cam.results.ladder import Attempt, Control, Rung
from med_cam.verify.minimality import Mask
from med_cam.verify.random_masks import Margin
from med_cam.verify.rungs import risk_taken

IN_PICTURES = "it does not speak for the label in pictures"
APART = 2.6  # standard deviations: one in 200 of a normal distribution lies beyond
ROUNDS = 5  # bisections of an area


@dataclass(frozen=True, slots=True)
class Now:
    """Where the ladder stands.

    Attributes:
        case: the image before the classifier.
        found: the mask and the claim of the explanation, and the scores of the search.
        left: of the risk.
        room: passes that may still be made.
        maps: to cut masks from: of the search, if there was one, and of deletion.
        regions: that masks are made of; None if they are not.
    """

    case: Case
    found: Found
    left: float
    room: int
    maps: tuple[Float[Tensor, "1 1 h w"], ...] = ()
    regions: Regions | None = None

    @property
    def searched(self) -> bool:
        """Whether there are scores: none are searched where blank input gives the label."""
        return bool(self.found.scores.any())


class Step(NamedTuple):
    """What came of a rung, and the rung if it holds."""

    attempt: Attempt
    rung: Rung | None = None


def refused(name: str, why: str) -> Attempt:
    """A rung that does not hold, before any bound."""
    return Attempt(name, "refused", 0, 0.0, why)


def not_tried(name: str, why: str) -> Attempt:
    """A rung that was not tried."""
    return Attempt(name, "not_tried", 0, 0.0, why)


def too_many(name: str) -> Attempt:
    """A rung for which no passes are left."""
    why = "it takes more passes than certification.budget and certification.ladder_passes leave"
    return Attempt(name, "no_passes", 0, 0.0, why)


def like_chance(compared: Control) -> str:
    """That random masks do it too."""
    return f"random regions of that size do it too ({compared.hits} of {compared.masks})"


def judged(
    now: Now, mask: Bool[Tensor, "h w"], asked: Asked, *, in_pictures: bool = False
) -> Step:
    """A mask put to its control, then to its checks, then to its bound.

    Args:
        now: where the ladder stands; `room` is what is left after the search for the mask.
        mask: as exported.
        asked: what the rung says of it.
        in_pictures: whether it has to speak for the label in pictures too.
    """
    case, risk = now.case, risk_taken(asked.name, now.left)
    rules = case.config
    needed = rules.certification.controls + passes_of(case, asked, risk)
    needed += picture_passes(rules.verification) if in_pictures else 0
    if now.room < needed:
        return Step(too_many(asked.name))
    compared = controlled(case, mask, asked)
    if not compared.holds:
        return Step(refused(asked.name, like_chance(compared)))
    pictures = consistent(case, mask, now.found.response) if in_pictures else None
    if pictures is not None and not pictures.passed:
        return Step(refused(asked.name, IN_PICTURES))
    rung = bounded(case, mask, asked, compared, risk, pictures)
    return ended(rung, risk)


def ended(rung: Rung, risk: float) -> Step:
    """What came of a rung with its bound."""
    count = f"{rung.hits} of {rung.samples} samples and {rung.fixed_hits} of {rung.fixed} fixed"
    failed = replace(refused(rung.name, f"its bound is too low: {count}"), bounds=1, risk=risk)
    if not rung.holds:
        return Step(failed)
    return Step(replace(failed, outcome="holds", why=""), rung)


def region_of(now: Now, scores: Float[Tensor, "1 1 h w"], share: float) -> Mask:
    """The part of the image with the highest scores, as it comes back from its file.

    Whole regions where masks are made of them, and no more than the share; at least one.
    """
    case = now.case
    if now.regions is None:
        behind = torch.where(case.open, scores, scores.min() - 1)
        mask = keep_most(behind, share) & case.open
    else:
        mask = highest(pooled(scores, now.regions), now.regions, share, whole=False)
    return reread(case, exported(case, mask))


def smallest_cut(
    now: Now,
    scores: Float[Tensor, "1 1 h w"],
    on: Sampled,
    margins: Margin,
    least: float = 0.0,
) -> float | None:
    """The smallest share of a map that does what is claimed; None if half of the image does not.

    Args:
        now: where the ladder stands.
        scores: the map.
        on: masked inputs, all of which it has to do that on.
        margins: by how much masks do what is claimed.
        least: of the margin that is asked for.
    """
    rules = now.case.config.refinement

    def passes(share: float) -> bool:
        return enough(margins(region_of(now, scores, share), on), least)

    return smallest_share(passes, rules.smallest, rules.large)


def smallest_of_maps(
    now: Now, on: Sampled, margins: Margin, least: float = 0.0
) -> tuple[float, Float[Tensor, "1 1 h w"]] | None:
    """The smallest such share of any map, and the map; see `smallest_cut`."""
    cuts = [(smallest_cut(now, scores, on, margins, least), scores) for scores in now.maps]
    passing = [(share, scores) for share, scores in cuts if share is not None]
    return min(passing, key=lambda cut: cut[0], default=None)


def enough(margins: Float[Tensor, " n"], least: float) -> bool:
    """Whether the margin is that at least on every masked input."""
    return bool((margins >= least).all())


def clearly(margins: Float[Tensor, " n"]) -> bool:
    """Whether masked inputs come out as claimed, and by so much that others will too.

    Of what just holds on a dozen samples much fails among a hundred: the mean has to lie `APART`
    standard deviations from the other outcome.
    """
    sure = bool(margins.mean() >= APART * margins.std(correction=0))
    return sure and bool((margins >= 0).all())


def smallest_share(
    passes: Callable[[float], bool], low: float, high: float, rounds: int = ROUNDS
) -> float | None:
    """The smallest share in [low, high] that passes, by bisection of its logarithm.

    None if the largest does not pass. Costs `rounds` + 1 questions.
    """
    if not passes(high):
        return None
    for _ in range(rounds):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high
