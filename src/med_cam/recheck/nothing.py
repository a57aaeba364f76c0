"""A result that claims nothing, tested again."""

from med_cam.case.case import Case
from med_cam.certification.certificate import claimed, response_of
from med_cam.recheck.besides import Besides, again, besides_again
from med_cam.recheck.compare import nothing_to_retain, of_beside, of_contrast, of_restricted
from med_cam.recheck.document import changes
from med_cam.recheck.expected import lacking_contrast
from med_cam.recheck.ladder import no_ladder, of_ladder
from med_cam.recheck.on_edge import claim_as_saved
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Compared, Recheck, compared, note_of
from med_cam.report.saved import Saved
from med_cam.verify.baseline_response import BaselineResponse


def nothing_rechecked(case: Case, saved: Saved, options: Options) -> Recheck:
    """A result that claims nothing: whether there is still nothing to retain."""
    response, document = response_of(case), saved.document
    now, said = besides_again(case, saved, response)
    given_by = response.decision.given_by
    other, numeric = changes_of_nothing(case, saved, response, now, said, anew=options.anew)
    verdicts = (
        nothing_to_retain(document, retains=case.predicted and not given_by),
        *of_restricted(document, now.further.restricted),
        *of_ladder(document, now.ladder),
        *of_contrast(document["contrast"], now.contrast),
        *of_beside(document, now.further.beside),
    )
    absent = (
        *lacking_contrast(case, saved, given_by=given_by),
        *no_ladder(case, saved, holds=False),
    )
    return Recheck(verdicts, (*absent, *other), None, case.cost(), note_of(case, saved), numeric)


def changes_of_nothing(
    case: Case,
    saved: Saved,
    response: BaselineResponse,
    now: Besides,
    said: Besides,
    *,
    anew: bool,
) -> Compared:
    """What differs from the saved result, by the attempt at a claim that differs least.

    The whole image is the first claim tried, but where candidates were searched in vain.
    """
    if anew:
        return tuple(changes(case, saved, None, older=saved.older)), ()

    def at(attempt: int) -> Compared:
        claim = claimed(case, saved.mask, response, attempt=attempt)
        told = claim_as_saved(case, claim, saved.document["claim"])
        found = again(case, saved, response, claim, None, now)
        near = again(case, saved, response, told, None, said)
        return compared(case, saved, found, None if (claim, now) == (told, said) else near)

    rules, found = case.config.refinement, at(0)
    several = rules.cut != "threshold"
    for attempt in range(1, rules.attempts + 1 if found[0] and several else 1):
        found = min(found, at(attempt), key=lambda one: len(one[0]))
    return found
