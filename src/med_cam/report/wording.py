"""How reports word a number, a check, a baseline: the same in the figure and in the terminal."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from med_cam.config.baselines import BASELINES, described, is_own
from med_cam.results.check import SUFFICIENCY, BaselineResult, Check
from med_cam.results.compared import OtherMethod
from med_cam.results.explanation import Explanation
from med_cam.results.ladder import Rung

WEAKER = {  # the badge, where the claim failed and a rung of the ladder holds
    "restricted": "sufficient on other removals only",
    "graded": "sufficient on a milder removal only",
    "necessary": "not sufficient, but necessary",
    "ranked": "not sufficient, better than chance",
}
BRIEFLY = {  # under "sufficient", where there is no room for the verdict
    "restricted": "some removals",
    "graded": "milder only",
    "necessary": "no: necessary",
    "ranked": "no: ranked",
}
NOT_A_DIAGNOSIS = "Evidence for the classifier's prediction, not a diagnosis."
METHODS = {  # other methods, in words
    "grad_cam": "Grad-CAM",
    "grad_cam_plus_plus": "Grad-CAM++",
    "attention_rollout": "Attention rollout",
    "rise": "RISE",
    "extremal_perturbations": "Extremal perturbations",
}
LARGE = 0.5  # of the image: a mask above that is not said to have passed


def counted(number: int, thing: str) -> str:
    """As in "1 image" and "2 images"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def probability(value: float) -> str:
    """Two decimals, never rounded to a certainty: 0.998 is ">0.99"."""
    if 0.995 <= value < 1:
        return ">0.99"
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"


def leading(labels: Sequence[str], probabilities: Sequence[float], *, most: int = 3) -> str:
    """The labels of the highest probabilities, as in "glioma 0.97, pituitary 0.02"."""
    order = sorted(range(len(labels)), key=lambda k: -probabilities[k])[:most]
    return ", ".join(f"{labels[k]} {probability(probabilities[k])}" for k in order)


def percent(share: float) -> str:
    """One decimal, never rounded to nothing or all: 0.00002 is "<0.1%"."""
    if 0.9995 <= share < 1:
        return ">99.9%"
    if share == 1:
        return "100%"
    return "<0.1%" if 0 < share < 0.0005 else f"{100 * share:.1f}%"


def at_least(bound: float) -> str:
    """A lower bound with one decimal, rounded down: 0.9999 is "at least 99.9%"."""
    return f"at least {_rounded(bound, ROUND_FLOOR)}"


def at_most(bound: float) -> str:
    """An upper bound with one decimal, rounded up: 0.1391 is "at most 14.0%"."""
    return f"at most {_rounded(bound, ROUND_CEILING)}"


def as_given(share: float) -> str:
    """A share that somebody chose, with every digit of it: 0.95 is "95%", 0.999 is "99.9%"."""
    digits = format(Decimal(repr(float(share))) * 100, "f")
    return f"{digits.rstrip('0').rstrip('.') if '.' in digits else digits}%"


def baseline(name: str) -> str:
    """A baseline in words; its name where there are none."""
    return described(name).words if name in BASELINES or is_own(name) else name


def baselines(names: Sequence[str]) -> str:
    """Baselines in words, as a list in a sentence."""
    return listed([baseline(name) for name in names])


def status(found: Explanation) -> str:
    """How it ended, as explanation.json has it, the list of its baselines in words."""
    names = found.claim.searched
    return found.status.replace(f"over {', '.join(names)}", f"over {baselines(names)}")


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def retained_on(result: BaselineResult) -> str:
    """A baseline with how often the prediction was retained on it: "Gaussian noise 8/8"."""
    return f"{baseline(result.name)} {result.retained}/{result.samples}"


def spaced(name: str) -> str:
    """The name of a check or a stage in words: "shape leakage"."""
    return name.replace("_", " ")


def check(result: Check) -> str:
    """A check with its count, and its threshold if it failed: "shape leakage 5/24, ..."."""
    text = f"{spaced(result.name)} {round(result.value * result.trials)}/{result.trials}"
    return text if result.passed else f"{text}, {_threshold(result)}"


def method(other: OtherMethod) -> str:
    """Another method, with the layer that its map is of: "Grad-CAM (layer4)"."""
    name = METHODS[other.method]
    return name if other.layer is None else f"{name} ({other.layer})"


def looked(other: OtherMethod) -> str:
    """A first look, as in "grey 0/1, Gaussian noise 3/8"."""
    return ", ".join(f"{baseline(one.name)} {one.retained}/{one.samples}" for one in other.looks)


def is_small(area: float) -> bool:
    """Whether a mask is at most half of the image: a larger one hardly says where evidence is."""
    return area <= LARGE


def of_large(area: float) -> str:
    """How the tests ended of a larger mask that passed them all."""
    return "sufficient only as a large region" if area < 1 else "no smaller region found"


def verdict(found: Explanation) -> str:
    """How the tests ended, in a few words; the status says why."""
    rung = weaker(found)
    return ended(
        area=found.area if found.verified else None,
        rung=None if rung is None else rung.name,
        explicable=found.tests is not None and not found.claim.baseline_suffices,
        holds=found.claim.holds,
        failed=[check.name for check in found.claim.checks if not check.passed],
    )


def briefly(found: Explanation) -> str:
    """Whether a region is sufficient, in at most 13 characters."""
    if found.verified:
        return (
            "yes" if is_small(found.area) else "large region" if found.area < 1 else "whole image"
        )
    rung = weaker(found)
    if rung is not None:
        return BRIEFLY[rung.name]
    if found.tests is None or found.claim.baseline_suffices:
        return "no claim"
    return "rules weak" if found.claim.holds else "no"


def ended(
    *, area: float | None, rung: str | None, explicable: bool, holds: bool, failed: Sequence[str]
) -> str:
    """How the tests ended, for whoever has a result and for whoever has its document.

    Args:
        area: of a verified mask; None if it is not verified.
        rung: of the ladder that holds where the claim failed.
        explicable: whether anything was tested, and no baseline alone gives the label.
        holds: whether the claim does.
        failed: names of the checks that did not pass.
    """
    if area is not None:
        return "sufficiency test passed" if is_small(area) else of_large(area)
    if rung is not None:
        return WEAKER[rung]
    if not explicable:
        return "cannot be explained"
    return "rules too weak to verify" if holds else failed_test(failed)


def weaker(found: Explanation) -> Rung | None:
    """The rung of the ladder that holds where the claim failed."""
    return None if found.ladder is None or found.claim.holds else found.ladder.rung


def failed_test(failed: Sequence[str]) -> str:
    """Which check failed, sufficiency before all others."""
    first = SUFFICIENCY if SUFFICIENCY in failed or not failed else failed[0]
    return f"{spaced(first)} test failed"


def warnings_counted(found: Explanation) -> str:
    """As in "2 warnings"; empty where there are none."""
    count = len(found.claim.warnings)
    return "" if not count else f"{count} warning" if count == 1 else f"{count} warnings"


def _threshold(result: Check) -> str:
    if result.at_least:
        return "all required" if result.threshold == 1 else f"{result.threshold:.0%} required"
    return f"{result.threshold:.0%} allowed"


def _rounded(share: float, direction: str) -> str:
    exact = Decimal(repr(float(share))) * 100
    rounded = exact.quantize(Decimal("0.1"), rounding=direction)
    return "100%" if rounded == 100 else f"{rounded}%"
