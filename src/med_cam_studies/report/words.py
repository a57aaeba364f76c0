"""A study's words for a method, a prediction and a verdict: alike in figure, tables and page."""

from collections.abc import Mapping
from types import MappingProxyType

from med_cam.report import wording
from med_cam_studies.evaluation.rows import OURS, Row, Shown

METHOD_WORDS: Mapping[str, str] = MappingProxyType(
    {
        OURS: "Med-CAM",
        **wording.METHODS,
        "centre_disc": "Disc in the centre",
        "one_disc": "One disc",
        "smooth_random": "Smooth random map",
    }
)


def method(name: str) -> str:
    """A method in words; its name with spaces where there are none."""
    return METHOD_WORDS.get(name, name.replace("_", " "))


def decision(row: Row) -> str:
    """Probability before and after, and the area: "0.97 \u2192 0.90, area 8.7%"."""
    before, after = wording.probability(row.before), wording.probability(row.after)
    return f"{before} \u2192 {after}, area {wording.percent(row.area)}"


def verdict(row: Row) -> str:
    """How the sufficiency test ended: a sign and words, to be told apart without colour."""
    return "\u2713 test passed" if row.verified else "\u2717 test failed"


def signed(item: Shown) -> str:
    """The same, in the words that a result has of its own."""
    sign = verdict(item.row)[0]
    return f"{sign} {item.verdict}" if item.verdict else verdict(item.row)


def differing_truth(row: Row) -> str:
    """The provider's class where it is not the one explained, else ""."""
    return row.truth if row.truth != row.label else ""
