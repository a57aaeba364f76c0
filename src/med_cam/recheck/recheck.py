"""Every claim of a saved explanation put again, from its files and the classifier.

The same draws are drawn again from the seed, so that the same numbers have to come out; other
backgrounds, draws or seeds make a new certificate of the saved mask.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from med_cam.case.case import Case, observed, refuse_unfit
from med_cam.case.counting import answers
from med_cam.case.references import References
from med_cam.case.round_trip import reread
from med_cam.case.seeds import reseeded
from med_cam.certification.certificate import certificate_of, claim_on, draws_of, empty_of
from med_cam.certification.mask_tests import necessity_of, proof_of, suffices
from med_cam.certification.minimality import ground, seen_again
from med_cam.classifiers.base import Classifier, attached
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
from med_cam.results import Cell, Claim, Minimality, Passes
from med_cam.verify.decision import Decision
from med_cam.verify.emptiness import Emptiness


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for beyond what was saved; None is "as it was".

    Attributes:
        backgrounds: names, for a claim relative to others.
        draws: of the random backgrounds together.
        confidence: of the bounds.
        seed: other draws than those of the explanation.
        batch: composites a pass; claims are made with one.
    """

    backgrounds: tuple[str, ...] | None = None
    draws: int | None = None
    confidence: float | None = None
    seed: int | None = None
    batch: int = 1

    @property
    def anew(self) -> bool:
        """Whether anything but the batch differs from what was saved."""
        return any(
            value is not None
            for value in (self.backgrounds, self.draws, self.confidence, self.seed)
        )


@dataclass(frozen=True, slots=True)
class Recomputed:
    """All claims of one result, and what it took to put them again."""

    verdicts: tuple[Verdict, ...]
    claim: Claim | None
    passes: Passes

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds."""
        return not any(verdict.refuted for verdict in self.verdicts)


def recomputed(
    classifier: Classifier, saved: Saved, references: References | None, asked: Asked
) -> Recomputed:
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
    against = document["classifier"]["against"]
    if against:
        classifier = pairwise(classifier, document["label"], against)
    with attached(classifier) as forward:
        case = observed(forward, classifier, saved.image, document["target"], references, config)
        case = replace(case, singly=answers(case.forward, classifier, asked.batch))
        if document["proof"] is None:
            gap = case.question.full - empty_of(case, config).decision.empty
            keeps = case.decided and gap >= config.verification.least_gap
            return Recomputed((nothing_to_keep(document, keeps=keeps),), None, case.spent())
        return put_again(case, saved, config, asked)


def refuse_other_classifier(classifier: Classifier, document: Mapping[str, Any]) -> None:
    """Check that this is the classifier that was explained.

    Raises:
        ClassifierError: if the SHA-256 of its weights is another. Classifiers without weights
            files have none and are not told apart.
    """
    told, name = document["sha256"]["weights"] or "", document["classifier"]["name"]
    if told != classifier.sha256:
        raise ClassifierError(
            f"the explanation is of the classifier {name} (SHA-256 {told[:12] or 'unknown'}), "
            f"not of {classifier.name} (SHA-256 {classifier.sha256[:12] or 'unknown'}); give that "
            "one to --model"
        )


def put_again(case: Case, saved: Saved, config: Config, asked: Asked) -> Recomputed:
    """Claims of a case that something was proved of."""
    document, now = saved.document, changed(config, asked)
    refuse_unfit(case, now)
    then = empty_of(case, config)
    empty = empty_of(case, now) if asked.anew else then
    tried = 1 if asked.anew else tried_of(document["claim"])
    draws = asked.draws or draws_of(tried, now.verification)
    claim = claim_on(case, saved.mask, empty, now, tried=tried, draws=draws)
    minimality = minimality_again(case, saved, then, config)
    proof = proof_of(case, saved.mask, claim, minimality, now)
    verdicts = (
        *of_claim("", document["claim"], claim),
        *of_proof(document["proof"], proof),
        *(() if asked.anew else further_masks(case, saved, then, config)),
    )
    return Recomputed(verdicts, claim, case.spent())


def changed(config: Config, asked: Asked) -> Config:
    """The settings with what is asked for."""
    if asked.backgrounds is not None:
        config = relative_to(config, asked.backgrounds)
    if asked.confidence is not None:
        rules = replace(config.verification, confidence=asked.confidence)
        config = replace(config, verification=rules)
    return config if asked.seed is None else replace(config, seed=asked.seed)


def minimality_again(
    case: Case, saved: Saved, empty: Emptiness, config: Config
) -> Minimality | None:
    """Each cell, on the composite that was told to show that it is needed."""
    told = saved.document["proof"]["minimality"]
    if told is None:
        return None
    on = ground(case, empty.decision, config)
    short = max([0, *told["draws"]]) + 1 - len(on.draws)
    if short > 0:
        on = ground(case, empty.decision, config, more=short)
    trial = on.trial(told["draws"], told["shifts"], spare=told["spare"])
    return seen_again(case, saved.mask, trial, as_saved(told))


def as_saved(told: Mapping[str, Any]) -> Minimality:
    """What explanation.json says of minimality, as a value."""
    values = {field.name: told[field.name] for field in fields(Minimality)}
    cells = (Cell(c["row"], c["column"], c["lost_by"], c["number"]) for c in told["cells"])
    lists = {"cells": tuple(cells), "draws": tuple(told["draws"]), "shifts": tuple(told["shifts"])}
    return Minimality(**values | lists)


def further_masks(case: Case, saved: Saved, empty: Emptiness, config: Config) -> Iterator[Verdict]:
    """The claims on all other masks of the result."""
    proof, fallback = saved.document["proof"], saved.document["fallback"]
    taken = saved.mask
    for number, (mask, told) in enumerate(
        zip(saved.alternatives, proof["alternatives"], strict=True), start=1
    ):
        apart = not bool((taken & mask).any())
        yield promised(f"alternative {number} is disjoint", apart)
        settings = reseeded(config, number)
        alone = empty_of(case, settings)
        claim = certificate_of(case, mask, alone, settings, tried_of(told["claim"]))
        yield from of_claim(f"alternative {number} ", told["claim"], claim)
        taken = taken | mask
    if proof["exhausted"]:
        rest = replace(case, open=case.open & ~reread(case, taken))
        yield promised("what is left is not sufficient", not suffices(rest, empty, config))
    if saved.enlarged is not None:
        told = proof["enlarged"]
        claim = certificate_of(case, saved.enlarged, empty, config, tried_of(told["claim"]))
        yield from of_claim("enlarged mask ", told["claim"], claim)
        decision = Decision(case.question, claim.empty, claim.required)
        without = necessity_of(case, saved.enlarged, decision, config)
        yield of_necessity("enlarged mask ", told["necessity"], without)
    if saved.fallback is not None:
        fewer = relative_to(config, tuple(fallback["claim"]["searched"]))
        told, alone = fallback["claim"], empty_of(case, fewer)
        claim = certificate_of(case, saved.fallback, alone, fewer, tried_of(told))
        yield from of_claim("fallback ", told, claim)


def tried_of(claim: Mapping[str, Any]) -> int:
    """Which of the masks tried a saved claim is on: its draws follow from that."""
    return int(claim["certificate"]["tried"])
