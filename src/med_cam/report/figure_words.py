"""What a figure says of an explanation, whatever its layout: its words, signs and outlines."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.report import wording
from med_cam.report.claims import Statement, claims, unsaid
from med_cam.report.fonts import undrawable
from med_cam.report.lettering import ELLIPSIS
from med_cam.report.panels import BESIDE_OUTLINE, RESTRICTED_OUTLINE, RUNNER_UP_OUTLINE
from med_cam.results.claim import BesideClaim, RestrictedClaim
from med_cam.results.explanation import Explanation

LONGEST_LABEL = 28  # characters of it within a sentence; the whole label stands at the top
NEUTRAL = "#4b5563"
GOOD, BAD = "#005f9e", "#b34400"  # distinct for the colour-blind, dark enough for text on white
TITLES = {  # of a rung's region
    "restricted": "Sufficient on other removals",
    "graded": "Sufficient on a milder removal",
    "necessary": "Necessary region",
    "ranked": "Better than chance",
}


class Outlined(NamedTuple):
    """A region that is outlined beside the evidence, its colour and what it is."""

    mask: Bool[Tensor, "h w"]
    color: str
    text: str


def last_panel(found: Explanation) -> tuple[str, Bool[Tensor, "h w"]] | None:
    """Title and mask of the last picture where the claim failed and a rung holds."""
    rung = wording.weaker(found)
    return None if rung is None else (TITLES[rung.name], rung.mask)


def facts(found: Explanation) -> tuple[tuple[str, str], ...]:
    """Figures of the mask; where only a rung of the ladder holds, of that."""
    before = wording.probability(found.before[found.target])
    after = wording.probability(found.after[found.target])
    if (rung := wording.weaker(found)) is not None:
        return (
            (wording.percent(rung.area), "of the image is this region"),
            (before, "probability: image"),
        )
    return (
        (wording.percent(found.area), "of the image is evidence"),
        (f"{before} \u2192 {after}", "probability: image \u2192 evidence"),
    )


def leading(found: Explanation) -> tuple[str, ...]:
    """The three highest probabilities on the whole image, and those on the evidence alone.

    Where only a rung of the ladder holds, those on the mask whose claim failed are left out.
    """
    labels = tuple(brief(label, found.labels) for label in found.labels)
    image = f"Whole image: {wording.leading(labels, found.before)}"
    if wording.weaker(found) is not None:
        return (image,)
    over = f"Evidence over {wording.baseline(found.claim.searched[0])}"
    return image, f"{over}: {wording.leading(labels, found.after)}"


def named(found: Explanation) -> str:
    """The label; with the place among the classes if it cannot be drawn as it is written."""
    if not undrawable(found.label):
        return found.label
    return f"class {found.target + 1} of {len(found.labels)}: {found.label}"


def judged(found: Explanation) -> tuple[str, str]:
    """The sign and the colour of the verdict; of a large mask neither good nor bad."""
    if not found.verified:
        return "\u2717", BAD
    return ("\u2713", GOOD) if wording.is_small(found.area) else ("\u2022", NEUTRAL)


def statements(found: Explanation) -> list[Statement]:
    """The claims, and those checks that no claim reports."""
    labels = (found.label, *found.labels)
    reported = [Statement(brief(claim.text, labels), claim.holds) for claim in claims(found)]
    reported += [Statement(wording.check(check), check.passed) for check in unsaid(found)]
    if found.area < 1:
        return reported
    # Of the whole image everything holds: that is no success.
    return [Statement(s.text, None if s.holds else s.holds) for s in reported]


def brief(text: str, labels: Sequence[str]) -> str:
    """A sentence with long labels cut short."""
    for label in sorted(labels, key=len, reverse=True):
        if len(label) > LONGEST_LABEL:
            text = text.replace(label, label[: LONGEST_LABEL - 1].rstrip() + ELLIPSIS)
    return text.replace("->", "\u2192")


def outlined_too(found: Explanation) -> list[Outlined]:
    """The other regions that are outlined, each with its colour and what it is."""
    every: list[Outlined] = []
    if found.ladder is not None and (rung := found.ladder.rung) is not None:
        weaker = f"{TITLES[rung.name].lower()}: {wording.percent(rung.area)} of the image"
        every.append(Outlined(rung.mask, RESTRICTED_OUTLINE, weaker))
    elif (restricted := found.restricted) is not None:
        holds = f"restricted claim: {_sufficiency(restricted)}"
        every.append(Outlined(restricted.mask, RESTRICTED_OUTLINE, holds))
    if (beside := found.beside) is not None:
        every.append(Outlined(beside.mask, BESIDE_OUTLINE, f"beside: {_sufficiency(beside)}"))
    if found.contrast is not None and found.contrast.runner_up.holds:
        other = found.contrast.runner_up
        speaks = f"speaks most for {other.label} ({wording.percent(other.area)})"
        every.append(Outlined(other.mask, RUNNER_UP_OUTLINE, speaks))
    return every


def _sufficiency(other: RestrictedClaim | BesideClaim) -> str:
    """The area of another mask, and whether it is sufficient over what."""
    is_ = "is" if other.claim.holds else "is not shown to be"
    over = wording.baselines(other.claim.searched)
    return f"{wording.percent(other.area)} {is_} sufficient over {over}"


def shown_parts(found: Explanation) -> Bool[Tensor, "h w"] | Int[Tensor, "h w"]:
    """The mask; where its parts are known, on each pixel the number of its part."""
    minimality = None if found.tests is None else found.tests.minimality
    parts = None if minimality is None else minimality.regions
    return found.mask if parts is None else parts


def compared_panels(found: Explanation) -> list[tuple[str, Bool[Tensor, "h w"]]]:
    """Titles and masks of what other methods show."""
    return [(wording.method(other), other.mask) for other in found.compared]
