"""What was tested of a mask, each claim in words: the same in the figure and in the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from med_cam.config.baselines import OF_REFERENCES, is_fixed
from med_cam.report.wording import (
    as_given,
    at_least,
    at_most,
    baselines,
    check,
    looked,
    method,
    percent,
    probability,
    retained_on,
)
from med_cam.results.certificate import Certificate
from med_cam.results.check import SHAPE_LEAKAGE, SUFFICIENCY, Check
from med_cam.results.claim import BesideClaim, Claim
from med_cam.results.compared import OtherMethod
from med_cam.results.contrast import Contrast, RunnerUp
from med_cam.results.explanation import Explanation
from med_cam.results.mask_tests import Agreement, MaskTests, NecessarySuperset, Necessity
from med_cam.results.minimality import Minimality
from med_cam.results.rate import Rate
from med_cam.verify.claim import counted

TESTED = frozenset({"outline", "unseen_baselines"})  # notices that have a sentence here as well


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim in words, and whether it holds; None for what is neither good nor bad."""

    text: str
    holds: bool | None


def claims(found: Explanation) -> list[Statement]:
    """Sufficient, minimal, necessary, no leak through its outline; then the optional tests.

    Before all, a rung of the ladder beside a claim that holds; else the status begins with it. At
    the end the plain facts. What a warning says is not said here again.

    Empty for an explanation without certificate and tests.
    """
    reported = [*_of_ladder(found), *_of_claim(found.claim, found.label)]
    if found.beside is not None:
        reported.append(_beside(found.beside, found.label))
    reported += [] if found.contrast is None else _of_contrast(found.contrast)
    others = [_compared(other) for other in found.compared]
    if found.tests is None:
        return reported + others
    return [
        *reported,
        *_of_tests(found.tests, found.claim, found.label),
        *others,
        *_facts(found.claim),
    ]


def unsaid(found: Explanation) -> list[Check]:
    """The checks that none of `claims` reports."""
    said = {SUFFICIENCY} if found.claim.certificate is not None else set()
    said |= {SHAPE_LEAKAGE} if found.tests is not None else set()
    return [check for check in found.claim.checks if check.name not in said]


def _facts(claim: Claim) -> Iterator[Statement]:
    """The notices that are no warnings, but for those that a test's own sentence says."""
    warned = _warned(claim)
    tested = [retained_on(result) for result in claim.baselines if not result.searched]
    if tested and "unseen_baselines" not in warned:
        yield Statement(f"also tested, not part of the claim: {', '.join(tested)}", holds=None)
    for notice in claim.notices:
        if not notice.warns and notice.kind not in TESTED:
            yield Statement(notice.text, holds=None)


def _warned(claim: Claim) -> set[str]:
    """The kinds of its warnings."""
    return {notice.kind for notice in claim.notices if notice.warns}


def _of_ladder(found: Explanation) -> Iterator[Statement]:
    if found.claim.holds and found.ladder is not None and found.ladder.rung is not None:
        yield Statement(found.ladder.sentence, holds=True)


def _of_claim(claim: Claim, label: str) -> Iterator[Statement]:
    if claim.baseline_suffices:
        alone = [r.baseline_probability for r in claim.baselines if r.name in claim.given_by]
        blank, whole = probability(max(alone)), probability(claim.p_image)
        yield Statement(
            f"nothing to certify: {baselines(claim.given_by)} alone already score {blank} for "
            f"{label}, the whole image {whole}",
            holds=False,
        )
    elif claim.certificate is not None:
        yield _sufficient(claim, claim.certificate)


def _of_contrast(contrast: Contrast) -> Iterator[Statement]:
    """What would have to be there for another label, in two sentences."""
    quiet, parts = contrast.quiet, contrast.quiet.parts
    where = "the image" if quiet.area >= 1 else f"{percent(quiet.area)} of the image"
    rate = f"true rate {at_least(parts.bound)}"
    if quiet.holds:
        text = (
            f"whatever part of {where} is shown, no other label comes up ({parts.hits} of "
            f"{parts.trials} random parts; {rate}, {as_given(parts.confidence)} confidence)"
        )
    else:
        brought = parts.trials - parts.hits
        text = (
            f"another label comes up in {brought} of {parts.trials} random parts of {where} "
            f"(none in {at_least(parts.bound)}, {as_given(quiet.wanted)} required)"
        )
    yield Statement(text, quiet.holds or None)
    yield Statement(_runner_up(contrast.runner_up), holds=None)


def _runner_up(other: RunnerUp) -> str:
    """Where the label that is second would have to be looked for, and how far that goes."""
    if not other.holds:
        return f"no region speaks for {other.label}, the second label, more than random regions do"
    most = f"speaks most for {other.label}, the second label"
    before, after = probability(other.p_baseline), probability(other.p_region)
    turned = other.turned
    enough = {0: "too little for that answer", turned.trials: "enough for that answer"}
    often = f"enough for that answer in {turned.hits} of {turned.trials} samples"
    return (
        f"{percent(other.area)} of the image {most}: shown alone it raises it from {before} to "
        f"{after}, {enough.get(turned.hits, often)}"
    )


def _of_tests(tests: MaskTests, claim: Claim, label: str) -> Iterator[Statement]:
    if tests.minimality is not None:
        yield minimal(tests.minimality)
    yield _necessary(tests.necessity, label)
    if tests.shape_leakage.trials:
        yield from _shape(tests, claim, label)
    if tests.random_regions is not None:
        yield from _random_regions(tests.random_regions, claim)
    if tests.alternatives or tests.remainder_sufficient is not None:
        yield _alternatives(tests)
    if tests.necessary_superset is not None:
        yield _necessary_superset(tests.necessary_superset)
    if tests.negative:
        text = f"{label} is a negative finding: the sufficient region may be the whole image"
        yield Statement(text, holds=None)
    if tests.agreement is not None:
        yield _agreement(tests.agreement)


def _beside(beside: BesideClaim, label: str) -> Statement:
    """The claim over other removals, with its own area, bound and risk."""
    claim, share = beside.claim, percent(beside.area)
    failed = [check(c) for c in claim.checks if not c.passed and c.name != SUFFICIENCY]
    first = next(_of_claim(claim, label), None)
    text = "nothing was bounded" if first is None else first.text
    if first is not None and first.holds and failed:
        text = f"NOT sufficient: {', '.join(failed)}"
    if OF_REFERENCES & {*claim.searched}:
        text += f"; each sample shows one of {counted(beside.images)}, drawn at random"
    return Statement(f"beside, {share} of the image: {text}", claim.holds)


def _compared(other: OtherMethod) -> Statement:
    """What another method shows, which nobody claims anything of."""
    overlap = f"IoU with the evidence {other.iou:.2f}, chance {other.chance:.2f}"
    looks = f"prediction retained over {looked(other)}; " if other.looks else ""
    return Statement(f"{method(other)} at equal area: {looks}{overlap}", holds=None)


def _sufficient(claim: Claim, certificate: Certificate) -> Statement:
    """With the bound, and its confidence or the threshold."""
    rate = f"true rate {at_least(certificate.bound)}"
    if not certificate.samples:  # fixed baselines only: no chance in it, so no confidence
        bound = ", no random samples" if certificate.holds else " (all required)"
        refused = "NOT sufficient"
    else:
        confidence = f", {as_given(certificate.confidence)} confidence"
        bound = f" ({rate}{confidence if certificate.holds else ''})"
        refused = f"NOT certified at {as_given(certificate.wanted)}"
    verdict = "sufficient" if certificate.holds else refused
    where = _where_retained(claim, certificate)
    return Statement(f"{verdict}: prediction {where}{bound}", certificate.holds)


def _where_retained(claim: Claim, certificate: Certificate) -> str:
    """As in "retained over grey, not over black, and over 60 of 63 samples of noise"."""
    fixed = [b for b in claim.baselines if b.searched and is_fixed(b.name)]
    on = baselines([b.name for b in fixed if b.retained == b.samples])
    broken = baselines([b.name for b in fixed if b.retained < b.samples])
    head, joint = {
        (False, False): ("retained", " over "),
        (True, False): (f"retained over {on}", " and "),
        (True, True): (f"retained over {on}, not over {broken}", ", and over "),
        (False, True): (f"not retained over {broken}", ", but over "),
    }[bool(on), bool(broken)]
    if not certificate.samples:
        return head
    names = baselines([name for name in claim.searched if not is_fixed(name)])
    count = f"{certificate.retained} of {certificate.samples}"
    return f"{head}{joint}{count} samples of {names}"


def minimal(minimality: Minimality) -> Statement:
    """Whether each part of the mask is needed."""
    count, needed = len(minimality.patches), minimality.needed
    patch = "patch" if minimality.regions is None else "part"
    several = "patches" if minimality.regions is None else "parts"
    if not minimality.sufficient:
        text = "not minimal: the mask does not retain the prediction on all samples of that test"
    elif needed < count:
        text = f"not minimal: {needed} of {count} {several} are needed"
    else:
        removed = f"any of the {count} {several}" if count != 1 else f"its only {patch}"
        grain = f"{minimality.patch} px {several}" if several == "patches" else "regions"
        text = f"minimal at {grain}: removing {removed} loses the prediction"
    return Statement(text, minimality.holds)


def _necessary(necessity: Necessity, label: str) -> Statement:
    if not necessity.holds:
        unchanged = necessity.samples - necessity.changed
        count = f"{unchanged} of {necessity.samples} samples"
        text = f"prediction unchanged in {count} without the region"
        disjoint = ": other regions that do not overlap it suffice too"
        rest = "" if necessity.lost else disjoint  # at its threshold, as the claim asks
        return Statement(f"not necessary: {text}{rest}", holds=None)  # it was never claimed
    full, mean = probability(necessity.p_image), probability(necessity.mean)
    if necessity.label == label:  # of a sigmoid head
        text = f"without the region {label} is no longer predicted"
    else:
        text = f"removing the region changes the prediction to {necessity.label}"
    return Statement(f"necessary: {text} (probability of {label} {full} -> {mean})", holds=True)


def _shape(tests: MaskTests, claim: Claim, label: str) -> Iterator[Statement]:
    """What the outline alone gives, unless a warning says it."""
    rate = tests.shape_leakage
    count, bound = f"{rate.hits} of {rate.trials}", f"true rate {at_most(rate.bound)}"
    exceeded = next((c for c in claim.checks if c.name == SHAPE_LEAKAGE and not c.passed), None)
    if exceeded is not None:
        limit = f"{exceeded.threshold:.0%} allowed"
        text = f"the outline alone leaks {label} ({count}, {limit}; {bound})"
        yield Statement(text, holds=False)
    elif not rate.hits:
        text = f"the outline alone does not leak the label ({count}; {bound})"
        yield Statement(text, holds=True)
    elif "outline" not in _warned(claim):
        yield Statement(f"the outline alone gives the label in {count} ({bound})", holds=None)


def _random_regions(regions: Rate, claim: Claim) -> Iterator[Statement]:
    """Whether any region of its size would do, unless a warning says it."""
    count = f"{regions.hits} of {regions.trials}"
    if not regions.hits:
        text = f"no random region of its size retains the prediction ({count})"
        yield Statement(text, holds=True)
    elif "random_regions" not in _warned(claim):
        text = f"random regions of its size retain the prediction too, in {count}"
        yield Statement(text, holds=None)


def _alternatives(tests: MaskTests) -> Statement:
    """The remainder may hold a further sufficient region though all of it is not sufficient."""
    count, left = len(tests.alternatives), tests.remainder_sufficient
    remainder = f"the remainder of the image is {'sufficient too' if left else 'not sufficient'}"
    if not count:
        return Statement(remainder, holds=None)
    are = "1 further disjoint region is" if count == 1 else f"{count} further disjoint regions are"
    rest = "" if left is None else f"; {remainder}"
    return Statement(f"{are} sufficient too{rest}", holds=None)


def _necessary_superset(superset: NecessarySuperset) -> Statement:
    holds = superset.claim.holds and superset.necessity.holds
    is_both = "is both" if holds else "is not both"
    return Statement(
        f"necessary superset: {percent(superset.area)} of the image {is_both} sufficient and "
        "necessary",
        holds,
    )


def _agreement(agreement: Agreement) -> Statement:
    seeds = len(agreement.seeds)
    return Statement(
        f"{seeds} seeds: IoU {agreement.iou:.2f} (chance {agreement.chance:.2f}), "
        f"{agreement.verified} of {seeds} passed the sufficiency test",
        holds=None,
    )
