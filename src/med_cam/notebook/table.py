"""Many explanations as a table of pandas, failures among them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from med_cam.config.given import refuse_other
from med_cam.errors import ConfigError
from med_cam.notebook.explanation import Explanation
from med_cam.report import wording

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class NotExplained:
    """An image that was not explained, in the place of its explanation.

    Attributes:
        index: its place among the images, from 0.
        image: its path; "" if it was in memory.
        kind: of the error, as `ImageError`.
        error: what is wrong and what to do, in one sentence.
    """

    index: int
    image: str
    kind: str
    error: str


def to_frame(found: Iterable[Explanation | NotExplained]) -> "pd.DataFrame":
    """A row for each explanation or failure, in their order; needs pandas.

    Raises:
        ConfigError: pandas is not installed, or something else is among them.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ConfigError(
            "to_frame needs pandas, which is not installed here; pip install pandas."
        ) from error
    refuse_other("found", found, Iterable, "a list of explanations")
    return pd.DataFrame([row_of(each) for each in found], columns=[*COLUMNS])


COLUMNS = (
    *("image", "label", "probability", "probability_after", "area", "verified", "verdict"),
    *("bound", "minimal", "necessary", "warnings", "first_warning", "passes", "seconds", "error"),
)


def row_of(found: Explanation | NotExplained) -> Mapping[str, Any]:
    """One row by the names of the columns; None where there is nothing to say."""
    kinds = (Explanation, NotExplained)
    refuse_other("each of found", found, kinds, "an Explanation, from explain")
    if isinstance(found, NotExplained):
        return {"image": found.image, "error": found.error}
    claim, tests = found.claim, found.tests
    minimality = None if tests is None else tests.minimality
    return {
        "image": found.made_from.image.path,
        "label": found.label,
        "probability": found.before[found.target],
        "probability_after": found.after[found.target],
        "area": found.area,
        "verified": found.verified,
        "verdict": wording.verdict(found),
        "bound": None if claim.certificate is None else claim.certificate.bound,
        "minimal": None if minimality is None else minimality.holds,
        "necessary": None if tests is None else tests.necessity.holds,
        "warnings": len(claim.warnings),
        "first_warning": next(iter(claim.warnings), None),
        "passes": found.passes.forward,
        "seconds": found.seconds,
        "error": None,
    }
