"""Every claim of a saved explanation tested again, from its files and the classifier.

The same samples are drawn again from the seed, so that the same numbers have to come out: all that
a reader sees is computed again and compared. Other baselines, samples or seeds make a new
certificate of the saved mask; what does not rest on them is compared all the same.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

import torch

from med_cam.case.case import Case, observed, refuse_unfit
from med_cam.case.counting import predictor
from med_cam.case.fills import Fill
from med_cam.case.references import References, painted_from, relabelled
from med_cam.certification.certificate import (
    certificate_of,
    claim_on,
    claimed,
    response_of,
    samples_of,
)
from med_cam.certification.evidence import warned
from med_cam.certification.mask_tests import mask_tests
from med_cam.certification.minimality import region_side, retested, sample_set
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config, relative_to
from med_cam.config.toml import overlaid
from med_cam.errors import OutputError
from med_cam.masking import View
from med_cam.recheck.agreement import agreement_again
from med_cam.recheck.compare import (
    Verdict,
    nothing_to_retain,
    of_beside,
    of_claim,
    of_contrast,
    of_further,
    of_restricted,
    of_tests,
)
from med_cam.recheck.difference import Difference
from med_cam.recheck.document import Again, beyond_preset, changes
from med_cam.recheck.expected import contrast_again, lacking, lacking_contrast, not_found
from med_cam.recheck.fills import refuse_other_fills
from med_cam.recheck.further import Further, further_as_saved, further_masks, tried_of
from med_cam.recheck.identity import refuse_other_classifier
from med_cam.recheck.ladder import (
    as_saved as as_saved_ladder,
    ladder_again,
    no_ladder,
    of_ladder,
    with_cause,
)
from med_cam.recheck.on_edge import claim_as_saved, tests_as_saved
from med_cam.report.file_names import JSON_FILE, MASK_FILE, REGIONS_FILE
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim
from med_cam.results.contrast import Contrast
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Passes
from med_cam.verify.baseline_response import BaselineResponse

Beside = tuple[Contrast | None, Ladder | None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be tested otherwise than it was saved; None is "as it was".

    Attributes:
        baselines: names, for a claim relative to others.
        samples: of the random baselines together.
        confidence: of the bounds.
        seed: other samples than those of the explanation.
        batch: masked inputs per pass; claims are made with one.
    """

    baselines: tuple[str, ...] | None = None
    samples: int | None = None
    confidence: float | None = None
    seed: int | None = None
    batch: int = 1

    @property
    def anew(self) -> bool:
        """Whether anything but the batch differs from what was saved."""
        return any(
            value is not None
            for value in (self.baselines, self.samples, self.confidence, self.seed)
        )


@dataclass(frozen=True, slots=True)
class Recheck:
    """All claims of one result as they come out now, and the passes it took.

    Attributes:
        verdicts: claim by claim.
        differences: fields that were saved otherwise than they come out.
        claim: on the explanation's mask; None where there is none to make.
        passes: of all that was tested.
        note: what a reader should know besides; "" if nothing.
        numeric: fields that differ by no more than the outcomes on the edge allow.
    """

    verdicts: tuple[Verdict, ...]
    differences: tuple[Difference, ...]
    claim: Claim | None
    passes: Passes
    note: str = ""
    numeric: tuple[Difference, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds, and every figure is as it was saved."""
        return not self.differences and not any(verdict.refuted for verdict in self.verdicts)


def rechecked(
    classifier: Classifier,
    saved: Saved,
    references: References | None,
    options: Options,
    fills: Mapping[str, Fill] = MappingProxyType({}),
) -> Recheck:
    """Test every claim of a saved explanation again.

    Args:
        classifier: the one that was explained, by everything that decides its answers.
        saved: the result, from `read_saved`, which has checked the shape of its document.
        references: the reference images of the explanation, if it had any.
        options: what is to be done otherwise.
        fills: of the user's own, by name, those of the explanation among them.

    Raises:
        ClassifierError: if it is another classifier.
        ConfigError: if the saved settings are invalid, or the options do not suit them.
        OutputError: if it names samples that its settings do not lead to.
    """
    document = saved.document
    refuse_other_classifier(classifier, document)
    refuse_other_fills(document, fills)
    config = overlaid(Config(), document["config"])
    classifier, references = painted_from(classifier, references)
    if saved.older:  # these checks are younger
        rules = replace(config.verification, consistency=0.0, specificity_rate=0.0)
        config = replace(config, verification=rules)
    contrast = document["classifier"]["contrast"]
    if contrast:
        classifier = pairwise(classifier, document["label"], contrast)
        references = None if references is None else relabelled(references, classifier)
    with hooks_attached(classifier) as forward:
        target = document["target"]
        case = observed(
            forward,
            classifier,
            saved.image,
            config,
            target=target,
            references=references,
            fills=fills,
            further=options.baselines or (),
        )
        single = predictor(case.outputs.classifier, classifier, options.batch)
        case = replace(case, single=View(single, case.scene))
        if document["tests"] is None:
            return nothing_rechecked(case, saved, options)
        return anew(case, saved, options) if options.anew else claims_rechecked(case, saved)


def nothing_rechecked(case: Case, saved: Saved, options: Options) -> Recheck:
    """A result that claims nothing: whether there is still nothing to retain."""
    response, older = response_of(case), saved.older
    retains = case.predicted and not response.decision.given_by
    further = further_masks(case, saved, response, older=older)
    near = further_as_saved(case, further, saved, older=older)
    contrast, contrast_said = contrast_again(case, saved)
    ladder = ladder_again(case, saved, response, further.restricted)
    ladder_said = as_saved_ladder(ladder, saved, near.restricted)

    def at(attempt: int) -> Compared:
        if options.anew:
            return tuple(changes(case, saved, None, older=older)), ()
        claim = claimed(case, saved.mask, response, attempt=attempt)
        said = claim_as_saved(case, claim, saved.document["claim"])
        now, then = (
            Again(
                warned(case, saved.mask, told, response, None),
                None,
                others.restricted,
                seen,
                others.beside,
                with_cause(rungs, told),
            )
            for told, others, seen, rungs in (
                (claim, further, contrast, ladder),
                (said, near, contrast_said, ladder_said),
            )
        )
        same = (claim, further, contrast, ladder) == (said, near, contrast_said, ladder_said)
        return compared(case, saved, now, None if same else then, older=older)

    # The whole image is the first claim tried, but where candidates were searched in vain.
    several = case.config.refinement.cut != "threshold" and not options.anew
    found = at(0)
    for attempt in range(1, case.config.refinement.attempts + 1 if found[0] and several else 1):
        found = min(found, at(attempt), key=lambda one: len(one[0]))
    verdicts = (
        nothing_to_retain(saved.document, retains=retains),
        *of_restricted(saved.document, further.restricted),
        *of_ladder(saved.document, ladder),
        *of_contrast(saved.document["contrast"], contrast),
        *of_beside(saved.document, further.beside),
    )
    note = note_of(case, saved, older=older)
    other = (
        *lacking_contrast(case, saved, given_by=response.decision.given_by),
        *no_ladder(case, saved, holds=False),
        *found[0],
    )
    return Recheck(verdicts, other, None, case.cost(), note, found[1])


Compared = tuple[tuple[Difference, ...], tuple[Difference, ...]]


def compared(case: Case, saved: Saved, now: Again, said: Again | None, *, older: bool) -> Compared:
    """What differs, and what differs no longer with the outcomes on the edge as they were saved.

    Args:
        case: the image before the classifier.
        saved: the result.
        now: what came out.
        said: the same with the outcomes on the edge as they were saved; None if that is no other.
        older: whether the result is of schema version 1.
    """
    found = tuple(changes(case, saved, now, older=older))
    if said is None:
        return found, ()
    other = tuple(changes(case, saved, said, older=older))
    paths = {difference.path for difference in other}
    return other, tuple(difference for difference in found if difference.path not in paths)


def claims_rechecked(case: Case, saved: Saved) -> Recheck:
    """Every claim of a case that was tested, on the samples that it was tested on."""
    document, older, then = saved.document, saved.older, response_of(case)
    claim = certificate_of(case, saved.mask, then, tried_of(document["claim"], case.config))
    minimality = minimality_rechecked(case, saved, then)
    further = further_masks(case, saved, then, older=older)
    near = further_as_saved(case, further, saved, older=older)
    tests = mask_tests(case, saved.mask, claim, minimality)
    claim_said = claim_as_saved(case, claim, document["claim"])
    tests_said = tests_as_saved(case, tests, document["tests"], claim_said)

    contrast, contrast_said = contrast_again(case, saved)
    ladder = ladder_again(case, saved, then, further.restricted)
    ladder_said = as_saved_ladder(ladder, saved, near.restricted)
    beside, beside_said = (contrast, ladder), (contrast_said, ladder_said)

    def whole(told: Claim, found: MaskTests, others: Further, beside: Beside) -> Again:
        found = replace(
            found,
            alternatives=others.alternatives,
            remainder_sufficient=others.remainder_sufficient,
            necessary_superset=others.necessary_superset,
            agreement=agreement_again(case, saved, holds=told.holds),
        )
        told = warned(case, saved.mask, told, then, found)
        seen, rungs = beside
        rungs = with_cause(rungs, told)
        return Again(told, found, others.restricted, seen, others.beside, rungs)

    now = whole(claim, tests, further, beside)
    said = whole(claim_said, tests_said, near, beside_said)
    verdicts = (
        *of_claim("", document["claim"], claim),
        *of_tests(document["tests"], tests),
        *of_further(document, further),
        *of_ladder(document, ladder),
        *of_contrast(document["contrast"], contrast),
        *not_found(case, saved),
    )
    same = (claim, tests, further, beside) == (claim_said, tests_said, near, beside_said)
    other, numeric = compared(case, saved, now, None if same else said, older=older)
    given_by = then.decision.given_by
    absent = (*lacking(case, saved, then), *lacking_contrast(case, saved, given_by=given_by))
    other = (*absent, *no_ladder(case, saved, holds=claim.holds), *other)
    note = note_of(case, saved, older=older)
    return Recheck(verdicts, other, claim, case.cost(), note, numeric)


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
    note = note_of(case, saved, older=saved.older)
    return Recheck(verdicts, other, claim, case.cost(), note)


def note_of(case: Case, saved: Saved, *, older: bool) -> str:
    """What a reader should know besides."""
    version = "schema version 1: status and warnings are as they were saved" if older else ""
    return "; ".join(filter(None, (version, beyond_preset(case, saved.document))))


def changed(config: Config, options: Options) -> Config:
    """The settings with the options in place."""
    if options.baselines is not None:
        config = relative_to(config, options.baselines)
    if options.confidence is not None:
        rules = replace(config.verification, confidence=options.confidence)
        config = replace(config, verification=rules)
    return config if options.seed is None else replace(config, seed=options.seed)


def minimality_rechecked(
    case: Case, saved: Saved, response: BaselineResponse
) -> Minimality | None:
    """Each patch, on the masked input that is its witness; None if none was looked into.

    Raises:
        OutputError: if a sample is named that these settings do not lead to.
    """
    reported, rules = saved.document["tests"]["minimality"], case.config.certification
    if reported is None or not rules.patch:
        return None
    on = sample_set(case, response.decision)
    short = max([0, *reported["samples"]]) + 1 - len(on.samples)
    if short > 2 * rules.pool * rules.rounds:
        raise OutputError(
            f"{saved.folder / JSON_FILE} names sample {max(reported['samples'])}, which these "
            "settings do not lead to; it was changed, explain the image again"
        )
    if short > 0:
        on = sample_set(case, response.decision, more=short)
    if max([0, *reported["samples"]]) >= len(on.samples):  # of none that is random
        raise OutputError(
            f"{saved.folder / JSON_FILE} names a sample that its baselines do not have; it was "
            "changed, explain the image again"
        )
    tolerance = min(int(reported["tolerance"]), on.tolerance)
    trial = on.trial(reported["samples"], reported["shifts"], tolerance=tolerance)
    said = replace(as_saved(reported), tolerance=tolerance, regions=saved.regions)
    if saved.regions is not None:
        refuse_other_parts(saved)
        return retested(case, saved.mask, trial, replace(said, patch=region_side(case)))
    doubled = said.patch / rules.patch  # patches are made twice as large, and twice again
    if doubled < 1 or not math.log2(doubled).is_integer():
        said = replace(said, patch=rules.patch)
    return retested(case, saved.mask, trial, said)


def refuse_other_parts(saved: Saved) -> None:
    """Check that the parts of a result are those of its mask: each pixel of it in one, no other.

    Raises:
        OutputError: if they are not.
    """
    if saved.regions is None or not torch.equal(saved.regions > 0, saved.mask):
        raise OutputError(
            f"{saved.folder / REGIONS_FILE} does not divide the mask of {MASK_FILE}; it was "
            "changed, explain the image again"
        )


def as_saved(reported: Mapping[str, Any]) -> Minimality:
    """What explanation.json says of minimality, as a value."""
    names = [f.name for f in fields(Minimality) if f.name not in ("edge", "regions")]
    values = {name: reported[name] for name in names}
    patches = (
        Patch(c["row"], c["column"], c["witness"], c["number"]) for c in reported["patches"]
    )
    lists = {
        "patches": tuple(patches),
        "samples": tuple(reported["samples"]),
        "shifts": tuple(reported["shifts"]),
    }
    return Minimality(**values | lists)
