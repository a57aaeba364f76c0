"""What a reader must be warned of, each sentence with the figure that triggered it."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from med_cam.config.baselines import described
from med_cam.config.tolerance import EDGE
from med_cam.results import BaselineResult, Check, Claim, Edge, MaskTests, Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision, Target

RISE = 0.01  # more than rounding and the spread of the samples
LIKELY = 0.5  # a baseline alone that is predicted as the target with more than even odds
CERTAIN = 0.9  # a label with this probability on a blank input is a confident prediction
WHOLE = 0.99  # of the image: what is left out explains nothing


def claim_warnings(
    results: tuple[BaselineResult, ...],
    decision: Decision,
    *,
    others_given: bool,
    alike: int = 0,
) -> tuple[str, ...]:
    """What a reader must know besides the checks, each sentence with its figure.

    A masked image that is more confident than the original is a warning, not a success:
    explanations that know the class leak it (Jethani et al. 2023, arXiv 2302.12893).
    """
    target = decision.target
    label = target.labels[target.index]
    reported = []
    for r in results:
        if r.searched and r.mean > target.p_image + RISE:
            reported.append(
                f"more confident on the evidence over {r.name} than on the whole image "
                f"({r.mean:.2f} against {target.p_image:.2f})"
            )
        if r.baseline_probability >= LIKELY:
            reported.append(
                f"{r.name} alone is predicted {label} with {r.baseline_probability:.2f}"
            )
        if not r.searched and r.retained < r.samples:
            reported.append(
                f"prediction not retained over {described(r.name).words}, unseen in the search "
                f"({r.retained} of {r.samples})"
            )
    if alike:
        reported.append(
            f"all {alike} reference images are predicted {label} too: give some of "
            "other labels, for a test of the outline that says more"
        )
    elif not others_given:
        reported.append(
            "no reference images given: the shape leakage test used the image's own pixels, "
            "shuffled"
        )
    return tuple(reported)


def region_warnings(checks: Sequence[Check]) -> tuple[str, ...]:
    """Without reference images: that most random regions retain the prediction, though not all."""
    return tuple(
        f"random regions up to twice as large retain the prediction too, in {kept} of "
        f"{check.trials}: any image might give the label; give reference images to find out"
        for check in checks
        if check.name == "specificity" and check.passed
        if (kept := check.trials - round(check.value * check.trials)) > LIKELY * check.trials
    )


def confident_predictions(response: BaselineResponse) -> tuple[str, ...]:
    """Baselines alone that get a confident prediction, of another label than the target.

    The claim reports the target's own label, from a lower threshold on.
    """
    target = response.decision.target
    reported = []
    for name, p in response.predictions.items():
        mean = p.mean(dim=0)
        most = int(mean.argmax())
        if not described(name).content and most != target.index and mean[most] >= CERTAIN:
            label, sure = target.labels[most], mean[most].item()
            reported.append(
                f"confident on a blank input: {name} alone is predicted {label} with {sure:.2f}"
            )
    return tuple(reported)


def leak_warnings(claim: Claim, tests: MaskTests, area: float, target: Target) -> tuple[str, ...]:
    """What the tests of the mask brought to light, though its claim may hold."""
    return tuple(leak_sentences(claim, tests, area, target.labels[target.index]))


def leak_sentences(claim: Claim, tests: MaskTests, area: float, label: str) -> Iterator[str]:
    """The sentences, one after the other."""
    if tests.shape_leakage.hits:
        yield (
            "the mask leaks the label through its outline: over unrelated content it is predicted "
            f"{label} in {often(tests.shape_leakage)}"
        )
    if tests.silhouette.hits:
        yield (
            f"filled with a constant colour, the mask alone is predicted {label} in "
            f"{often(tests.silhouette)}: its outline may drive the prediction"
        )
    if tests.reinsertion.bound < tests.reinsertion_wanted:
        changes = tests.reinsertion.trials - tests.reinsertion.hits
        yield (
            f"re-adding random hidden patches changes the prediction in {changes} of "
            f"{tests.reinsertion.trials}: it is retained in at least "
            f"{floored(tests.reinsertion.bound)}, {tests.reinsertion_wanted:.0%} required"
        )
    if claim.holds and area >= WHOLE:
        yield f"the evidence is {area:.0%} of the image: nothing smaller passed the tests"


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


def edge_warnings(edges: Iterable[tuple[str, Edge | None]]) -> tuple[str, ...]:
    """What another machine may count otherwise, within the declared tolerance."""
    near = [(name, edge) for name, edge in edges if edge is not None and edge.within]
    if not near:
        return ()
    count = sum(edge.within for _, edge in near)
    are, it = ("outcomes are", "them") if count > 1 else ("outcome is", "it")
    named = ", ".join(f"{name} {edge.within}" for name, edge in near)
    return (
        f"on the edge: {count} {are} within {EDGE:g} of another ({named}); another machine may "
        f"count {it} otherwise",
    )


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
