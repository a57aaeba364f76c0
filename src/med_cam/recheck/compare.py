"""A claim as it was saved beside how it comes out now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from med_cam.recheck.further import Further
from med_cam.results.claim import BesideClaim, Claim, RestrictedClaim
from med_cam.results.contrast import Contrast
from med_cam.results.mask_tests import MaskTests, Necessity
from med_cam.results.minimality import Minimality
from med_cam.results.rate import Rate
from med_cam.verify.claim import CHECKS
from med_cam.verify.warnings import floored

Document = Mapping[str, Any]  # a part of explanation.json


@dataclass(frozen=True, slots=True)
class Verdict:
    """One claim.

    Attributes:
        name: what is claimed.
        claimed: whether it was claimed when the result was saved.
        now: whether it holds.
        was: the figure that was saved, in words.
        figure: the figure now.
    """

    name: str
    claimed: bool
    now: bool
    was: str
    figure: str

    @property
    def refuted(self) -> bool:
        """Whether something was claimed that does not hold."""
        return self.claimed and not self.now


def of_claim(prefix: str, reported: Document, now: Claim) -> Iterator[Verdict]:
    """Sufficiency with its bound, and each check of the claim."""
    certificate, was = now.certificate, reported["certificate"]
    if certificate is not None:
        yield Verdict(
            f"{prefix}sufficient",
            was is not None and bool(was["holds"]),
            certificate.holds,
            "nothing"
            if was is None
            else sufficient(was["retained"], was["samples"], was["bound"]),
            sufficient(certificate.retained, certificate.samples, certificate.bound),
        )
    known = {check["name"]: check for check in reported["checks"]}
    for check in now.checks:
        then = known.get(check.name)
        yield Verdict(
            f"{prefix}{CHECKS[check.name].claim}",
            then is not None and bool(then["passed"]),
            check.passed,
            "nothing" if then is None else of(counted(then), then["trials"]),
            of(round(check.value * check.trials), check.trials),
        )


def counted(check: Document) -> int:
    """How many masked inputs of a saved check had the outcome that it counts."""
    return round(float(check["value"] or 0.0) * int(check["trials"]))


def of_tests(reported: Document, now: MaskTests) -> Iterator[Verdict]:
    """Minimality, necessity, partial re-insertion, silhouette and random regions."""
    was = reported["minimality"]
    if was is not None and now.minimality is not None:
        yield Verdict(
            "minimal at " + patches_of(now.minimality),
            bool(was["holds"]),
            now.minimality.holds,
            of(was["needed"], len(was["patches"])),
            of(now.minimality.needed, len(now.minimality.patches)),
        )
    elif was is None:
        yield Verdict("every patch is needed", claimed=False, now=False, was="", figure="")
    yield of_necessity("", reported["necessity"], now.necessity)
    wanted = reported["reinsertion_wanted"]
    yield Verdict(
        "partial re-insertion",
        reported["reinsertion"]["bound"] >= wanted,
        now.reinsertion.bound >= now.reinsertion_wanted,
        of(reported["reinsertion"]["hits"], reported["reinsertion"]["trials"]),
        of(now.reinsertion.hits, now.reinsertion.trials),
    )
    yield silent(
        "silhouette alone does not give the label", reported["silhouette"], now.silhouette
    )
    if reported["random_regions"] is not None and now.random_regions is not None:
        name = "random regions of its size do not retain the prediction"
        yield silent(name, reported["random_regions"], now.random_regions)


def patches_of(found: Minimality) -> str:
    """What a mask is made of, as its claim says it."""
    if found.regions is None:
        return f"{found.patch} px patches"
    return f"parts of regions of {found.patch} px"


def of_further(reported: Document, now: Further) -> Iterator[Verdict]:
    """The claims on all other masks of a result."""
    tests = reported["tests"]
    others = zip(now.alternatives, now.apart, tests["alternatives"], strict=True)
    for number, (other, apart, was) in enumerate(others, start=1):
        yield promised(f"alternative {number} is disjoint", apart)
        yield from of_claim(f"alternative {number} ", was["claim"], other.claim)
    said = tests["remainder_sufficient"]
    if said is not None and now.remainder_sufficient is not None:
        name = f"the remainder is{'' if said else ' not'} sufficient"
        yield promised(name, now.remainder_sufficient == said)
    if (superset := now.necessary_superset) is not None:
        was = tests["necessary_superset"]
        yield from of_claim("necessary superset ", was["claim"], superset.claim)
        yield of_necessity("necessary superset ", was["necessity"], superset.necessity)
    yield from of_restricted(reported, now.restricted)
    yield from of_beside(reported, now.beside)


def of_beside(reported: Document, now: BesideClaim | None) -> Iterator[Verdict]:
    """The claim over other removals."""
    if now is not None:
        yield from of_claim("beside ", reported["beside_claim"]["claim"], now.claim)


def of_contrast(reported: Document | None, now: Contrast | None) -> Iterator[Verdict]:
    """What would have to be there for another label."""
    if reported is None or now is None:
        return
    quiet, other = reported["quiet"], reported["runner_up"]
    parts, was = now.quiet.parts, quiet["parts"]
    yield Verdict(
        "no other label comes up in random parts",
        bool(quiet["holds"]),
        now.quiet.holds,
        sufficient(was["hits"], was["trials"], was["bound"]),
        sufficient(parts.hits, parts.trials, parts.bound),
    )
    yield Verdict(
        "a region speaks for the runner-up",
        bool(other["holds"]),
        now.runner_up.holds,
        "nothing" if other["rise"] is None else signed(other["rise"]),
        signed(now.runner_up.rise),
    )


def signed(value: float) -> str:
    """With its sign and one decimal; what rounds to nothing is +0.0."""
    return f"{round(value, 1) + 0.0:+.1f}"


def of_restricted(reported: Document, now: RestrictedClaim | None) -> Iterator[Verdict]:
    """The claim on fewer baselines."""
    if now is not None:
        was = reported["restricted_claim"]["claim"]
        yield from of_claim("restricted claim ", was, now.claim)


def of_necessity(prefix: str, reported: Document, now: Necessity) -> Verdict:
    """Whether the prediction changes without the mask (deletion test)."""
    return Verdict(
        f"{prefix}necessary",
        bool(reported["holds"]),
        now.holds,
        of(reported["changed"], reported["samples"]),
        of(now.changed, now.samples),
    )


def silent(name: str, reported: Document, now: Rate) -> Verdict:
    """Whether something never gives the target."""
    return Verdict(
        name,
        not reported["hits"],
        not now.hits,
        of(reported["hits"], reported["trials"]),
        of(now.hits, now.trials),
    )


def nothing_to_retain(document: Document, *, retains: bool) -> Verdict:
    """For a result that claims nothing: whether there is still nothing to explain."""
    return Verdict("nothing to explain", not document["verified"], not retains, "", "")


def promised(name: str, now: bool) -> Verdict:  # noqa: FBT001  as found
    """Something that is claimed whenever it is reported."""
    return Verdict(name, claimed=True, now=now, was="", figure="")


def sufficient(retained: int, samples: int, bound: float) -> str:
    """Samples retained, and the bound, rounded down."""
    return f"{of(retained, samples)}, at least {floored(bound)}"


def of(hits: int, trials: int) -> str:
    """As in "63 of 63"."""
    return f"{hits} of {trials}"
