"""Every claim of a saved explanation tested again, from its files and the classifier.

The same samples are drawn again from the seed, so that the same numbers have to come out; other
baselines, samples or seeds make a new certificate of the saved mask.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case, observed, refuse_unfit
from med_cam.case.counting import predictor
from med_cam.case.references import References, relabelled
from med_cam.case.round_trip import reread
from med_cam.case.seeds import reseeded, under_seed
from med_cam.certification.certificate import certificate_of, claim_on, response_of, samples_of
from med_cam.certification.mask_tests import decision_of, mask_tests, necessity_of, suffices
from med_cam.certification.minimality import retested, sample_set
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config, relative_to
from med_cam.config.toml import overlaid
from med_cam.errors import ClassifierError
from med_cam.masking import View
from med_cam.recheck.compare import (
    Verdict,
    nothing_to_retain,
    of_claim,
    of_necessity,
    of_tests,
    promised,
)
from med_cam.report.saved import Saved
from med_cam.results import Claim, Minimality, Passes, Patch, too_small
from med_cam.verify.baseline_response import BaselineResponse


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
    """All claims of one result as they come out now, and the passes it took."""

    verdicts: tuple[Verdict, ...]
    claim: Claim | None
    passes: Passes

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds."""
        return not any(verdict.refuted for verdict in self.verdicts)


def rechecked(
    classifier: Classifier, saved: Saved, references: References | None, options: Options
) -> Recheck:
    """Test every claim of a saved explanation again.

    Args:
        classifier: the one that was explained, by the SHA-256 of its weights.
        saved: the result, from `read_saved`.
        references: the reference images of the explanation, if it had any.
        options: what is to be done otherwise.

    Raises:
        ClassifierError: if it is another classifier.
        ConfigError: if the saved settings are invalid, or the options do not suit them.
    """
    document = saved.document
    refuse_other_classifier(classifier, document)
    config = overlaid(Config(), document["config"])
    contrast = document["classifier"]["contrast"]
    if contrast:
        classifier = pairwise(classifier, document["label"], contrast)
        references = None if references is None else relabelled(references, classifier)
    with hooks_attached(classifier) as forward:
        target = document["target"]
        case = observed(
            forward, classifier, saved.image, config, target=target, references=references
        )
        single = predictor(case.outputs.classifier, classifier, options.batch)
        case = replace(case, single=View(single, case.scene))
        if document["tests"] is None:
            return nothing_rechecked(case, document)
        return claims_rechecked(case, saved, options)


def nothing_rechecked(case: Case, document: Mapping[str, Any]) -> Recheck:
    """A result that claims nothing: whether there is still nothing to retain."""
    effect = case.target.p_image - response_of(case).decision.p_baseline
    retains = case.predicted and not too_small(effect, case.config.verification.minimum_effect)
    return Recheck((nothing_to_retain(document, retains=retains),), None, case.cost())


def refuse_other_classifier(classifier: Classifier, document: Mapping[str, Any]) -> None:
    """Check that this is the classifier that was explained.

    Raises:
        ClassifierError: if the SHA-256 of its weights is another. Classifiers without weights
            files have none and cannot be distinguished.
    """
    reported, name = document["sha256"]["weights"] or "", document["classifier"]["name"]
    if reported != classifier.sha256:
        raise ClassifierError(
            f"the explanation is of the classifier {name} (SHA-256 {reported[:12] or 'unknown'}), "
            f"not of {classifier.name} (SHA-256 {classifier.sha256[:12] or 'unknown'}); give that "
            "one to --model"
        )


def claims_rechecked(case: Case, saved: Saved, options: Options) -> Recheck:
    """Every claim of a case that was tested."""
    document, now = saved.document, replace(case, config=changed(case.config, options))
    refuse_unfit(now)
    then = response_of(case)
    response = response_of(now) if options.anew else then
    tried = 1 if options.anew else tried_of(document["claim"])
    samples = options.samples or samples_of(tried, now.config.verification)
    claim = claim_on(now, saved.mask, response, tried=tried, samples=samples)
    minimality = minimality_rechecked(case, saved, then)
    tests = mask_tests(now, saved.mask, claim, minimality)
    verdicts = (
        *of_claim("", document["claim"], claim),
        *of_tests(document["tests"], tests),
        *(() if options.anew else further_masks(case, saved, then)),
    )
    return Recheck(verdicts, claim, case.cost())


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
    """Each patch, on the masked input that is its witness."""
    reported = saved.document["tests"]["minimality"]
    if reported is None:
        return None
    on = sample_set(case, response.decision)
    short = max([0, *reported["samples"]]) + 1 - len(on.samples)
    if short > 0:
        on = sample_set(case, response.decision, more=short)
    trial = on.trial(reported["samples"], reported["shifts"], tolerance=reported["tolerance"])
    return retested(case, saved.mask, trial, as_saved(reported))


def as_saved(reported: Mapping[str, Any]) -> Minimality:
    """What explanation.json says of minimality, as a value."""
    values = {field.name: reported[field.name] for field in fields(Minimality)}
    patches = (
        Patch(c["row"], c["column"], c["witness"], c["number"]) for c in reported["patches"]
    )
    lists = {
        "patches": tuple(patches),
        "samples": tuple(reported["samples"]),
        "shifts": tuple(reported["shifts"]),
    }
    return Minimality(**values | lists)


def further_masks(case: Case, saved: Saved, response: BaselineResponse) -> Iterator[Verdict]:
    """The claims on all other masks of the result."""
    tests, taken = saved.document["tests"], saved.mask
    for number, (mask, reported) in enumerate(
        zip(saved.alternatives, tests["alternatives"], strict=True), start=1
    ):
        apart = not bool((taken & mask).any())
        yield promised(f"alternative {number} is disjoint", apart)
        yield from again(f"alternative {number} ", reseeded(case, number), mask, reported["claim"])
        taken = taken | mask
    if (sufficient := tests["remainder_sufficient"]) is not None:
        rest = replace(case, open=case.open & ~reread(case, taken))
        name = f"the remainder is{'' if sufficient else ' not'} sufficient"
        yield promised(name, suffices(rest, response) == sufficient)
    if saved.necessary_superset is not None:
        reported, mask = tests["necessary_superset"], saved.necessary_superset
        claim = certificate_of(case, mask, response, tried_of(reported["claim"]))
        yield from of_claim("necessary superset ", reported["claim"], claim)
        without = necessity_of(case, mask, decision_of(case, claim))
        yield of_necessity("necessary superset ", reported["necessity"], without)
    if saved.restricted is not None:
        was = saved.document["restricted_claim"]
        config = relative_to(case.config, tuple(was["claim"]["searched"]))
        restricted = under_seed(replace(case, config=config), was["seed"])
        yield from again("restricted claim ", restricted, saved.restricted, was["claim"])


def again(
    prefix: str, case: Case, mask: Bool[Tensor, "h w"], reported: Mapping[str, Any]
) -> Iterator[Verdict]:
    """The claim on a mask that was certified as a case of its own."""
    claim = certificate_of(case, mask, response_of(case), tried_of(reported))
    yield from of_claim(prefix, reported, claim)


def tried_of(claim: Mapping[str, Any]) -> int:
    """Which of the masks tried a saved claim is on: its samples follow from that."""
    return int(claim["certificate"]["tried"])
