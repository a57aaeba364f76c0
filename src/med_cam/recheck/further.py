"""The further masks of a saved result, each tested again as it was: as a case of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import beside, reseeded, restricted_to, under_seed
from med_cam.certification.certificate import (
    certificate_of,
    response_of,
    samples_of,
    superset_claim,
)
from med_cam.certification.mask_tests import decision_of, necessity_of, suffices
from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Config, relative_to
from med_cam.errors import OutputError
from med_cam.recheck.on_edge import claim_as_saved, necessity_as_saved
from med_cam.recheck.tried import restricted_confidence
from med_cam.report.saved import Saved
from med_cam.results.claim import BesideClaim, Claim, RestrictedClaim
from med_cam.results.mask_tests import Alternative, NecessarySuperset
from med_cam.verify.baseline_response import BaselineResponse

Document = Mapping[str, Any]  # a part of explanation.json


@dataclass(frozen=True, slots=True)
class Further:
    """What came out of all masks but the explanation's own.

    Attributes:
        alternatives: in their order.
        apart: whether each is disjoint from the explanation's mask and those before it.
        remainder_sufficient: as in `MaskTests`.
        necessary_superset: if there is one.
        restricted: if there is one.
        beside: if there is one.
    """

    alternatives: tuple[Alternative, ...]
    apart: tuple[bool, ...]
    remainder_sufficient: bool | None
    necessary_superset: NecessarySuperset | None
    restricted: RestrictedClaim | None
    beside: BesideClaim | None = None


def further_masks(case: Case, saved: Saved, response: BaselineResponse, *, older: bool) -> Further:
    """Every further mask of a result on the samples that it was certified on."""
    others, apart, taken = [], [], saved.mask
    entries = (saved.document["tests"] or {"alternatives": ()})["alternatives"]
    for number, (mask, reported) in enumerate(
        zip(saved.alternatives, entries, strict=True), start=1
    ):
        apart.append(not bool((taken & mask).any()))
        claim = again(reseeded(case, number), mask, reported["claim"])
        others.append(Alternative(mask, area_of(mask), claim))
        taken = taken | mask
    return Further(
        tuple(others),
        tuple(apart),
        remainder(case, saved, taken, response),
        superset(case, saved, response),
        restricted_claim(case, saved, older=older),
        beside_claim(case, saved),
    )


def remainder(
    case: Case, saved: Saved, taken: Bool[Tensor, "h w"], response: BaselineResponse
) -> bool | None:
    """Whether what all masks leave is sufficient; None where that was not asked."""
    if saved.document["tests"] is None or not case.config.certification.alternatives:
        return None
    return suffices(replace(case, open=case.open & ~reread(case, taken)), response)


def superset(case: Case, saved: Saved, response: BaselineResponse) -> NecessarySuperset | None:
    """The necessary superset, on the baseline response of the explanation."""
    mask = saved.necessary_superset
    if mask is None:
        return None
    reported = saved.document["tests"]["necessary_superset"]["claim"]
    claim = superset_claim(case, mask, response, *numbers_of(reported, case.config))
    without = necessity_of(case, mask, decision_of(case, claim))
    return NecessarySuperset(mask, area_of(mask), claim, without)


def restricted_claim(case: Case, saved: Saved, *, older: bool) -> RestrictedClaim | None:
    """The restricted claim, under the seed that follows from the explanation's.

    In schema version 1 it was the explanation's own.
    """
    if saved.restricted is None:
        return None
    reported, names = saved.document["restricted_claim"]["claim"], case.config.verification
    searched = tuple(reported["searched"])
    fewer = fewer_of(case, saved, searched, older=older)
    claim = again(fewer, saved.restricted, reported)
    dropped = tuple(name for name in names.baselines if name not in searched)
    area = area_of(saved.restricted)
    return RestrictedClaim(saved.restricted, area, claim, dropped, fewer.config.seed)


def beside_claim(case: Case, saved: Saved) -> BesideClaim | None:
    """The claim over other removals, under the seed that follows from the explanation's."""
    if saved.beside is None or not case.config.verification.beside:
        return None
    second = beside(case)
    claim = again(second, saved.beside, saved.document["beside_claim"]["claim"])
    images, seed = len(second.scene.others), second.config.seed
    return BesideClaim(saved.beside, area_of(saved.beside), claim, images, seed)


def fewer_of(case: Case, saved: Saved, searched: tuple[str, ...], *, older: bool) -> Case:
    """The case of a restricted claim; as a rung of the ladder it has a part of the risk."""
    if older:
        fewer = replace(case, config=relative_to(case.config, searched))
        return under_seed(fewer, case.config.seed)
    return restricted_to(case, searched, restricted_confidence(case, saved))


def further_as_saved(case: Case, now: Further, saved: Saved, *, older: bool) -> Further:
    """All of it with the outcomes on the edge as they were saved."""
    document = saved.document
    tests = document["tests"] or {"alternatives": ()}
    others = zip(now.alternatives, tests["alternatives"], strict=True)
    alternatives = tuple(
        replace(other, claim=claim_as_saved(reseeded(case, number), other.claim, was["claim"]))
        for number, (other, was) in enumerate(others, start=1)
    )
    larger, restricted = now.necessary_superset, now.restricted
    if larger is not None:
        was = tests["necessary_superset"]
        necessity = necessity_as_saved(larger.necessity, was["necessity"], case.target.labels)
        claim = claim_as_saved(case, larger.claim, was["claim"])
        larger = replace(larger, claim=claim, necessity=necessity)
    if restricted is not None:
        fewer = fewer_of(case, saved, restricted.claim.searched, older=older)
        was = document["restricted_claim"]["claim"]
        restricted = replace(restricted, claim=claim_as_saved(fewer, restricted.claim, was))
    second = now.beside
    if second is not None:
        was = document["beside_claim"]["claim"]
        second = replace(second, claim=claim_as_saved(beside(case), second.claim, was))
    return replace(
        now,
        alternatives=alternatives,
        necessary_superset=larger,
        restricted=restricted,
        beside=second,
    )


def again(case: Case, mask: Bool[Tensor, "h w"], reported: Document) -> Claim:
    """The claim on a mask that was certified as a case of its own."""
    return certificate_of(case, mask, response_of(case), *numbers_of(reported, case.config))


class Numbers(NamedTuple):
    """Which certificate a saved claim has, which draw of samples, and how many of them."""

    tried: int
    draw: int
    samples: int


def numbers_of(claim: Document, config: Config) -> Numbers:
    """What risk and which samples a saved claim has.

    Samples are as many as its certificate takes, or took when a first mask might lose none of 63;
    never a number of the file's own, which may have been chosen after a look at them.

    Raises:
        OutputError: more than there can have been, or fewer draws than certificates.
    """
    rules, certificate = config.certification, claim["certificate"]
    if certificate is None:
        return Numbers(1, 1, samples_taken(claim, 1, config))
    tried, draw = int(certificate["tried"]), int(certificate["draw"])
    most = 2 * rules.rounds + rules.grown + 1  # the superset's among them
    for name, number, limit in (("mask", tried, draw), ("draw", draw, most)):
        if number > limit:
            raise OutputError(
                f"a certificate of explanation.json is said to be that of {name} number {number}, "
                f"where there can be {limit}; it was changed, explain the image again"
            )
    return Numbers(tried, draw, samples_taken(claim, tried, config))


def samples_taken(claim: Document, tried: int, config: Config) -> int:
    """How many samples the n-th certificate took: by the rule of today, or by the one before."""
    random = [b for b in claim["baselines"] if b["searched"] and not is_fixed(b["name"])]
    now, before = (samples_of(tried, config.verification, earlier=e) for e in (False, True))
    each = -(-before // max(1, len(random)))
    return before if random and all(b["samples"] == each for b in random) else now


def area_of(mask: Bool[Tensor, "h w"]) -> float:
    """The share of pixels in a mask, as it is saved."""
    return mask.float().mean().item()
