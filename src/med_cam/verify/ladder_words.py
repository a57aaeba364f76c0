"""What the ladder of claims says, in plain words: the same when it is made and re-checked."""

import math
from collections.abc import Callable, Mapping, Sequence

from med_cam.config.baselines import BASELINES, described, is_own
from med_cam.results.check import (
    CONSISTENCY,
    SHAPE_LEAKAGE,
    SHIFT_STABILITY,
    SPECIFICITY,
    SUFFICIENCY,
)
from med_cam.results.claim import SURE, Claim
from med_cam.results.ladder import Attempt, Control, Ladder, Rung
from med_cam.verify.status import UNEXPLAINED


def sentence(rung: Rung) -> str:
    """What a rung says, with its bound and what random masks do."""
    return f"{WORDS[rung.name](rung)}; random regions of that size: {_of(rung.control)}"


def restricted(rung: Rung) -> str:
    """Fewer removals, or others."""
    return (
        f"sufficient on another set of removals: {_area(rung)} of the image retains the "
        f"prediction over {_over(rung)} only{_bounded(rung)}"
    )


def graded(rung: Rung) -> str:
    """A milder removal: another one, or the same at a share of its strength."""
    if rung.strength == 1:
        return (
            f"sufficient on a milder removal: {_area(rung)} of the image retains the prediction "
            f"over {_over(rung)}{_bounded(rung)}"
        )
    return (
        f"sufficient up to {rung.strength:.0%} of the way: {_area(rung)} of the image retains the "
        f"prediction with the rest moved so far to {_over(rung)}{_bounded(rung)}"
    )


def necessary(rung: Rung) -> str:
    """Hidden, not shown."""
    return (
        f"necessary: hiding {_area(rung)} of the image by {_over(rung)} changes the prediction"
        f"{_bounded(rung)}"
    )


def ranked(rung: Rung) -> str:
    """Better than chance."""
    return (
        f"better than chance only: {_area(rung)} of the image scores higher over {_over(rung)} "
        f"than random regions (p = {rung.control.chance:.2g})"
    )


WORDS: Mapping[str, Callable[[Rung], str]] = {
    "restricted": restricted,
    "graded": graded,
    "necessary": necessary,
    "ranked": ranked,
}


def nothing(claim: Claim, tried: Sequence[Attempt]) -> str:
    """That no rung holds, and why: the cause first, then what was not tried."""
    left_out = [one.name for one in tried if one.outcome == "no_passes"]
    rest = f" (not tried, for want of passes: {', '.join(left_out)})" if left_out else ""
    return f"no weaker claim holds: {cause(claim)}{rest}"


def cause(claim: Claim) -> str:
    """Why nothing holds, by the claim on the mask of the explanation."""
    if claim.given_by:
        return blank(claim)
    failed = [check.name for check in claim.checks if not check.passed]
    return CAUSES[failed[0]] if failed else SPREAD


def blank(claim: Claim) -> str:
    """A blank input does what the image does."""
    alone = {r.name: r.baseline_probability for r in claim.baselines if r.name in claim.given_by}
    name = max(alone, key=lambda given: alone[given])
    if alone[name] >= SURE:
        return f"a blank input ({_word(name)}) gives the label by itself"
    return f"no effect is left: a blank input ({_word(name)}) scores about as high as the image"


SPREAD = (
    "no region of at most half of the image is sufficient, and none was found that is reliably "
    "needed"
)
CAUSES: Mapping[str, str] = {
    SUFFICIENCY: "the prediction is lost wherever the rest of the image is hidden",
    SHAPE_LEAKAGE: "the outline of the region gives the label, whatever it shows",
    SHIFT_STABILITY: "the prediction is not stable when the region is moved by a few pixels",
    SPECIFICITY: "any region of that size does as well as this one",
    CONSISTENCY: "what suffices behind a mask does not speak for the label in pictures",
}


def said_by(ladder: Ladder | None) -> bool:
    """Whether the ladder says what the restricted claim is."""
    return ladder is not None and ladder.name == "restricted"


def with_ladder(status: str, ladder: Ladder | None, *, held: bool) -> str:
    """The status with what the ladder found: first where the full claim failed, else last."""
    if ladder is None:
        return status
    if held or ladder.rung is None:
        return f"{status}; {ladder.sentence}"
    return f"{ladder.sentence}; {status.removeprefix(UNEXPLAINED)}"


def _of(control: Control) -> str:
    return f"{control.hits} of {control.masks}"


def _area(rung: Rung) -> str:
    return "<0.1%" if rung.area < 0.0005 else f"{rung.area:.1%}"


def _over(rung: Rung) -> str:
    words = [_word(name) for name in rung.searched]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _word(name: str) -> str:
    return described(name).words if name in BASELINES or is_own(name) else name


def _bounded(rung: Rung) -> str:
    """As in "in at least 95.0% of samples (112 of 112)"; nothing where there is no chance."""
    if not rung.samples:
        return ""
    bound = math.floor(rung.bound * 1000 + 1e-9) / 10
    return f" in at least {bound:.1f}% of samples ({rung.hits} of {rung.samples})"
