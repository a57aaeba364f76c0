"""How it ended, in one sentence."""

from med_cam.values import BackgroundResult, Check, Claim, Fallback
from med_cam.verify.decision import Question


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
