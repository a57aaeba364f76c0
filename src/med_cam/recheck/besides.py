"""What a result tells besides its claim and the tests of its mask, as it comes out now."""

from dataclasses import dataclass, replace

from med_cam.case.case import Case
from med_cam.certification.evidence import warned
from med_cam.recheck.document import Again
from med_cam.recheck.expected import contrast_again
from med_cam.recheck.further import Further, further_as_saved, further_masks
from med_cam.recheck.ladder import as_saved as ladder_as_saved, ladder_again, with_cause
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim
from med_cam.results.contrast import Contrast
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.verify.baseline_response import BaselineResponse


@dataclass(frozen=True, slots=True)
class Besides:
    """What is told besides the claim and its tests.

    Attributes:
        further: all masks but the explanation's own.
        contrast: what would have to be there for another label.
        ladder: of weaker claims.
    """

    further: Further
    contrast: Contrast | None
    ladder: Ladder | None


def besides_again(case: Case, saved: Saved, response: BaselineResponse) -> tuple[Besides, Besides]:
    """All of it as it comes out, and with the outcomes on the edge as they were saved."""
    further = further_masks(case, saved, response, older=saved.older)
    near = further_as_saved(case, further, saved, older=saved.older)
    contrast, contrast_said = contrast_again(case, saved)
    ladder = ladder_again(case, saved, response, further.restricted)
    ladder_said = ladder_as_saved(ladder, saved, near.restricted)
    return Besides(further, contrast, ladder), Besides(near, contrast_said, ladder_said)


def again(
    case: Case,
    saved: Saved,
    response: BaselineResponse,
    claim: Claim,
    tests: MaskTests | None,
    besides: Besides,
) -> Again:
    """The whole of a result, its claim with all warnings."""
    told, further = warned(case, saved.mask, claim, response, tests), besides.further
    ladder = with_cause(besides.ladder, told)
    return Again(told, tests, further.restricted, besides.contrast, further.beside, ladder)


def with_further(tests: MaskTests, further: Further) -> MaskTests:
    """The tests of the mask with the further masks."""
    return replace(
        tests,
        alternatives=further.alternatives,
        remainder_sufficient=further.remainder_sufficient,
        necessary_superset=further.necessary_superset,
    )
