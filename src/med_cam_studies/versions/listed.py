"""Every image of a comparison as a line: compare.csv, and the first lines for the terminal."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from med_cam.report.table import cell
from med_cam.report.text_table import aligned
from med_cam.report.wording import percent, probability
from med_cam_studies.report.tables import NONE
from med_cam_studies.versions.pairs import Pair

NAME, LABEL = 16, 9  # characters of a name and of a label, for a terminal of 80 columns
ARROW = "\u2192"  # before, after
HEAD = ("image", "label", "probability", "passed", "area", "IoU")


@dataclass(frozen=True, slots=True)
class Line:
    """The columns of compare.csv are these fields, in their order.

    Attributes:
        image: name of the image.
        sha256: of the image.
        truth: the right label; empty where it is not known.
        label_before, label_after: that were explained.
        p_before, p_after: probability of that label on the whole image.
        rise: probability of `label_before`: after minus before.
        verdict_before, verdict_after: how the tests ended.
        verified_before, verified_after: whether the sufficiency test passed, however large the
            mask is.
        area_before, area_after: share of the image in the mask.
        iou: of the masks, where both are sufficient.
        bound_before, bound_after: lower bound on the retention rate.
        folder_before, folder_after: of the results.
        result_before, result_after: IDs of the results.
    """

    image: str
    sha256: str
    truth: str
    label_before: str
    label_after: str
    p_before: float
    p_after: float
    rise: float
    verdict_before: str
    verdict_after: str
    verified_before: bool
    verified_after: bool
    area_before: float
    area_after: float
    iou: float
    bound_before: float
    bound_after: float
    folder_before: str
    folder_after: str
    result_before: str
    result_after: str


def line_of(pair: Pair) -> Line:
    """The line of an image."""
    both = {"before": pair.before, "after": pair.after}
    values: dict[str, Any] = {}
    for name, one in both.items():
        values |= {
            f"label_{name}": one.label,
            f"p_{name}": one.probabilities[one.labels.index(one.label)],
            f"verdict_{name}": one.verdict,
            f"verified_{name}": one.verified,
            f"area_{name}": one.area,
            f"bound_{name}": one.bound,
            f"folder_{name}": one.place,
            f"result_{name}": one.result,
        }
    return Line(
        image=pair.before.name,
        sha256=pair.before.sha256,
        truth=pair.truth,
        rise=pair.rise,
        iou=pair.iou,
        **values,
    )


def compare_csv(pairs: Sequence[Pair]) -> str:
    """All lines after RFC 4180, numbers in full; what there is not is empty."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    names = [field.name for field in fields(Line)]
    writer.writerow(names)
    for pair in pairs:
        line = line_of(pair)
        writer.writerow([_value(getattr(line, name)) for name in names])
    return lines.getvalue()


def terminal_table(pairs: Sequence[Pair]) -> str:
    """The pairs as a table that fits a terminal of 80 columns."""
    rows = [row_of(line_of(pair), name=NAME, label=LABEL) for pair in pairs]
    return aligned([HEAD, *rows], left=(0, 1))


def row_of(line: Line, *, name: int = 10**6, label: int = 10**6) -> tuple[str, ...]:
    """A line as it is read, with names and labels in so many characters at most."""
    labels = [_short(text, label) for text in (line.label_before, line.label_after)]
    return (
        _short(line.image, name, tail=True),
        labels[0] if line.label_before == line.label_after else ARROW.join(labels),
        f"{probability(line.p_before)}{ARROW}{probability(line.p_after)}",
        f"{_yes(line.verified_before)}{ARROW}{_yes(line.verified_after)}",
        f"{percent(line.area_before)}{ARROW}{percent(line.area_after)}",
        NONE if math.isnan(line.iou) else f"{line.iou:.2f}",
    )


def _value(value: object) -> object:
    """As `table.cell`; what is not a number is empty."""
    return "" if isinstance(value, float) and math.isnan(value) else cell(value)


def _yes(verified: bool) -> str:  # noqa: FBT001  a word for it
    return "yes" if verified else "no"


def _short(text: str, width: int, *, tail: bool = False) -> str:
    """The text in so many characters; `tail`: of a long one the end is kept."""
    if len(text) <= width:
        return text
    return f"\u2026{text[1 - width :]}" if tail else f"{text[: width - 1]}\u2026"
