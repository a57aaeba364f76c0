"""What a study shows: the figure, the tables and the report, from rows and the files of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Generator

from med_cam.images.mask_file import mask_from_png
from med_cam.images.read import read_image
from med_cam.report.backend import in_memory
from med_cam.report.files import write_files
from med_cam.report.text_table import markdown
from med_cam.report.wording import NOT_A_DIAGNOSIS
from med_cam_studies.data.collection import Item
from med_cam_studies.evaluation.comparison import summaries
from med_cam_studies.evaluation.item_result import (
    GRAD_CAM,
    ROLLOUT,
    map_file,
    map_from_png,
    outline_of,
)
from med_cam_studies.evaluation.rows import Row, Shown
from med_cam_studies.report.gallery import gallery_files
from med_cam_studies.report.page import FILE as REPORT, page
from med_cam_studies.report.shrunk import LONGEST, within
from med_cam_studies.report.tables import (
    Table,
    ahead_table,
    comparison_table,
    rows_csv,
    summary,
)

TABLE, SUMMARY = "table.csv", "table.md"
FILES = ("figure.pdf", "figure.png", TABLE, SUMMARY, REPORT)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the rows.

    Attributes:
        title: of the study.
        classes: in the order of the figure.
        facts: where the figures come from, by name.
        notes: what a reader has to know in addition.
    """

    title: str
    classes: tuple[str, ...]
    facts: Mapping[str, str]
    notes: tuple[str, ...] = ()


def publish(head: Head, rows: Sequence[Row], items: Mapping[str, Item], out: Path) -> None:
    """Write figure, tables and report to a run's folder, all of them or none.

    Args:
        head: what stands before the rows.
        rows: in the order of the report.
        items: by name, for their files.
        out: with the results and maps of the rows in it.

    Raises:
        ImageError: if an image, a mask or a map cannot be read.
        OutputError: if a file cannot be written.
    """
    shown = [shown_row(row, items[row.image], out) for row in rows]
    tables = tables_of(rows, head.classes)
    with in_memory():
        report = page(head.title, shown, facts=head.facts, tables=tables, notes=head.notes)
        figure = gallery_files(shown, title=head.title, classes=head.classes)
    contents = {
        **figure,
        TABLE: rows_csv(rows).encode(),
        SUMMARY: summary_text(head, tables).encode(),
        REPORT: report.encode(),
    }
    write_files(out, contents)


def tables_of(rows: Sequence[Row], classes: Sequence[str]) -> dict[str, Table]:
    """By heading: by class, and where findings are outlined method against method."""
    tables = {"By class": summary(rows, classes)}
    compared = summaries(rows, generator=Generator().manual_seed(0))
    if compared:
        tables["Evidence and outlined findings, at equal area"] = comparison_table(compared)
        tables["How far ours is ahead, image by image"] = ahead_table(compared)
    return tables


def summary_text(head: Head, tables: Mapping[str, Table]) -> str:
    """The tables as Markdown, with the facts about them."""
    facts = [f"- {name}: {value}" for name, value in head.facts.items()]
    parts = [f"# {head.title}", NOT_A_DIAGNOSIS, "\n".join(facts), *head.notes]
    for heading, table in tables.items():
        parts += [f"## {heading}", markdown(table.head, table.rows)]
    return "\n\n".join(parts) + "\n"


def shown_row(row: Row, item: Item, out: Path) -> Shown:
    """A row with its pictures, none of them larger than a page can show.

    Raises:
        ImageError: if one of them cannot be read.
    """
    image = read_image(item.path)
    mask = mask_from_png((out / row.folder / "mask.png").read_bytes())
    files = {name: map_file(out, row.image, name) for name in (GRAD_CAM, ROLLOUT)}
    maps = {name: map_from_png(path) for name, path in files.items() if path.exists()}
    outlined = outline_of(item, image)
    return within(Shown(row, image.pixels, mask, maps, outlined), LONGEST)
