"""A claim as it was saved beside how it comes out now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from med_cam.results import Claim, MaskTests, Necessity, Rate
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
            bool(was["holds"]),
            certificate.holds,
            sufficient(was["retained"], was["samples"], was["bound"]),
            sufficient(certificate.retained, certificate.samples, certificate.bound),
        )
    known = {check["name"]: check for check in reported["checks"]}
    for check in now.checks:
        then = known[check.name]
        yield Verdict(
            f"{prefix}{CHECKS[check.name].claim}",
            bool(then["passed"]),
            check.passed,
            of(round(then["value"] * then["trials"]), then["trials"]),
            of(round(check.value * check.trials), check.trials),
        )


def of_tests(reported: Document, now: MaskTests) -> Iterator[Verdict]:
    """Minimality, necessity, partial re-insertion and silhouette."""
    was = reported["minimality"]
    if was is not None and now.minimality is not None:
        yield Verdict(
            f"minimal at {now.minimality.patch} px patches",
            bool(was["holds"]),
            now.minimality.holds,
            of(was["needed"], len(was["patches"])),
            of(now.minimality.needed, len(now.minimality.patches)),
        )
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
