"""What was proved of a mask, each claim in words: the same in the figure and in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from med_cam.masking import FIXED
from med_cam.report.wording import as_given, at_least, at_most, baselines, percent, probability
from med_cam.results import (
    Agreement,
    Certificate,
    Check,
    Claim,
    Explanation,
    MaskTests,
    Minimality,
    NecessarySuperset,
    Necessity,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim in words, and whether it holds; None for what is neither good nor bad."""

    text: str
    holds: bool | None


def claims(found: Explanation) -> list[Statement]:
    """Sufficient, minimal, necessary, not by its shape; then what else was looked into.

    Empty for an explanation without certificate and proof.
    """
    reported = [*_of_claim(found.claim, found.label)]
    if found.tests is None:
        return reported
    exceeded = next(
        (c for c in found.claim.checks if c.name == "shape_leakage" and not c.passed), None
    )
    return [*reported, *_of_proof(found.tests, found.label, exceeded)]


def _of_claim(claim: Claim, label: str) -> Iterator[Statement]:
    if claim.baseline_suffices:
        alone, whole = probability(claim.p_baseline), probability(claim.p_image)
        yield Statement(
            f"nothing to certify: {baselines(claim.searched)} alone already give {label} with "
            f"{alone}, the whole image {whole}",
            holds=False,
        )
    elif claim.certificate is not None:
        yield _sufficient(claim, claim.certificate)


def _of_proof(tests: MaskTests, label: str, exceeded: Check | None) -> Iterator[Statement]:
    if tests.minimality is not None:
        yield _minimal(tests.minimality)
    yield _necessary(tests.necessity, label)
    yield from _of_rates(tests, label, exceeded)
    if tests.alternatives or tests.remainder_sufficient:
        yield _alternatives(tests)
    if tests.necessary_superset is not None:
        yield _enlarged(tests.necessary_superset)
    if tests.negative:
        text = f"{label} is a negative finding: what suffices may be the whole image"
        yield Statement(text, holds=None)
    if tests.agreement is not None:
        yield _agreement(tests.agreement)


def _of_rates(tests: MaskTests, label: str, exceeded: Check | None) -> Iterator[Statement]:
    """The shape always, silhouette and hidden parts where they speak against the mask."""
    if tests.shape_leakage.trials:
        yield _shape(tests, label, exceeded)
    if tests.silhouette.hits:
        yield _silhouette(tests, label)
    if tests.reinsertion.trials and tests.reinsertion.bound < tests.reinsertion_wanted:
        yield _hidden(tests)


def _sufficient(claim: Claim, certificate: Certificate) -> Statement:
    """With the bound, and its confidence or what was asked for."""
    if not certificate.samples:  # fixed backgrounds only: no chance in it, hence no confidence
        bound = ", the same at every draw" if certificate.holds else ": all needed"
    elif certificate.holds:
        confidence = as_given(certificate.confidence)
        bound = f": {at_least(certificate.bound)} at {confidence} confidence"
    else:
        bound = f": {at_least(certificate.bound)}, {as_given(certificate.wanted)} wanted"
    verdict = "sufficient" if certificate.holds else "NOT certified"
    return Statement(f"{verdict}: {_where_kept(claim, certificate)}{bound}", certificate.holds)


def _where_kept(claim: Claim, certificate: Certificate) -> str:
    """As in "kept on grey, not on black, and in 60 of 63 draws of Gaussian noise"."""
    fixed = [b for b in claim.baselines if b.searched and b.name in FIXED]
    on = baselines([b.name for b in fixed if b.retained == b.samples])
    broken = baselines([b.name for b in fixed if b.retained < b.samples])
    kept = "kept the decision" if certificate.holds else "sufficiency"
    head, joint = {
        (False, False): (kept, " "),
        (True, False): (f"{kept} on {on}", " and "),
        (True, True): (f"{kept} on {on}, not on {broken}", ", and "),
        (False, True): (f"not kept on {broken}", ", but "),
    }[bool(on), bool(broken)]
    if not certificate.samples:
        return head
    random = baselines([name for name in claim.searched if name not in FIXED])
    return f"{head}{joint}in {certificate.retained} of {certificate.samples} draws of {random}"


def _minimal(minimality: Minimality) -> Statement:
    count, needed = len(minimality.patches), minimality.needed
    if not minimality.sufficient:
        text = "not minimal: the mask does not keep the decision on all draws of that test"
    elif needed < count:
        text = f"not minimal: {needed} of {count} cells are needed"
    else:
        cells = f"any of the {count} cells" if count != 1 else "its one cell"
        text = f"minimal at {minimality.patch} px cells: removing {cells} loses it"
    return Statement(text, minimality.holds)


def _necessary(necessity: Necessity, label: str) -> Statement:
    if not necessity.holds:
        stays = f"{necessity.samples - necessity.changed} of {necessity.samples}"
        return Statement(
            f"not necessary: without it the label stays {label} in {stays} draws", holds=False
        )
    other = f"becomes {necessity.label}" if necessity.label != label else "is not given any more"
    full, mean = probability(necessity.p_image), probability(necessity.mean)
    return Statement(
        f"necessary: without it the label {other} (probability of {label} {full} -> {mean})",
        holds=True,
    )


def _shape(tests: MaskTests, label: str, exceeded: Check | None) -> Statement:
    rate = tests.shape_leakage
    does = "adds little" if exceeded is None else f"gives {label}"
    limit = "" if exceeded is None else f", {exceeded.threshold:.0%} allowed"
    count = f"{rate.hits} of {rate.trials}: {at_most(rate.bound)}{limit}"
    return Statement(
        f"the shape alone {does if rate.hits else 'does nothing'} ({count})", exceeded is None
    )


def _silhouette(tests: MaskTests, label: str) -> Statement:
    rate = tests.silhouette
    count, bound = f"{rate.hits} of {rate.trials}", at_most(rate.bound)
    return Statement(f"filled with one colour it gives {label} ({count}: {bound})", holds=False)


def _hidden(tests: MaskTests) -> Statement:
    rate, wanted = tests.reinsertion, as_given(tests.reinsertion_wanted)
    return Statement(
        f"hidden parts shown again change the answer in {rate.trials - rate.hits} of "
        f"{rate.trials} (stays in {at_least(rate.bound)}, {wanted} wanted)",
        holds=False,
    )


def _alternatives(tests: MaskTests) -> Statement:
    """What is left is not said to hold no further mask: part of it may do where all does not."""
    count = len(tests.alternatives)
    masks = "1 further disjoint mask is" if count == 1 else f"{count} further disjoint masks are"
    if not count:
        return Statement("what the mask leaves of the image is not sufficient", holds=None)
    left = ", what they leave of the image is not" if tests.remainder_sufficient else ""
    return Statement(f"{masks} sufficient too{left}", holds=None)


def _enlarged(necessary_superset: NecessarySuperset) -> Statement:
    holds = necessary_superset.claim.holds and necessary_superset.necessity.holds
    return Statement(
        f"necessary too when enlarged to {percent(necessary_superset.area)} of the image", holds
    )


def _agreement(agreement: Agreement) -> Statement:
    seeds = len(agreement.seeds)
    return Statement(
        f"{seeds} seeds: IoU {agreement.iou:.2f} (chance {agreement.chance:.2f}), "
        f"{agreement.verified} of {seeds} verified",
        holds=None,
    )
