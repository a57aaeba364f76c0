"""The claims of a result, tested again: on their own samples, or on others."""

from dataclasses import replace

from med_cam.case.case import Case, refuse_unfit
from med_cam.certification.certificate import certificate_of, claim_on, response_of, samples_of
from med_cam.certification.mask_tests import mask_tests
from med_cam.recheck.agreement import agreement_again
from med_cam.recheck.besides import Besides, again, besides_again, with_further
from med_cam.recheck.compare import of_claim, of_contrast, of_further, of_tests
from med_cam.recheck.document import Again, changes
from med_cam.recheck.expected import lacking, lacking_contrast, not_found
from med_cam.recheck.further import numbers_of
from med_cam.recheck.ladder import no_ladder, of_ladder
from med_cam.recheck.minimality import minimality_rechecked
from med_cam.recheck.on_edge import claim_as_saved, tests_as_saved
from med_cam.recheck.options import Options, changed
from med_cam.recheck.outcome import Recheck, compared, note_of
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import MaskTests


def claims_rechecked(case: Case, saved: Saved) -> Recheck:
    """Every claim of a case that was tested, on the samples that it was tested on."""
    document, response = saved.document, response_of(case)
    numbers = numbers_of(document["claim"], case.config)
    claim = certificate_of(case, saved.mask, response, *numbers)
    minimality = minimality_rechecked(case, saved, response)
    now, said = besides_again(case, saved, response)
    tests = mask_tests(case, saved.mask, claim, minimality)
    claim_said = claim_as_saved(case, claim, document["claim"])
    tests_said = tests_as_saved(case, tests, document["tests"], claim_said)

    def whole(told: Claim, found: MaskTests, besides: Besides) -> Again:
        agreement = agreement_again(case, saved, holds=told.holds)
        found = replace(with_further(found, besides.further), agreement=agreement)
        return again(case, saved, response, told, found, besides)

    same = (claim, tests, now) == (claim_said, tests_said, said)
    near = whole(claim_said, tests_said, said)
    other, numeric = compared(case, saved, whole(claim, tests, now), None if same else near)
    verdicts = (
        *of_claim("", document["claim"], claim),
        *of_tests(document["tests"], tests),
        *of_further(document, now.further),
        *of_ladder(document, now.ladder),
        *of_contrast(document["contrast"], now.contrast),
        *not_found(case, saved),
    )
    absent = (
        *lacking(case, saved, response),
        *lacking_contrast(case, saved, given_by=response.decision.given_by),
        *no_ladder(case, saved, holds=claim.holds),
    )
    note = note_of(case, saved)
    return Recheck(verdicts, (*absent, *other), claim, case.cost(), note, numeric)


def anew(case: Case, saved: Saved, options: Options) -> Recheck:
    """A new certificate of the saved mask, and of its figures those that do not rest on it."""
    document, now = saved.document, replace(case, config=changed(case.config, options))
    refuse_unfit(now)
    samples = options.samples or samples_of(1, now.config.verification)
    claim = claim_on(now, saved.mask, response_of(now), tried=1, samples=samples)
    response = response_of(case)
    minimality = minimality_rechecked(case, saved, response)
    tests = mask_tests(now, saved.mask, claim, minimality)
    verdicts = (*of_claim("", document["claim"], claim), *of_tests(document["tests"], tests))
    other = (
        *lacking(case, saved, response),
        *changes(case, saved, None, older=saved.older),
    )
    return Recheck(verdicts, other, claim, case.cost(), note_of(case, saved))
