"""How an explanation ended, in one sentence: the same when it is made and re-checked."""

import re
from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from med_cam.results.check import CONSISTENCY, SPECIFICITY, BaselineResult, Check
from med_cam.results.claim import BesideClaim, Claim, RestrictedClaim
from med_cam.verify.claim import CHECKS
from med_cam.verify.decision import Target

ADVICE: Mapping[str, str] = {  # what to do about a check that failed, where that is known
    SPECIFICITY: ": any image might give the label; give reference images to find out",
}
UNEXPLAINED = "cannot be explained: "  # how a sentence begins where nothing can be retained


def no_decision(target: Target, before: Float[Tensor, "1 k"]) -> str:
    """The classifier does not predict the target at all, but another class, on the whole image."""
    top = int(before.argmax())
    return (
        f"{UNEXPLAINED}the classifier predicts {target.labels[top]} "
        f"({before[0, top].item():.2f}) for the whole image, not {target.label} "
        f"({target.p_image:.2f})"
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
        parts.append(restriction(restricted))
    return "; ".join(parts)


def restriction(restricted: RestrictedClaim) -> str:
    """What holds on fewer baselines."""
    names = ", ".join(restricted.claim.searched)
    return f"restricted claim: {restricted.area:.1%} is sufficient over {names} only"


def second_of(beside: BesideClaim | None, target: Target) -> str:
    """What came of the claim over other removals, to go behind all else; "" without one."""
    if beside is None:
        return ""
    return f"; beside, over {', '.join(beside.claim.searched)}: " + ending(
        beside.claim, beside.area, target
    )


def ending(claim: Claim, area: float, target: Target) -> str:
    """The first half of the sentence."""
    if claim.baseline_suffices:
        return anyway(claim, target)
    over = ", ".join(claim.searched)
    if not claim.holds:
        return " and ".join(failing(c) for c in claim.checks if not c.passed)
    if area >= 1:
        return f"nothing smaller than the whole image is sufficient over {over}"
    return f"{area:.1%} of the image is sufficient over {over}"


def anyway(claim: Claim, target: Target) -> str:
    """That baselines give the target by themselves, and how far."""
    alone = [r.baseline_probability for r in claim.baselines if r.name in claim.given_by]
    return (
        f"{UNEXPLAINED}blank inputs ({', '.join(claim.given_by)}) already score about as "
        f"high for {target.label} ({max(alone):.2f}) as the image ({claim.p_image:.2f})"
    )


def failing(check: Check) -> str:
    """One failed check, and by how much."""
    if check.name == CONSISTENCY and not check.value:
        return otherwise(check)
    bar = f"{check.threshold:.0%} {'required' if check.at_least else 'allowed'}"
    got = round(check.value * check.trials)
    advice = ADVICE.get(check.name, "")
    return f"{CHECKS[check.name].finding} {got} of {check.trials} masked inputs ({bar}){advice}"


def otherwise(check: Check) -> str:
    """That the evidence does nothing in any picture."""
    return (
        "the classifier behaves otherwise on masked inputs than on pictures: laid into pictures, "
        f"the evidence moves none of {check.trials} toward the label "
        f"({check.threshold:.0%} required)"
    )


def sensitivity(result: BaselineResult) -> str:
    """To which baseline it is not robust, and what that baseline alone is predicted."""
    if result.retained == result.samples:
        score = f"{result.baseline_probability:.2f}"
        return f"{result.name} alone is already predicted as the label ({score})"
    return (
        f"not robust to {result.name} (retained on {result.retained} of {result.samples} samples "
        f"at half the image; {result.name} alone is predicted {result.baseline_label})"
    )


def sensitivity_pattern(name: str, labels: Sequence[str]) -> str:
    """The regular expression of what `sensitivity` says of a baseline, whatever its figures.

    They are measured on half the image as the search ranked it, and cannot be had without it.
    """
    label = "|".join(map(re.escape, labels))
    given = rf"{re.escape(name)} alone is already predicted as the label \(\d\.\d\d\)"
    lost = (
        rf"not robust to {re.escape(name)} \(retained on \d+ of \d+ samples at half the image; "
        rf"{re.escape(name)} alone is predicted (?:{label})\)"
    )
    return f"(?:{given}|{lost})"
