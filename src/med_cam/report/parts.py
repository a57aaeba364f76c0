"""The regions of an explanation, one after the other, as exports for other programs name them."""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from med_cam.report import wording
from med_cam.report.panels import BESIDE_OUTLINE, OUTLINE, RESTRICTED_OUTLINE, RUNNER_UP_OUTLINE
from med_cam.results.claim import Claim
from med_cam.results.contrast import Contrast
from med_cam.results.explanation import Explanation
from med_cam.results.mask_tests import MaskTests

SUFFICIENT, NOT_SUFFICIENT = "sufficient", "not sufficient"


@dataclass(frozen=True, slots=True)
class Part:
    """A region and what was found of it.

    Attributes:
        name: what it is, such as `evidence`; one of a kind.
        label: the label that it speaks for.
        mask: true = the region, in the source image's own pixels.
        finding: what the tests showed of it, in a few words.
        holds: whether that is what was claimed.
        color: that it is drawn in, as `#00e1ff`.
    """

    name: str
    label: str
    mask: Bool[Tensor, "h w"]
    finding: str
    holds: bool
    color: str = OUTLINE


def parts(found: Explanation) -> tuple[Part, ...]:
    """The regions of an explanation, the evidence first; those without a pixel are left out."""
    return tuple(part for part in _all(found) if bool(part.mask.any()))


def _all(found: Explanation) -> Iterator[Part]:
    label = found.label
    yield Part("evidence", label, found.mask, wording.verdict(found), found.verified)
    if (other := found.restricted) is not None:
        yield _claimed("restricted evidence", label, other.mask, other.claim)
    if found.ladder is not None and (rung := found.ladder.rung) is not None:
        words, color = wording.WEAKER[rung.name], RESTRICTED_OUTLINE
        yield Part("weaker evidence", label, rung.mask, words, rung.holds, color)
    if (beside := found.beside) is not None:
        yield _claimed("evidence beside", label, beside.mask, beside.claim, BESIDE_OUTLINE)
    if found.tests is not None:
        yield from _of_tests(found.tests, label)
    if found.contrast is not None:
        yield from _of_contrast(found.contrast, label)


def _of_tests(tests: MaskTests, label: str) -> Iterator[Part]:
    for number, other in enumerate(tests.alternatives, start=1):
        yield _claimed(f"further evidence {number}", label, other.mask, other.claim)
    if (superset := tests.necessary_superset) is not None:
        holds = superset.claim.holds and superset.necessity.holds
        words = "sufficient and necessary" if holds else "not both sufficient and necessary"
        yield Part("necessary superset", label, superset.mask, words, holds, RESTRICTED_OUTLINE)


def _of_contrast(contrast: Contrast, label: str) -> Iterator[Part]:
    quiet, other = contrast.quiet, contrast.runner_up
    words = "no other label comes up" if quiet.holds else "another label comes up"
    yield Part("quiet region", label, quiet.mask, words, quiet.holds)
    words = "speaks most for this label" if other.holds else "no more than random regions do"
    yield Part("runner-up", other.label, other.mask, words, other.holds, RUNNER_UP_OUTLINE)


def _claimed(
    name: str, label: str, mask: Bool[Tensor, "h w"], claim: Claim, color: str = RESTRICTED_OUTLINE
) -> Part:
    """A region that is claimed to be sufficient over the removals that are named."""
    words = SUFFICIENT if claim.holds else NOT_SUFFICIENT
    over = wording.baselines(claim.searched)
    return Part(name, label, mask, f"{words} over {over}", claim.holds, color)
