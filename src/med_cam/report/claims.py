"""What was proved of a mask, each claim in words: the same in the figure and in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from med_cam.masking import FIXED
from med_cam.report.wording import as_given, at_least, at_most, backgrounds, percent, probability
from med_cam.results import (
    Agreement,
    Certificate,
    Check,
    Claim,
    Enlarged,
    Explanation,
    Minimality,
    Necessity,
    Proof,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A claim in words, and whether it holds; None for what is neither good nor bad."""

    text: str
    holds: bool | None


def claims(found: Explanation) -> list[Told]:
    """Sufficient, minimal, necessary, not by its shape; then what else was looked into.

    Empty for an explanation without certificate and proof.
    """
    told = [*_of_claim(found.claim, found.label)]
    if found.proof is None:
        return told
    exceeded = next((c for c in found.claim.checks if c.name == "shape" and not c.passed), None)
    return [*told, *_of_proof(found.proof, found.label, exceeded)]


def _of_claim(claim: Claim, label: str) -> Iterator[Told]:
    if claim.sufficiency_is_empty:
        alone, whole = probability(claim.empty), probability(claim.full)
        yield Told(
            f"nothing to certify: {backgrounds(claim.searched)} alone already give {label} with "
            f"{alone}, the whole image {whole}",
            holds=False,
        )
    elif claim.certificate is not None:
        yield _sufficient(claim, claim.certificate)


def _of_proof(proof: Proof, label: str, exceeded: Check | None) -> Iterator[Told]:
    if proof.minimality is not None:
        yield _minimal(proof.minimality)
    yield _necessary(proof.necessity, label)
    yield from _of_rates(proof, label, exceeded)
    if proof.alternatives or proof.exhausted:
        yield _alternatives(proof)
    if proof.enlarged is not None:
        yield _enlarged(proof.enlarged)
    if proof.negative:
        text = f"{label} is a negative finding: what suffices may be the whole image"
        yield Told(text, holds=None)
    if proof.agreement is not None:
        yield _agreement(proof.agreement)


def _of_rates(proof: Proof, label: str, exceeded: Check | None) -> Iterator[Told]:
    """The shape always, silhouette and hidden parts where they speak against the mask."""
    if proof.shape.trials:
        yield _shape(proof, label, exceeded)
    if proof.silhouette.hits:
        yield _silhouette(proof, label)
    if proof.hidden.trials and proof.hidden.bound < proof.hidden_wanted:
        yield _hidden(proof)


def _sufficient(claim: Claim, certificate: Certificate) -> Told:
    """With the bound, and its confidence or what was asked for."""
    if not certificate.draws:  # fixed backgrounds only: no chance in it, hence no confidence
        bound = ", the same at every draw" if certificate.holds else ": all needed"
    elif certificate.holds:
        confidence = as_given(certificate.confidence)
        bound = f": {at_least(certificate.bound)} at {confidence} confidence"
    else:
        bound = f": {at_least(certificate.bound)}, {as_given(certificate.wanted)} wanted"
    verdict = "sufficient" if certificate.holds else "NOT certified"
    return Told(f"{verdict}: {_where_kept(claim, certificate)}{bound}", certificate.holds)


def _where_kept(claim: Claim, certificate: Certificate) -> str:
    """As in "kept on grey, not on black, and in 60 of 63 draws of Gaussian noise"."""
    fixed = [b for b in claim.backgrounds if b.searched and b.name in FIXED]
    on = backgrounds([b.name for b in fixed if b.kept == b.draws])
    broken = backgrounds([b.name for b in fixed if b.kept < b.draws])
    kept = "kept the decision" if certificate.holds else "kept"
    head, joint = {
        (False, False): (kept, " "),
        (True, False): (f"{kept} on {on}", " and "),
        (True, True): (f"{kept} on {on}, not on {broken}", ", and "),
        (False, True): (f"not kept on {broken}", ", but "),
    }[bool(on), bool(broken)]
    if not certificate.draws:
        return head
    random = backgrounds([name for name in claim.searched if name not in FIXED])
    return f"{head}{joint}in {certificate.kept} of {certificate.draws} draws of {random}"


def _minimal(minimality: Minimality) -> Told:
    count, needed = len(minimality.cells), minimality.needed
    if not minimality.sufficient:
        text = "not minimal: the mask does not keep the decision on all draws of that test"
    elif needed < count:
        text = f"not minimal: {needed} of {count} cells are needed"
    else:
        cells = f"any of the {count} cells" if count != 1 else "its one cell"
        text = f"minimal at {minimality.cell} px cells: removing {cells} loses it"
    return Told(text, minimality.holds)


def _necessary(necessity: Necessity, label: str) -> Told:
    if not necessity.holds:
        stays = f"{necessity.draws - necessity.changed} of {necessity.draws}"
        return Told(
            f"not necessary: without it the label stays {label} in {stays} draws", holds=False
        )
    other = f"becomes {necessity.label}" if necessity.label != label else "is not given any more"
    full, mean = probability(necessity.full), probability(necessity.mean)
    return Told(
        f"necessary: without it the label {other} (probability of {label} {full} -> {mean})",
        holds=True,
    )


def _shape(proof: Proof, label: str, exceeded: Check | None) -> Told:
    rate = proof.shape
    does = "adds little" if exceeded is None else f"gives {label}"
    limit = "" if exceeded is None else f", {exceeded.threshold:.0%} allowed"
    count = f"{rate.hits} of {rate.trials}: {at_most(rate.bound)}{limit}"
    return Told(
        f"the shape alone {does if rate.hits else 'does nothing'} ({count})", exceeded is None
    )


def _silhouette(proof: Proof, label: str) -> Told:
    rate = proof.silhouette
    count, bound = f"{rate.hits} of {rate.trials}", at_most(rate.bound)
    return Told(f"filled with one colour it gives {label} ({count}: {bound})", holds=False)


def _hidden(proof: Proof) -> Told:
    rate, wanted = proof.hidden, as_given(proof.hidden_wanted)
    return Told(
        f"hidden parts shown again change the answer in {rate.trials - rate.hits} of "
        f"{rate.trials} (stays in {at_least(rate.bound)}, {wanted} wanted)",
        holds=False,
    )


def _alternatives(proof: Proof) -> Told:
    """What is left is not said to hold no further mask: part of it may do where all does not."""
    count = len(proof.alternatives)
    masks = "1 further disjoint mask is" if count == 1 else f"{count} further disjoint masks are"
    if not count:
        return Told("what the mask leaves of the image is not sufficient", holds=None)
    left = ", what they leave of the image is not" if proof.exhausted else ""
    return Told(f"{masks} sufficient too{left}", holds=None)


def _enlarged(enlarged: Enlarged) -> Told:
    holds = enlarged.claim.holds and enlarged.necessity.holds
    return Told(f"necessary too when enlarged to {percent(enlarged.area)} of the image", holds)


def _agreement(agreement: Agreement) -> Told:
    seeds = len(agreement.seeds)
    return Told(
        f"{seeds} seeds: IoU {agreement.iou:.2f} (chance {agreement.chance:.2f}), "
        f"{agreement.verified} of {seeds} verified",
        holds=None,
    )
