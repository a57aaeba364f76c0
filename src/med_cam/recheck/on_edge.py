"""What came out, with the outcomes on the edge as they were saved.

A masked input whose probability lies within the declared tolerance of what it is compared with
may fall to the other side on another machine. A saved count that differs by no more than there are
such inputs is taken over, and all that follows from it (rates, bounds, sentences) is computed from
it: what still differs then was changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from med_cam.case.case import Case
from med_cam.certification.certificate import sufficiency_check
from med_cam.certification.mask_tests import decision_of, shape_leakage_of
from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Verification
from med_cam.results.certificate import Certificate
from med_cam.results.check import SHAPE_LEAKAGE, SUFFICIENCY, BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.contrast import Contrast
from med_cam.results.edge import Edge
from med_cam.results.ladder import Control, Rung
from med_cam.results.mask_tests import MaskTests, Necessity
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.rate import Rate
from med_cam.verify.certificate import as_tried, lower_bound, rate
from med_cam.verify.claim import notices_of
from med_cam.verify.edge import joint
from med_cam.verify.random_masks import rank
from med_cam.verify.rungs import Tally, bound_of

Document = Mapping[str, Any]  # a part of explanation.json
PATCH = ("row", "column", "witness", "number")
COUNTED = 1e-6  # for a share of a whole number


def claim_as_saved(case: Case, now: Claim, said: Document) -> Claim:
    """A claim with the counts of `said` where they may be so.

    Args:
        case: the image before the classifier, under the settings of this claim.
        now: as it came out, without the notices of its tests.
        said: as it was saved.
    """
    rules = case.config.verification
    was = {entry["name"]: entry for entry in said["baselines"]}
    results = tuple(_baseline(b, was.get(b.name), rules) for b in now.baselines)
    bounded = None if now.certificate is None else _certificate(now.certificate, results)
    moved = _mean_retained(results) - _mean_retained(now.baselines)
    known = {entry["name"]: entry for entry in said["checks"]}
    checks = []
    for check in now.checks:
        if check.name == SUFFICIENCY:
            checks.append(_sufficiency(check, now.certificate, bounded, results))
        else:
            limit = check.threshold + (moved if check.name == SHAPE_LEAKAGE else 0.0)
            checks.append(_check(replace(check, threshold=limit), known.get(check.name)))
    notices = notices_of(results, tuple(checks), decision_of(case, now), case.scene)
    found = replace(now, baselines=results, checks=tuple(checks), certificate=bounded)
    return replace(found, notices=notices)


def tests_as_saved(case: Case, now: MaskTests, said: Document, claim: Claim) -> MaskTests:
    """The tests of a mask, in the same way.

    Args:
        case: the image before the classifier.
        now: as they came out.
        said: as they were saved.
        claim: with the counts that were saved.
    """
    patches = now.minimality
    if patches is not None and said["minimality"] is not None:
        patches = _minimality(patches, said["minimality"])
    regions = now.random_regions
    if regions is not None and said["random_regions"] is not None:
        regions = _rate(regions, said["random_regions"], at_least=False)
    return replace(
        now,
        minimality=patches,
        necessity=necessity_as_saved(now.necessity, said["necessity"], case.target.labels),
        reinsertion=_rate(now.reinsertion, said["reinsertion"], at_least=True),
        shape_leakage=shape_leakage_of(case, claim),
        silhouette=_rate(now.silhouette, said["silhouette"], at_least=False),
        random_regions=regions,
    )


def contrast_as_saved(now: Contrast, said: Document) -> Contrast:
    """What would have to be there for another label, in the same way."""
    quiet, other = now.quiet, now.runner_up
    was = said["runner_up"]
    return Contrast(
        replace(quiet, parts=_rate(quiet.parts, said["quiet"]["parts"], at_least=True)),
        replace(
            other,
            turned=_rate(other.turned, was["turned"], at_least=True),
            controls=_rate(other.controls, was["controls"], at_least=False),
        ),
    )


def necessity_as_saved(now: Necessity, said: Document, labels: Sequence[str]) -> Necessity:
    """The deletion test, in the same way; one input may decide which label is most frequent."""
    changed = _count(now.changed, said["changed"], now.edge)
    either = now.edge is not None and now.edge.within > 0 and said["label"] in labels
    return replace(
        now,
        changed=changed,
        lost=_count(now.lost, said["lost"], now.edge),
        label=said["label"] if either else now.label,
        bound=lower_bound(changed, now.samples, 1 - now.confidence),
        edge=_edge(now.edge, said["edge"]),
    )


def rung_as_saved(now: Rung, said: Document) -> Rung:
    """A rung of the ladder, in the same way; one without an edge stays as it is."""
    counts = control_as_saved(now.control, said["control"])
    if now.edge is None:
        return replace(now, control=counts)
    hits = _count(now.hits, said["hits"], now.edge)
    fixed_hits = _count(now.fixed_hits, said["fixed_hits"], now.edge)
    counted = Tally(now.samples, hits, now.fixed, fixed_hits)
    return replace(
        now,
        hits=hits,
        fixed_hits=fixed_hits,
        bound=bound_of(counted, now.risk),
        control=counts,
        edge=_edge(now.edge, said["edge"]),
    )


def control_as_saved(now: Control, said: Document) -> Control:
    """The random masks beside a rung, in the same way."""
    hits = _count(now.hits, said["hits"], now.edge)
    return replace(
        now, hits=hits, chance=rank(hits, now.masks), edge=_edge(now.edge, said["edge"])
    )


def _count(now: int, said: int, near: Edge | None) -> int:
    """The saved count, if no more inputs than those on the edge tell it from the one now."""
    return int(said) if near is not None and abs(said - now) <= near.within else now


def _edge(now: Edge | None, said: Document | None) -> Edge | None:
    """With the saved number on the edge, if it may be so: some lie near where the edge begins."""
    if now is None or said is None or not now.sure <= said["within"] <= now.most:
        return now
    return replace(now, within=int(said["within"]))


def _baseline(now: BaselineResult, said: Document | None, rules: Verification) -> BaselineResult:
    """A baseline's line of the claim; of the baseline alone it has the share and not the count."""
    if said is None or now.edge is None:
        return now
    alone, share = now.baseline_retained, said["baseline_retained"]
    trials = rules.samples if now.searched else rules.unseen_samples
    trials = 1 if is_fixed(now.name) else trials
    if share is not None and abs(share - alone) * trials <= now.edge.within + COUNTED:
        alone = float(share)  # JSON may have 0 for 0.0
    return replace(
        now,
        retained=_count(now.retained, said["retained"], now.edge),
        retained_top1=_count(now.retained_top1, said["retained_top1"], now.edge),
        baseline_retained=alone,
        edge=_edge(now.edge, said["edge"]),
    )


def _mean_retained(results: tuple[BaselineResult, ...]) -> float:
    """How often the searched baselines alone retain the prediction; each counts once."""
    rates = [result.baseline_retained for result in results if result.searched]
    return sum(rates) / len(rates)


def _certificate(now: Certificate, results: tuple[BaselineResult, ...]) -> Certificate:
    """From the counts of each baseline."""
    searched = [result for result in results if result.searched]
    random = [result for result in searched if not is_fixed(result.name)]
    shares = {result.name: result.retained / result.samples for result in searched}
    worst = min(shares, key=lambda name: shares[name])
    counted = replace(
        now,
        retained=sum(result.retained for result in random),
        fixed_retained=sum(r.retained for r in searched if is_fixed(r.name)),
        worst=worst,
        worst_retained=shares[worst],
    )
    return as_tried(counted, now.tried, random=len(random))


def _sufficiency(
    check: Check,
    was: Certificate | None,
    bounded: Certificate | None,
    results: tuple[BaselineResult, ...],
) -> Check:
    """Of as many samples as its certificate needs, if it was that; else of all."""
    searched = [result for result in results if result.searched]
    near = None if check.edge is None else joint(result.edge for result in searched)
    if was is not None and bounded is not None:
        asked = replace(sufficiency_check(was), edge=check.edge)
        if asked == check:
            return replace(sufficiency_check(bounded), edge=near)
    value = sum(result.retained for result in searched) / check.trials
    return replace(check, value=value, passed=value >= check.threshold, edge=near)


def _check(now: Check, said: Document | None) -> Check:
    """A check of which the count alone is saved."""
    if said is None or now.edge is None:
        return now
    hits = round(now.value * now.trials)
    hits = _count(hits, round((said["value"] or 0.0) * now.trials), now.edge)
    value = hits / now.trials
    passed = value >= now.threshold if now.at_least else value <= now.threshold
    return replace(now, value=value, passed=passed, edge=_edge(now.edge, said["edge"]))


def _rate(now: Rate, said: Document, *, at_least: bool) -> Rate:
    hits = _count(now.hits, said["hits"], now.edge)
    near = _edge(now.edge, said["edge"])
    return rate(hits, now.trials, now.confidence, at_least=at_least, edge=near)


def _minimality(now: Minimality, said: Document) -> Minimality:
    """With the witnesses that were saved, if no more are others than lie on the edge."""
    there = [(patch.row, patch.column) for patch in now.patches]
    was = tuple(Patch(*(p[name] for name in PATCH)) for p in said["patches"])
    if now.edge is None or [(patch.row, patch.column) for patch in was] != there:
        return now
    other = sum(a != b for a, b in zip(was, now.patches, strict=True))
    other += said["sufficient"] != now.sufficient
    found = replace(now, edge=_edge(now.edge, said["edge"]))
    if other > now.edge.within:
        return found
    return replace(found, patches=was, sufficient=said["sufficient"])
