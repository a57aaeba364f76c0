"""A claim as it was saved beside how it comes out now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from med_cam.results import Claim, Necessity, Proof, Rate
from med_cam.verify.warnings import floored

Told = Mapping[str, Any]  # a part of explanation.json


@dataclass(frozen=True, slots=True)
class Verdict:
    """One claim.

    Attributes:
        name: what is claimed.
        told: whether it was claimed when the result was saved.
        now: whether it holds.
        was: the figure that was saved, in words.
        figure: the figure now.
    """

    name: str
    told: bool
    now: bool
    was: str
    figure: str

    @property
    def refuted(self) -> bool:
        """Whether something was claimed that does not hold."""
        return self.told and not self.now


def of_claim(prefix: str, told: Told, now: Claim) -> Iterator[Verdict]:
    """Sufficiency with its bound, and each check of the claim."""
    certificate, was = now.certificate, told["certificate"]
    if certificate is not None:
        yield Verdict(
            f"{prefix}sufficient",
            bool(was["holds"]),
            certificate.holds,
            sufficient(was["kept"], was["draws"], was["bound"]),
            sufficient(certificate.kept, certificate.draws, certificate.bound),
        )
    known = {check["name"]: check for check in told["checks"]}
    for check in now.checks:
        then = known[check.name]
        yield Verdict(
            f"{prefix}{check.name}",
            bool(then["passed"]),
            check.passed,
            of(round(then["value"] * then["trials"]), then["trials"]),
            of(round(check.value * check.trials), check.trials),
        )


def of_proof(told: Told, now: Proof) -> Iterator[Verdict]:
    """Minimality, necessity, and what is bounded besides."""
    was = told["minimality"]
    if was is not None and now.minimality is not None:
        yield Verdict(
            f"minimal at {now.minimality.cell} px cells",
            bool(was["holds"]),
            now.minimality.holds,
            of(was["needed"], len(was["cells"])),
            of(now.minimality.needed, len(now.minimality.cells)),
        )
    yield of_necessity("", told["necessity"], now.necessity)
    wanted = told["hidden_wanted"]
    yield Verdict(
        "hidden parts shown again",
        told["hidden"]["bound"] >= wanted,
        now.hidden.bound >= now.hidden_wanted,
        of(told["hidden"]["hits"], told["hidden"]["trials"]),
        of(now.hidden.hits, now.hidden.trials),
    )
    yield silent("silhouette alone does nothing", told["silhouette"], now.silhouette)


def of_necessity(prefix: str, told: Told, now: Necessity) -> Verdict:
    """Whether the answer changes without the mask."""
    return Verdict(
        f"{prefix}necessary",
        bool(told["holds"]),
        now.holds,
        of(told["changed"], told["draws"]),
        of(now.changed, now.draws),
    )


def silent(name: str, told: Told, now: Rate) -> Verdict:
    """Whether something never gives the target."""
    return Verdict(
        name,
        not told["hits"],
        not now.hits,
        of(told["hits"], told["trials"]),
        of(now.hits, now.trials),
    )


def nothing_to_keep(document: Told, *, keeps: bool) -> Verdict:
    """For a result that claims nothing: whether there is still nothing to keep."""
    return Verdict("nothing to keep", not document["verified"], not keeps, "", "")


def promised(name: str, now: bool) -> Verdict:  # noqa: FBT001  as found
    """Something that is claimed whenever it is spoken of."""
    return Verdict(name, told=True, now=now, was="", figure="")


def sufficient(kept: int, draws: int, bound: float) -> str:
    """Draws kept, and the bound, rounded down."""
    return f"{of(kept, draws)}, at least {floored(bound)}"


def of(hits: int, trials: int) -> str:
    """As in "63 of 63"."""
    return f"{hits} of {trials}"
