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
from med_cam.case.timing import Mark, mark, stages
from med_cam.config.settings import Config
from med_cam.images.content import content, content_warnings
from med_cam.masking import background, composite
from med_cam.pipeline.propose import Found
from med_cam.results import BackgroundResult, Check, Claim, Explanation, Fallback, Proof
from med_cam.search.losses import bernoulli_kl, kl_divergence
from med_cam.verify.decision import Question
from med_cam.verify.warnings import leaks, opinions


def explanation_of(
    case: Case,
    found: Found,
    promised: tuple[tuple[BackgroundResult, ...], Fallback | None],
    proof: Proof | None,
    course: Sequence[Mark],
    config: Config,
) -> Explanation:
    """The result.

    Costs one pass: the evidence over the first background of the claim (the paper's e = m * x).

    Args:
        case: the image before the classifier.
        found: the mask and its claims.
        promised: what breaks the decision, and the smaller promise.
        proof: what else was found of the mask.
        course: where the stages ended.
        config: settings.
    """
    question, (broken, fallback) = case.question, promised
    first = background(config.verification.backgrounds[0], case.scene, fresh(config.seed, AFTER))
    evidence = composite(case.scene.x, reread(case, found.mask).to(case.scene.x), first)
    with torch.no_grad():
        logits = case.forward(evidence).logits
    divergence = bernoulli_kl if question.head == "sigmoid" else kl_divergence
    return Explanation(
        target=question.target,
        label=question.labels[question.target],
        labels=question.labels,
        mask=found.mask,
        soft=ranks(found.scores, config.search.form),
        area=found.area,
        status=status(case, found, broken, fallback),
        verified=found.claim.holds,
        before=tuple(case.before[0].tolist()),
        after=tuple(case.classifier.probabilities(logits)[0].tolist()),
        kl=divergence(logits, case.whole.logits).item(),
        components=components(found.mask),
        claim=warned(case, found, proof),
        fallback=fallback,
        steps=found.steps,
        passes=case.spent(),
        seconds=mark("end", case.spent()).clock - course[0].clock,
        taps=case.classifier.taps,
        proof=proof,
        stages=stages(course),
    )


def warned(case: Case, found: Found, proof: Proof | None) -> Claim:
    """The claim with all that a reader must be warned of."""
    seen = content_warnings(content(case.source.pixels, found.mask))
    alone = opinions(found.empty)
    more = () if proof is None else leaks(found.claim, proof, found.area, case.question)
    return replace(found.claim, warnings=(*found.claim.warnings, *alone, *more, *seen))


def status(
    case: Case,
    found: Found,
    broken: tuple[BackgroundResult, ...],
    fallback: Fallback | None,
) -> str:
    """How it ended, in one sentence."""
    if case.decided:
        return status_of(found.claim, found.area, broken, fallback, case.question)
    answer = int(case.before.argmax())
    return no_decision(case.question, case.question.labels[answer], case.before[0, answer].item())


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


def no_decision(question: Question, answered: str, probability: float) -> str:
    """The classifier does not give the target at all."""
    label = question.labels[question.target]
    return (
        f"nothing to keep: on the whole image the classifier does not answer {label} "
        f"({question.full:.2f}) but {answered} ({probability:.2f})"
    )


def status_of(
    claim: Claim,
    area: float,
    broken: tuple[BackgroundResult, ...],
    fallback: Fallback | None,
    question: Question,
) -> str:
    """How the search and the claim ended.

    Args:
        claim: on the mask that is returned.
        area: of that mask.
        broken: searched backgrounds that break the decision, if that was looked into.
        fallback: the smaller promise, if there is one.
        question: what was asked.
    """
    parts = [ending(claim, area, question)]
    parts += [broken_by(result) for result in broken]
    if fallback is not None:
        names = ", ".join(fallback.claim.searched)
        parts.append(f"relative to {names} alone, {fallback.area:.0%} of the image is enough")
    return "; ".join(parts)


def ending(claim: Claim, area: float, question: Question) -> str:
    """The first half of the sentence."""
    over = ", ".join(claim.searched)
    if claim.sufficiency_is_empty:
        label = question.labels[question.target]
        return (
            f"sufficiency is empty: {over} without any evidence already give {label} with "
            f"{claim.empty:.2f}, the whole image {claim.full:.2f}"
        )
    if not claim.holds:
        return " and ".join(failing(c) for c in claim.checks if not c.passed)
    if area >= 1:
        return f"nothing smaller than the whole image holds over {over}"
    return f"{area:.1%} of the image keeps the decision over {over}"


def failing(check: Check) -> str:
    """One failed check, and by how much."""
    bar = f"{'at least' if check.at_least else 'at most'} {check.threshold:.0%}"
    got = round(check.value * check.trials)
    meaning = {
        "kept": "the decision is kept on",
        "shape": "the mask's shape alone gives the label on",
        "stable": "the decision survives a shift in",
    }[check.name]
    return f"{meaning} {got} of {check.trials} composites, where {bar} is required"


def broken_by(result: BackgroundResult) -> str:
    """Which background breaks it, and what that background is called by itself."""
    if result.kept == result.draws:
        return f"{result.name} alone already gives the label ({result.alone_probability:.2f})"
    return (
        f"{result.name} breaks it (kept on {result.kept} of {result.draws} draws at half the "
        f"image; alone it is called {result.alone_label})"
    )
