"""The providers' tables: CSV in many dialects, with what editors and spreadsheets left in them."""

import csv
from collections.abc import Sequence
from pathlib import Path

from med_cam.errors import DataError


def table_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table with a header, as column to value, without surrounding spaces.

    A byte-order mark, Windows line ends, tabs instead of commas, spaces around names and empty
    columns at the end are taken as they come; empty rows are left out.

    Raises:
        DataError: if it cannot be read, or lacks one of the columns.
    """
    lines = table_lines(path)
    head = [name.strip() for name in lines[0]] if lines else []
    lacking = [name for name in columns if name not in head]
    if lacking:
        there = ", ".join(filter(None, head)) or "none"
        raise DataError(
            f"{path} lacks the column {lacking[0]!r}, it has {there}; "
            "copy the provider's table again."
        )
    rows = [dict(zip(head, (v.strip() for v in line), strict=False)) for line in lines[1:]]
    return [{name: row.get(name, "") for name in columns} for row in rows if any(row.values())]


def table_lines(path: Path) -> list[list[str]]:
    """The cells of every line that is not empty.

    Raises:
        DataError: if it cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        tabs = "\t" in text.partition("\n")[0]
        cells = csv.reader(text.splitlines(), delimiter="\t" if tabs else ",")
        return [line for line in cells if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as a table ({error}); copy the provider's table again."
        ) from error
