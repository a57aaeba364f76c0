"""Every claim of a saved explanation put again, from its files and the classifier.

The same draws are drawn again from the seed, so that the same numbers have to come out; other
backgrounds, draws or seeds make a new certificate of the saved mask.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from med_cam.case.case import Case, observed, refuse_unfit
from med_cam.case.counting import predictor
from med_cam.case.references import References
from med_cam.case.round_trip import reread
from med_cam.case.seeds import reseeded
from med_cam.certification.certificate import certificate_of, claim_on, response_of, samples_of
from med_cam.certification.mask_tests import mask_tests, necessity_of, suffices
from med_cam.certification.minimality import retested, sample_set
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config, relative_to
from med_cam.config.toml import overlaid
from med_cam.errors import ClassifierError
from med_cam.recheck.compare import (
    Verdict,
    nothing_to_keep,
    of_claim,
    of_necessity,
    of_proof,
    promised,
)
from med_cam.report.saved import Saved
from med_cam.results import Claim, Minimality, Passes, Patch
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for beyond what was saved; None is "as it was".

    Attributes:
        backgrounds: names, for a claim relative to others.
        draws: of the random backgrounds together.
        confidence: of the bounds.
        seed: other draws than those of the explanation.
        batch: composites a pass; claims are made with one.
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
class Rechecked:
    """All claims of one result, and what it took to put them again."""

    verdicts: tuple[Verdict, ...]
    claim: Claim | None
    passes: Passes

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds."""
        return not any(verdict.refuted for verdict in self.verdicts)


def rechecked(
    classifier: Classifier, saved: Saved, references: References | None, options: Options
) -> Rechecked:
    """Put every claim of a saved explanation again.

    Args:
        classifier: the one that was explained, by the SHA-256 of its weights.
        saved: the result, from `read_saved`.
        references: the other images of the explanation, if it had any.
        asked: what is to be done otherwise.

    Raises:
        ClassifierError: if it is another classifier.
        ConfigError: if the saved settings are none, or those asked for do not suit.
    """
    document = saved.document
    refuse_other_classifier(classifier, document)
    config = overlaid(Config(), document["config"])
    against = document["classifier"]["contrast"]
    if against:
        classifier = pairwise(classifier, document["label"], against)
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, saved.image, document["target"], references, config)
        case = replace(case, predict_one=predictor(case.forward, classifier, options.batch))
        if document["tests"] is None:
            gap = case.target.p_image - response_of(case, config).decision.p_baseline
            retains = case.decided and gap >= config.verification.minimum_effect
            return Rechecked((nothing_to_keep(document, retains=retains),), None, case.cost())
        return recheck_claims(case, saved, config, options)


def refuse_other_classifier(classifier: Classifier, document: Mapping[str, Any]) -> None:
    """Check that this is the classifier that was explained.

    Raises:
        ClassifierError: if the SHA-256 of its weights is another. Classifiers without weights
            files have none and are not told apart.
    """
    reported, name = document["sha256"]["weights"] or "", document["classifier"]["name"]
    if reported != classifier.sha256:
        raise ClassifierError(
            f"the explanation is of the classifier {name} (SHA-256 {reported[:12] or 'unknown'}), "
            f"not of {classifier.name} (SHA-256 {classifier.sha256[:12] or 'unknown'}); give that "
            "one to --model"
        )


def recheck_claims(case: Case, saved: Saved, config: Config, options: Options) -> Rechecked:
    """Claims of a case that something was proved of."""
    document, now = saved.document, changed(config, options)
    refuse_unfit(case, now)
    then = response_of(case, config)
    response = response_of(case, now) if options.anew else then
    tried = 1 if options.anew else tried_of(document["claim"])
    samples = options.samples or samples_of(tried, now.verification)
    claim = claim_on(case, saved.mask, response, now, tried=tried, samples=samples)
    minimality = minimality_rechecked(case, saved, then, config)
    tests = mask_tests(case, saved.mask, claim, minimality, now)
    verdicts = (
        *of_claim("", document["claim"], claim),
        *of_proof(document["tests"], tests),
        *(() if options.anew else further_masks(case, saved, then, config)),
    )
    return Rechecked(verdicts, claim, case.cost())


def changed(config: Config, options: Options) -> Config:
    """The settings with what is asked for."""
    if options.baselines is not None:
        config = relative_to(config, options.baselines)
    if options.confidence is not None:
        rules = replace(config.verification, confidence=options.confidence)
        config = replace(config, verification=rules)
    return config if options.seed is None else replace(config, seed=options.seed)


def minimality_rechecked(
    case: Case, saved: Saved, response: BaselineResponse, config: Config
) -> Minimality | None:
    """Each cell, on the composite that was told to show that it is needed."""
    reported = saved.document["tests"]["minimality"]
    if reported is None:
        return None
    on = sample_set(case, response.decision, config)
    short = max([0, *reported["samples"]]) + 1 - len(on.samples)
    if short > 0:
        on = sample_set(case, response.decision, config, more=short)
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


def further_masks(
    case: Case, saved: Saved, response: BaselineResponse, config: Config
) -> Iterator[Verdict]:
    """The claims on all other masks of the result."""
    tests, restricted = saved.document["tests"], saved.document["restricted_claim"]
    taken = saved.mask
    for number, (mask, reported) in enumerate(
        zip(saved.alternatives, tests["alternatives"], strict=True), start=1
    ):
        apart = not bool((taken & mask).any())
        yield promised(f"alternative {number} is disjoint", apart)
        settings = reseeded(config, number)
        baseline_p = response_of(case, settings)
        claim = certificate_of(case, mask, baseline_p, settings, tried_of(reported["claim"]))
        yield from of_claim(f"alternative {number} ", reported["claim"], claim)
        taken = taken | mask
    if tests["remainder_sufficient"]:
        rest = replace(case, open=case.open & ~reread(case, taken))
        yield promised("what is left is not sufficient", not suffices(rest, response, config))
    if saved.necessary_superset is not None:
        reported = tests["necessary_superset"]
        claim = certificate_of(
            case, saved.necessary_superset, response, config, tried_of(reported["claim"])
        )
        yield from of_claim("enlarged mask ", reported["claim"], claim)
        decision = Decision(case.target, claim.p_baseline, claim.threshold)
        without = necessity_of(case, saved.necessary_superset, decision, config)
        yield of_necessity("enlarged mask ", reported["necessity"], without)
    if saved.restricted is not None:
        fewer = relative_to(config, tuple(restricted["claim"]["searched"]))
        reported, baseline_p = restricted["claim"], response_of(case, fewer)
        claim = certificate_of(case, saved.restricted, baseline_p, fewer, tried_of(reported))
        yield from of_claim("fallback ", reported, claim)


def tried_of(claim: Mapping[str, Any]) -> int:
    """Which of the masks tried a saved claim is on: its draws follow from that."""
    return int(claim["certificate"]["tried"])
