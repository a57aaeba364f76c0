"""All that was found, put together as one Explanation."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case, baseline_colours
from med_cam.case.timing import Mark, mark, timeline
from med_cam.certification.evidence import predicted_after, warned
from med_cam.config.floor import not_called_verified, weak_rules
from med_cam.images.components import components
from med_cam.pipeline.propose import Found
from med_cam.results.check import BaselineResult
from med_cam.results.claim import BesideClaim, RestrictedClaim
from med_cam.results.contrast import Contrast
from med_cam.results.explanation import Explanation
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.verify.decision import Target
from med_cam.verify.ladder_words import said_by, with_ladder
from med_cam.verify.status import no_decision, second_of, status_of


class Others(NamedTuple):
    """What was looked for where the claim says little.

    Attributes:
        ladder: the strongest weaker claim.
        contrast: what would have to be there for another label.
    """

    ladder: Ladder | None = None
    contrast: Contrast | None = None


def explanation_of(
    case: Case,
    found: Found,
    restriction: tuple[tuple[BaselineResult, ...], RestrictedClaim | None],
    tests: MaskTests | None,
    marks: Sequence[Mark],
    others: Others | None = None,
) -> Explanation:
    """The result.

    Costs one pass: the evidence over the first baseline of the claim (the paper's e = m * x).

    Args:
        case: the image before the classifier.
        found: the mask and its claims.
        restriction: to which baselines the classifier is not robust, and the restricted claim.
        tests: what else was found of the mask.
        marks: where the stages ended.
        others: what else was looked for.
    """
    target, (broken, restricted) = case.target, restriction
    ladder, contrast = others or Others()
    after, kl = predicted_after(case, found.mask)
    return Explanation(
        target=target.index,
        label=target.label,
        labels=target.labels,
        mask=found.mask,
        soft=ranks(found.scores, case.config.search.form),
        area=found.area,
        status=with_ladder(
            status(case, found, broken, None if said_by(ladder) else restricted),
            ladder,
            held=found.claim.holds,
        ),
        verified=found.claim.holds and not weak_rules(case.config),
        before=tuple(case.before[0].tolist()),
        after=after,
        kl=kl,
        components=components(found.mask),
        claim=warned(case, found.mask, found.claim, found.response, tests),
        restricted=restricted,
        ladder=ladder,
        steps=found.steps,
        cut_short=found.cut_short,
        passes=case.cost(),
        seconds=mark("end", case.cost()).clock - marks[0].clock,
        hooked_layers=case.classifier.hooked_layers,
        tests=tests,
        contrast=contrast,
        timeline=timeline(marks),
        baseline_colours=baseline_colours(case),
        fills=case.fills,
    )


def with_beside(first: Explanation, beside: BesideClaim | None, target: Target) -> Explanation:
    """The result with the claim over other removals, which its status names too."""
    return replace(first, beside=beside, status=first.status + second_of(beside, target))


def status(
    case: Case,
    found: Found,
    broken: tuple[BaselineResult, ...],
    restricted: RestrictedClaim | None,
) -> str:
    """How it ended, in one sentence."""
    if not case.predicted:
        return no_decision(case.target, case.before)
    weak = not_called_verified(case.config) if found.claim.holds else ""
    return status_of(found.claim, found.area, broken, restricted, case.target) + weak


def ranks(scores: Float[Tensor, "1 1 h w"], form: str) -> Float[Tensor, "h w"]:
    """Scores in [0, 1]: the paper's soft mask, or for nested masks the share of pixels below.

    All 0 where nothing was searched: ranks of equal scores would be a ramp over the image.
    """
    flat = scores.detach().cpu()[0, 0]
    if not bool(flat.any()):
        return torch.zeros_like(flat)
    if form == "sigmoid":
        return flat.sigmoid()
    order = flat.flatten().argsort(stable=True).argsort().to(flat)
    return (order / max(1, len(order) - 1)).view_as(flat)
