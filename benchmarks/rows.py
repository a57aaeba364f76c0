"""The table of a benchmark: a row per group of results, a column per function of them."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence

from med_cam.report.text_table import markdown

Value = str | Callable  # of one result: the name of a field, or a function of it; None = no value
Column = Callable[[Sequence], str]


def table(columns: Mapping[str, Column], rows: Mapping[str, Sequence], *, name: str = "") -> str:
    """As Markdown; `name` is over the names of the rows."""
    body = ([key, *(column(of) for column in columns.values())] for key, of in rows.items())
    return markdown([name, *columns], body, escaped="|")


def by_prediction(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """Results by predicted class."""
    labels = sorted({line["answer"] for line in lines})
    return {label: [line for line in lines if line["answer"] == label] for label in labels}


def heading(lines: Iterable[dict]) -> str:
    """Of which classifiers the results are."""
    return ", ".join(sorted({line["classifier"] for line in lines}))


def count(lines: Sequence) -> str:
    """A column: how many results there are."""
    return str(len(lines))


def share(test: Callable) -> Column:
    """A column: how many results pass a test, in percent."""
    return mean(lambda line: bool(test(line)), ".0%")


def mean(of: Value, form: str) -> Column:
    """A column: the mean of a number over the results that have it."""
    return reduced(statistics.mean, of, form)


def middle(of: Value, form: str = ".0f") -> Column:
    """A column: the median of a number over the results that have it."""
    return reduced(statistics.median, of, form)


def reduced(reduce: Callable, of: Value, form: str) -> Column:
    """A column: one number for all results that have it, a dash if none has."""

    def column(lines: Sequence) -> str:
        found = [line[of] if isinstance(of, str) else of(line) for line in lines]
        known = [value for value in found if value is not None]
        return f"{reduce(known):{form}}" if known else "-"

    return column
