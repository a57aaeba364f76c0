"""table.csv and index.html beside the results: there after the first image, and always whole.

Each is replaced at one stroke. Writing all lines again for every image would take longer and
longer, so it is done when it takes a small share of the time, and at the end.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from med_cam.cli.kept import Plan
from med_cam.cli.run import Failure
from med_cam.cli.tally import Done
from med_cam.report.file_names import INDEX_FILE, TABLE_FILE
from med_cam.report.files import write_files
from med_cam.report.index_page import index_page
from med_cam.report.leftovers import locked
from med_cam.report.shards import Shard
from med_cam.report.table import TableRow, saved_rows, table_csv

SHARE = 0.05  # of the time at most is spent on writing them


def tabled(
    ends: Iterable[Done | Failure], out: Path, plan: Plan, *, of: int
) -> Iterator[Done | Failure]:
    """The ends as they come, each result a line of the tables; also if it is told to stop.

    Args:
        ends: of the images.
        out: folder of the results.
        plan: of the run, with the lines of earlier ones.
        of: images of the run, those of earlier runs among them.
    """
    rows = {row.folder: row for row in plan.rows}
    written, due = not rows, 0.0
    try:
        for end in ends:
            if isinstance(end, Done):
                rows[end.row.folder] = end.row
                written = False
                if time.perf_counter() >= due:
                    due = next_time(write_tables(out, rows.values(), of=of, shard=plan.shard))
                    written = True
            yield end
    finally:
        if not written:
            write_tables(out, rows.values(), of=of, shard=plan.shard)


def joined(out: Path) -> None:
    """After a part of a run: the tables of all results in the folder, of other parts too.

    Locked, so that of several parts that end together the last one has all.

    Raises:
        UnwritableError: if they cannot be written.
    """
    with locked(out):
        rows = tuple(saved_rows(out))
        write_tables(out, rows, of=len(rows))


def write_tables(
    out: Path, rows: Iterable[TableRow], *, of: int, shard: Shard | None = None
) -> float:
    """Write both, those of a part under names of their own; return how many seconds that took.

    Raises:
        UnwritableError: if they cannot be written.
    """
    begun, found = time.perf_counter(), tuple(rows)
    table, index = (TABLE_FILE, INDEX_FILE) if shard is None else (shard.table, shard.index)
    contents = {table: table_csv(found), index: index_page(found, of=of, table=table)}
    write_files(out, {name: text.encode("utf-8", "replace") for name, text in contents.items()})
    return time.perf_counter() - begun


def next_time(seconds: float) -> float:
    """When they may be written again, after it took so long."""
    return time.perf_counter() + seconds / SHARE
