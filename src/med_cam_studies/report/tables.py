"""The tables of a study: every image as CSV, and summaries as Markdown."""

import csv
import dataclasses
import io
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from med_cam.report import wording
from med_cam_studies.evaluation.comparison import Summary
from med_cam_studies.evaluation.intervals import Interval
from med_cam_studies.evaluation.rows import Overlap, Row
from med_cam_studies.report import words

HALF = 0.5  # of the image; a claim on more of it explains little, one on all of it nothing
NONE = "\u2013"  # where there is nothing to count
WARNINGS = "; "  # between warnings
PLAIN = tuple(field.name for field in dataclasses.fields(Row) if field.name != "overlaps")
OVERLAP = tuple(field.name for field in dataclasses.fields(Overlap))
SHARES = {  # of `comparison.MEASURES`
    "inside": "evidence in finding",
    "covered": "finding covered",
    "iou": "intersection over union",
    "pointing": "peak in finding",
}


class Table(NamedTuple):
    """Cells as they are read; the first of each row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def rows_csv(rows: Sequence[Row]) -> str:
    """Every field of every row after RFC 4180, numbers in full; booleans are true or false.

    Overlaps have a column for each field and method, as in grad_cam_iou, empty where an image has
    no outlined finding.
    """
    methods = methods_of(rows)
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    writer.writerow([*PLAIN, *(_column(m, field) for m in methods for field in OVERLAP)])
    for row in rows:
        plain = [_cell(getattr(row, field)) for field in PLAIN]
        overlaps = [_overlap_cell(row, m, field) for m in methods for field in OVERLAP]
        writer.writerow([*plain, *overlaps])
    return lines.getvalue()


def summary(rows: Sequence[Row], classes: Sequence[str]) -> Table:
    """By the class that was explained, and over all images.

    Correct predictions are counted among images that have a class from the data provider.
    """
    labels = dict.fromkeys((*classes, *(row.label for row in rows)))
    groups = {label: [row for row in rows if row.label == label] for label in labels}
    body = [(name, *_summarised(group)) for name, group in (*groups.items(), ("all", rows))]
    return Table(("class explained", "images", *_SUMMARY), tuple(body))


def comparison_table(compared: Sequence[Summary]) -> Table:
    """Each method on the images with an outlined finding: means with 95% intervals."""
    rows = [
        (words.method(line.method), str(line.images), *(_interval(line.means[m]) for m in SHARES))
        for line in compared
    ]
    return Table(("method", "images", *SHARES.values()), tuple(rows))


def ahead_table(compared: Sequence[Summary]) -> Table:
    """Mean of ours minus theirs, image by image, with 95% intervals."""
    rows = [
        (words.method(line.method), *(_interval(line.ours_ahead[m]) for m in SHARES))
        for line in compared
        if line.ours_ahead
    ]
    return Table(("ours minus", *SHARES.values()), tuple(rows))


def methods_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """Methods with an overlap in any row, in the order met."""
    return tuple(dict.fromkeys(method for row in rows for method in row.overlaps))


def _summarised(rows: Sequence[Row]) -> list[str]:
    columns = [column(rows) if rows else NONE for column in _SUMMARY.values()]
    return [str(len(rows)), *columns]


def _right(rows: Sequence[Row]) -> str:
    return _of([row.label == row.truth for row in rows if row.truth])


def _of(found: Sequence[bool]) -> str:
    return f"{sum(found)} of {len(found)}" if found else NONE


def _interval(found: Interval) -> str:
    return f"{found.mean:.2f} ({found.low:.2f} to {found.high:.2f})"


def _probability(values: Iterable[float]) -> str:
    return wording.probability(statistics.mean(values))


def _median(field: str, form: str = "g") -> Callable[[Sequence[Row]], str]:
    return lambda rows: f"{statistics.median(getattr(row, field) for row in rows):{form}}"


def _cell(value: object) -> str:
    """One value as text that reads back to it."""
    if isinstance(value, tuple):
        return WARNINGS.join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _overlap_cell(row: Row, method: str, field: str) -> str:
    return _cell(getattr(row.overlaps[method], field)) if method in row.overlaps else ""


def _column(method: str, field: str) -> str:
    return f"{method}_{field}".replace("-", "_")


_SUMMARY: dict[str, Callable[[Sequence[Row]], str]] = {
    "predicted correctly": _right,
    "verified": lambda rows: _of([row.verified for row in rows]),
    "below half": lambda rows: _of([row.verified and row.area < HALF for row in rows]),
    "median area": lambda rows: wording.percent(statistics.median(row.area for row in rows)),
    "mean probability, image": lambda rows: _probability(row.before for row in rows),
    "mean probability, evidence": lambda rows: _probability(row.after for row in rows),
    "median parts": _median("components"),
    "median forward": _median("forward"),
    "median backward": _median("backward"),
    "median seconds": _median("seconds", ".1f"),
}
