"""table.csv and index.html beside the results: there after the first image, and always whole.

Each is replaced at one stroke. Writing all lines again for every image would take longer and
longer, so it is done when it takes a small share of the time, and at the end.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from med_cam.cli.run import Failure
from med_cam.cli.tally import Done
from med_cam.report.file_names import INDEX_FILE, TABLE_FILE
from med_cam.report.files import write_files
from med_cam.report.index_page import index_page
from med_cam.report.table import TableRow, table_csv

SHARE = 0.05  # of the time at most is spent on writing them


def tabled(
    ends: Iterable[Done | Failure], out: Path, kept: Sequence[TableRow], *, of: int
) -> Iterator[Done | Failure]:
    """The ends as they come, each result a line of the tables; also if it is told to stop.

    Args:
        ends: of the images.
        out: folder of the results.
        kept: lines of earlier runs.
        of: images of the run, those of earlier runs among them.
    """
    rows = {row.folder: row for row in kept}
    written, due = not rows, 0.0
    try:
        for end in ends:
            if isinstance(end, Done):
                rows[end.row.folder] = end.row
                written = False
                if time.perf_counter() >= due:
                    due = next_time(write_tables(out, rows.values(), of=of))
                    written = True
            yield end
    finally:
        if not written:
            write_tables(out, rows.values(), of=of)


def write_tables(out: Path, rows: Iterable[TableRow], *, of: int) -> float:
    """Write both; return how many seconds that took.

    Raises:
        UnwritableError: if they cannot be written.
    """
    begun, found = time.perf_counter(), tuple(rows)
    contents = {TABLE_FILE: table_csv(found), INDEX_FILE: index_page(found, of=of)}
    write_files(out, {name: text.encode("utf-8", "replace") for name, text in contents.items()})
    return time.perf_counter() - begun


def next_time(seconds: float) -> float:
    """When they may be written again, after it took so long."""
    return time.perf_counter() + seconds / SHARE
