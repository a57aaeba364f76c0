"""How reports word a number, a check, a background: the same in the figure and in the terminal."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from med_cam.results import BaselineResult, Check

NOT_A_DIAGNOSIS = "Evidence for the classifier's decision, not a diagnosis."

BASELINE_WORDS = {
    "grey": "grey (training mean)",
    "black": "black",
    "white": "white",
    "mean": "the image's mean colour",
    "blur": "the image blurred",
    "gaussian": "Gaussian noise",
    "uniform": "uniform noise",
    "shuffled": "shuffled pixels",
    "others": "other images",
    "inpainted": "surroundings painted in",
}


def probability(value: float) -> str:
    """Two decimals, never rounded to a certainty: 0.998 is ">0.99"."""
    if 0.995 <= value < 1:
        return ">0.99"
    return "<0.01" if 0 < value < 0.005 else f"{value:.2f}"


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
    """A background in words; its name where there are none."""
    return BASELINE_WORDS.get(name, name)


def baselines(names: Sequence[str]) -> str:
    """Backgrounds in words, as a list in a sentence."""
    return listed([baseline(name) for name in names])


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence: "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def kept_on(result: BaselineResult) -> str:
    """A background with how often the decision was kept on it: "Gaussian noise 8/8"."""
    return f"{baseline(result.name)} {result.retained}/{result.samples}"


def check(result: Check) -> str:
    """A check as composites counted, with what was asked where it failed: "shape 5/24, ..."."""
    text = f"{result.name} {round(result.value * result.trials)}/{result.trials}"
    return text if result.passed else f"{text}, {_asked(result)}"


def _asked(result: Check) -> str:
    if result.at_least:
        return "all needed" if result.threshold == 1 else f"{result.threshold:.0%} needed"
    return f"{result.threshold:.0%} allowed"


def _rounded(share: float, direction: str) -> str:
    exact = Decimal(repr(float(share))) * 100
    rounded = exact.quantize(Decimal("0.1"), rounding=direction)
    return "100%" if rounded == 100 else f"{rounded}%"
