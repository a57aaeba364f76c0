"""All that was found, put together as one Explanation."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import AFTER, fresh
from med_cam.case.timing import Mark, mark, timeline
from med_cam.images.content import content, content_warnings
from med_cam.masking import baseline
from med_cam.pipeline.propose import Found
from med_cam.results import BaselineResult, Check, Claim, Explanation, MaskTests, RestrictedClaim
from med_cam.search.losses import bernoulli_kl, kl_divergence
from med_cam.verify.claim import CHECKS
from med_cam.verify.decision import Target
from med_cam.verify.warnings import confident_predictions, leak_warnings


def explanation_of(
    case: Case,
    found: Found,
    restriction: tuple[tuple[BaselineResult, ...], RestrictedClaim | None],
    tests: MaskTests | None,
    marks: Sequence[Mark],
) -> Explanation:
    """The result.

    Costs one pass: the evidence over the first baseline of the claim (the paper's e = m * x).

    Args:
        case: the image before the classifier.
        found: the mask and its claims.
        restriction: to which baselines the classifier is not robust, and the restricted claim.
        tests: what else was found of the mask.
        marks: where the stages ended.
    """
    target, (broken, restricted) = case.target, restriction
    name = case.config.verification.baselines[0]
    infill = baseline(name, case.scene, fresh(case, AFTER))
    with torch.no_grad():
        logits = case.outputs.over(reread(case, found.mask), infill).logits
    divergence = bernoulli_kl if target.head == "sigmoid" else kl_divergence
    return Explanation(
        target=target.index,
        label=target.label,
        labels=target.labels,
        mask=found.mask,
        soft=ranks(found.scores, case.config.search.form),
        area=found.area,
        status=status(case, found, broken, restricted),
        verified=found.claim.holds,
        before=tuple(case.before[0].tolist()),
        after=tuple(case.classifier.probabilities(logits)[0].tolist()),
        kl=divergence(logits, case.whole.logits).item(),
        components=components(found.mask),
        claim=warned(case, found, tests),
        restricted=restricted,
        steps=found.steps,
        passes=case.cost(),
        seconds=mark("end", case.cost()).clock - marks[0].clock,
        hooked_layers=case.classifier.hooked_layers,
        tests=tests,
        timeline=timeline(marks),
    )


def warned(case: Case, found: Found, tests: MaskTests | None) -> Claim:
    """The claim with all that a reader must be warned of."""
    seen = content_warnings(content(case.source.pixels, found.mask))
    blank = confident_predictions(found.response)
    more = () if tests is None else leak_warnings(found.claim, tests, found.area, case.target)
    return replace(found.claim, warnings=(*found.claim.warnings, *blank, *more, *seen))


def status(
    case: Case,
    found: Found,
    broken: tuple[BaselineResult, ...],
    restricted: RestrictedClaim | None,
) -> str:
    """How it ended, in one sentence."""
    if case.predicted:
        return status_of(found.claim, found.area, broken, restricted, case.target)
    top = int(case.before.argmax())
    return no_decision(case.target, case.target.labels[top], case.before[0, top].item())


def ranks(scores: Float[Tensor, "1 1 h w"], form: str) -> Float[Tensor, "h w"]:
    """Scores in [0, 1]: the paper's soft mask, or for nested masks the share of pixels below."""
    flat = scores.detach().cpu()[0, 0]
    if form == "sigmoid":
        return flat.sigmoid()
    order = flat.flatten().argsort(stable=True).argsort().to(flat)
    return (order / max(1, len(order) - 1)).view_as(flat)


def components(mask: Bool[Tensor, "h w"]) -> int:
    """Connected parts; pixels that touch at a corner are connected."""
    return int(scipy.ndimage.label(mask.cpu().numpy(), structure=np.ones((3, 3)))[1])


def no_decision(target: Target, answered: str, probability: float) -> str:
    """The classifier does not predict the target at all."""
    return (
        f"cannot be explained: the classifier predicts {answered} ({probability:.2f}) for the "
        f"whole image, not {target.label} ({target.p_image:.2f})"
    )


def status_of(
    claim: Claim,
    area: float,
    broken: tuple[BaselineResult, ...],
    restricted: RestrictedClaim | None,
    target: Target,
) -> str:
    """How the search and the claim ended.

    Args:
        claim: on the mask that is returned.
        area: of that mask.
        broken: searched baselines to which the prediction is not robust, if that was tested.
        restricted: the restricted claim, if there is one.
        target: the class that was explained.
    """
    parts = [ending(claim, area, target)]
    parts += [sensitivity(result) for result in broken]
    if restricted is not None:
        names = ", ".join(restricted.claim.searched)
        parts.append(f"restricted claim: {restricted.area:.1%} is sufficient over {names} only")
    return "; ".join(parts)


def ending(claim: Claim, area: float, target: Target) -> str:
    """The first half of the sentence."""
    over = ", ".join(claim.searched)
    if claim.baseline_suffices:
        return (
            f"cannot be explained: blank inputs ({over}) already score about as high for "
            f"{target.label} ({claim.p_baseline:.2f}) as the image ({claim.p_image:.2f})"
        )
    if not claim.holds:
        return " and ".join(failing(c) for c in claim.checks if not c.passed)
    if area >= 1:
        return f"nothing smaller than the whole image is sufficient over {over}"
    return f"{area:.1%} of the image is sufficient over {over}"


def failing(check: Check) -> str:
    """One failed check, and by how much."""
    bar = f"{check.threshold:.0%} {'required' if check.at_least else 'allowed'}"
    got = round(check.value * check.trials)
    return f"{CHECKS[check.name].finding} {got} of {check.trials} masked inputs ({bar})"


def sensitivity(result: BaselineResult) -> str:
    """To which baseline it is not robust, and what that baseline alone is predicted."""
    if result.retained == result.samples:
        score = f"{result.baseline_probability:.2f}"
        return f"{result.name} alone is already predicted as the label ({score})"
    return (
        f"not robust to {result.name} (retained on {result.retained} of {result.samples} samples "
        f"at half the image; {result.name} alone is predicted {result.baseline_label})"
    )
