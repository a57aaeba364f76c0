"""What a reader must know besides the checks, each sentence with the figure that triggered it."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from med_cam.config.baselines import described
from med_cam.config.notices import notice
from med_cam.config.tolerance import EDGE
from med_cam.results.check import SHAPE_LEAKAGE, SPECIFICITY, BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.edge import Edge
from med_cam.results.mask_tests import MaskTests
from med_cam.results.notice import Notice
from med_cam.results.rate import Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision

RISE = 0.01  # more than rounding and the spread of the samples
LIKELY = 0.5  # a baseline alone that is predicted as the target with more than even odds
CERTAIN = 0.9  # a label with this probability on a blank input is a confident prediction
WHOLE = 0.99  # of the image: what is left out explains nothing


def claim_notices(
    results: tuple[BaselineResult, ...],
    decision: Decision,
    *,
    others_given: bool,
    alike: int = 0,
) -> Iterator[Notice]:
    """What a reader must know besides the checks, one sentence of a kind, with its figure."""
    target = decision.target
    label = target.labels[target.index]
    yield from _rising(results, target.p_image)
    yield from _given(results, label)
    yield from _unseen(results)
    if alike:
        text = (
            f"all {alike} reference images are predicted {label} too: give some of "
            "other labels, for a test of the outline that says more"
        )
        yield notice("references_alike", text, alike)
    elif not others_given:
        text = (
            "no reference images given: the shape leakage test used the image's own pixels, "
            "shuffled"
        )
        yield notice("no_references", text, 0)


def _rising(results: tuple[BaselineResult, ...], p_image: float) -> Iterator[Notice]:
    """A masked image that is more confident than the original: a warning, not a success.

    Explanations that know the class leak it (Jethani et al. 2023, arXiv 2302.12893).
    """
    rising = [r for r in results if r.searched and r.mean > p_image + RISE]
    if rising:
        where = ", ".join(f"{r.mean:.2f} over {r.name}" for r in rising)
        text = (
            f"more confident on the evidence than on the whole image (on average {where}, "
            f"against {p_image:.2f})"
        )
        yield notice("confidence_rises", text, max(r.mean for r in rising) - p_image)


def _given(results: tuple[BaselineResult, ...], label: str) -> Iterator[Notice]:
    """Baselines alone that are predicted as the label with even odds or more."""
    given = [r for r in results if r.baseline_probability >= LIKELY]
    if given:
        names = ", ".join(f"{r.name} ({r.baseline_probability:.2f})" for r in given)
        is_ = "is" if len(given) == 1 else "are"
        most = max(r.baseline_probability for r in given)
        yield notice("baseline_gives_label", f"{names} alone {is_} predicted {label}", most)


def _unseen(results: tuple[BaselineResult, ...]) -> Iterator[Notice]:
    """Baselines that the search never saw, on which the prediction is lost."""
    unseen = [r for r in results if not r.searched]
    lost = [r for r in unseen if r.retained < r.samples]
    if lost:
        names = ", ".join(f"{described(r.name).words} ({r.retained} of {r.samples})" for r in lost)
        share = sum(r.samples - r.retained for r in lost) / sum(r.samples for r in unseen)
        text = f"prediction not retained over what the search did not see: {names}"
        yield notice("unseen_baselines", text, share)


def region_notices(checks: Sequence[Check]) -> Iterator[Notice]:
    """Without reference images: that most random regions retain the prediction, though not all."""
    for check in checks:
        if check.name != SPECIFICITY or not check.passed:
            continue
        kept = check.trials - round(check.value * check.trials)
        if kept > LIKELY * check.trials:
            text = (
                f"random regions up to twice as large retain the prediction too, in {kept} of "
                f"{check.trials}: any image might give the label; give reference images to find "
                "out"
            )
            yield notice("random_regions", text, kept / check.trials)


def confident_predictions(response: BaselineResponse) -> Iterator[Notice]:
    """Baselines alone that get a confident prediction, of another label than the target.

    The claim reports the target's own label, from a lower threshold on.
    """
    target = response.decision.target
    sure = {}
    for name, p in response.predictions.items():
        mean = p.mean(dim=0)
        most = int(mean.argmax())
        if not described(name).content and most != target.index and mean[most] >= CERTAIN:
            sure[name] = (target.labels[most], mean[most].item())
    if sure:
        each = ", ".join(f"{name} is {label} ({p:.2f})" for name, (label, p) in sure.items())
        text = f"the classifier is confident on blank inputs: {each}"
        yield notice("confident_blank", text, max(p for _, p in sure.values()))


def leak_notices(claim: Claim, tests: MaskTests, area: float, label: str) -> Iterator[Notice]:
    """What the tests of the mask brought to light, though its claim may hold.

    A check that failed says so itself.
    """
    failed = {check.name for check in claim.checks if not check.passed}
    if tests.shape_leakage.hits and SHAPE_LEAKAGE not in failed:
        text = (
            f"over unrelated content the mask's outline is predicted {label} in "
            f"{often(tests.shape_leakage)}"
        )
        yield notice("outline", text, share_of(tests.shape_leakage))
    if tests.silhouette.hits:
        text = (
            f"filled with a constant colour, the mask alone is predicted {label} in "
            f"{often(tests.silhouette)}: its outline may drive the prediction"
        )
        yield notice("constant_fill", text, share_of(tests.silhouette))
    if tests.reinsertion.trials and tests.reinsertion.bound < tests.reinsertion_wanted:
        changes = tests.reinsertion.trials - tests.reinsertion.hits
        text = (
            f"re-adding random hidden patches changes the prediction in {changes} of "
            f"{tests.reinsertion.trials}: it is retained in at least "
            f"{floored(tests.reinsertion.bound)}, {tests.reinsertion_wanted:.0%} required"
        )
        yield notice("reinsertion", text, 1 - share_of(tests.reinsertion))
    if claim.holds and all(one.kind != "random_regions" for one in claim.notices):
        yield from _random(tests.random_regions)
    if claim.holds and area >= WHOLE:
        text = f"the evidence is {area:.0%} of the image: nothing smaller passed the tests"
        yield notice("whole_image", text, area)


def _random(regions: Rate | None) -> Iterator[Notice]:
    """That most random regions of the mask's size retain the prediction too."""
    if regions is not None and share_of(regions) > LIKELY:
        text = (
            f"random regions of its size retain the prediction too, in {regions.hits} of "
            f"{regions.trials}: where the evidence lies says little"
        )
        yield notice("random_regions", text, share_of(regions))


def edge_of_claim(
    results: Sequence[BaselineResult], checks: Sequence[Check]
) -> Iterator[tuple[str, Edge | None]]:
    """The edges of a claim by name, those of the baselines that it does not rest on among them."""
    yield from ((check.name.replace("_", " "), check.edge) for check in checks)
    yield from ((result.name, result.edge) for result in results if not result.searched)


def edge_of_tests(tests: MaskTests) -> Iterator[tuple[str, Edge | None]]:
    """The edges of what is tested besides, by name; the shape leakage is that of the claim."""
    if tests.minimality is not None:
        yield "minimality", tests.minimality.edge
    yield "necessity", tests.necessity.edge
    yield "re-insertion", tests.reinsertion.edge
    yield "silhouette", tests.silhouette.edge
    if tests.random_regions is not None:
        yield "random regions", tests.random_regions.edge


def edge_notices(edges: Iterable[tuple[str, Edge | None]]) -> Iterator[Notice]:
    """What another machine may count otherwise, within the declared tolerance."""
    near = [(name, edge) for name, edge in edges if edge is not None and edge.within]
    if not near:
        return
    count = sum(edge.within for _, edge in near)
    are, it = ("outcomes are", "them") if count > 1 else ("outcome is", "it")
    named = ", ".join(f"{name} {edge.within}" for name, edge in near)
    text = (
        f"on the edge: {count} {are} within {EDGE:g} of another ({named}); another machine may "
        f"count {it} otherwise"
    )
    yield notice("on_edge", text, count)


def share_of(rate: Rate) -> float:
    """Of the trials, how many are hits; NaN of none."""
    return rate.hits / rate.trials if rate.trials else math.nan


def often(rate: Rate) -> str:
    """A count with its upper bound."""
    return (
        f"{rate.hits} of {rate.trials} (at most {raised(rate.bound)} at "
        f"{rate.confidence:.0%} confidence)"
    )


def floored(bound: float) -> str:
    """A lower bound in percent, never rounded up."""
    return f"{math.floor(bound * 1000 + 1e-9) / 10:.1f}%"


def raised(bound: float) -> str:
    """An upper bound in percent, never rounded down."""
    return f"{math.ceil(bound * 1000 - 1e-9) / 10:.1f}%"


NEGATIVE = frozenset(
    {
        "absent", "clear", "control", "healthy", "negative", "no", "nofinding", "nofindings",
        "none", "nontumor", "nontumour", "normal", "notpresent", "notumor", "notumour",
        "unremarkable",
    }
)  # fmt: skip
ABSENCE = frozenset({"no", "without"})  # of whatever follows
SOUND = frozenset({"normal", "healthy"})
OF_WHAT = frozenset(  # healthy tissue; "normal pressure hydrocephalus" is a finding
    {"brain", "breast", "colon", "control", "eye", "fundus", "lung", "scan", "skin", "tissue"}
)


def is_negative(label: str) -> bool:
    """Whether a label names the absence of a finding, by its words.

    Evidence for absence is what shows that nothing is there: it may be the whole image.
    """
    words = re.findall(r"[a-z]+", label.lower())
    if not words:
        return False
    first, *rest = words
    return (
        "".join(words) in NEGATIVE
        or first in ABSENCE
        or (first in SOUND and bool(rest) and set(rest) <= OF_WHAT)
    )
