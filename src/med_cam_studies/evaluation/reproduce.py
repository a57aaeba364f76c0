"""A study from its data set and a classifier to rows, each image as soon as it is done."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from med_cam.case.references import References
from med_cam.classifiers.identity import identity_of
from med_cam.config.toml import as_table
from med_cam.errors import OutputError
from med_cam.report.document import fields_of
from med_cam.report.file_names import MASK_FILE
from med_cam.report.files import UnwritableError, write_file
from med_cam.report.leftovers import sweep
from med_cam.report.manifest import checked_id
from med_cam.results.step import OnStep
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import near_copies, sha256_of
from med_cam_studies.evaluation.item_result import Setting, item_row, sources_sha256
from med_cam_studies.evaluation.json_lines import append_line, read_lines
from med_cam_studies.evaluation.rows import Overlap, Row

ROWS, RUN = "rows.jsonl", "run.json"
OTHERS = 32  # reference images for the shape leakage test, evenly over the classes

OnItem = Callable[[Item, int], OnStep | None]  # image, its place; called with its steps


def chosen(items: Sequence[Item], per_class: int) -> tuple[Item, ...]:
    """The first of each of the data provider's classes by SHA-256 of the file: nobody's choice."""
    hashes = {item.name: sha256_of(item.path) for item in items}
    order = sorted(items, key=lambda item: (item.label, hashes[item.name]))
    labels = sorted({item.label for item in items})
    return tuple(item for k in labels for item in [i for i in order if i.label == k][:per_class])


def reference_items(items: Sequence[Item], *, most: int = OTHERS) -> tuple[Item, ...]:
    """At most `most` reference images, equally many of each class; none of them is explained."""
    classes = len({item.label for item in items})
    return chosen(items, max(1, most // max(1, classes)))[:most]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run left.

    Attributes:
        rows: lines that still say what is on disk, by image.
        outdated: for images that have a line and are explained again, the reason in a sentence.
    """

    rows: Mapping[str, Row]
    outdated: Mapping[str, str]


def reproduced(
    items: Sequence[Item], setting: Setting, earlier: Earlier, on_item: OnItem
) -> Iterator[Row | tuple[Item, Exception]]:
    """The line of every image, those of an earlier run first; an error does not stop the others.

    Raises:
        UnwritableError: if a result cannot be written, and so no other could be.
    """
    yield from earlier.rows.values()
    for place, item in enumerate(items):
        if item.name in earlier.rows:
            continue
        try:
            row = item_row(item, setting, on_item(item, place))
        except UnwritableError:
            raise
        except Exception as error:  # noqa: BLE001  the other images are still to be done
            yield item, error
            continue
        append_line(setting.out / ROWS, asdict(row))
        yield row


def taken_up(items: Sequence[Item], setting: Setting) -> Earlier:
    """Take up the folder of a run: mark it, sweep what a kill left, and see what is done.

    Raises:
        OutputError: if it is another run's, or cannot be written.
    """
    begin(setting)
    for folder in folders(setting.out):
        sweep(folder)
    known = known_rows(setting.out)
    again = {
        item.name: outdated(known[item.name], item, setting)
        for item in items
        if item.name in known
    }
    return Earlier(
        {name: known[name] for name, reason in again.items() if not reason},
        {
            name: f"{name} {reason}; it is explained again."
            for name, reason in again.items()
            if reason
        },
    )


def folders(out: Path) -> tuple[Path, ...]:
    """Where a run writes; names of images may have folders in them."""
    tops = (out / "images", out / "maps")
    return (out, *tops, *(below for top in tops for below in top.rglob("*/")))


def outdated(row: Row, item: Item, setting: Setting) -> str:
    """Why a line does not stand for an image and its result as they are; "" if it does.

    Raises:
        DataError: if the image cannot be read.
    """
    if row.sha256 != sources_sha256(sha256_of(item.path), item):
        return "or its outline is not the one that was explained"
    if row.truth != setting.truth(item):
        return f"was of class {row.truth!r} and is of {setting.truth(item)!r}"
    folder = setting.out / row.folder
    try:
        if setting.tiles == 0:
            checked_id(folder)
    except OutputError:
        return "has a result that was changed"
    return "" if (folder / MASK_FILE).is_file() else "has no result any more"


def begin(setting: Setting) -> None:
    """Mark the folder as this run's.

    Raises:
        OutputError: if it is another run's, or cannot be written.
    """
    wanted = json.loads(json.dumps(identity(setting)))
    path = setting.out / RUN
    if not path.exists():
        write_file(path, f"{json.dumps(wanted, indent=2)}\n".encode())
        return
    found = read_json(path)
    if found != wanted:
        changed = [key for key in wanted if found.get(key) != wanted[key]]
        raise OutputError(
            f"{setting.out} holds a run with another {' and '.join(changed) or 'content'}; give "
            "another --out, or remove it."
        )


def identity(setting: Setting) -> dict[str, Any]:
    """What has to be equal for results to stand in one table."""
    return {
        "classifier": fields_of(identity_of(setting.classifier)),
        "settings": as_table(setting.config),
        "tiles": setting.tiles,
        "reference images": digest_of(setting.references),
    }


def digest_of(references: References | None) -> str:
    """One hash for all reference images; "" without any."""
    digests = () if references is None else references.digests
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of ours holds.

    Raises:
        OutputError: if it cannot be read.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read ({error}); remove the folder.") from error
    return found


def known_rows(out: Path) -> Mapping[str, Row]:
    """Lines of an earlier run, by image."""
    return {row.image: row for row in map(row_of, read_lines(out / ROWS))}


def row_of(table: Mapping[str, Any]) -> Row:
    """A line as a value."""
    overlaps = {name: Overlap(**values) for name, values in table["overlaps"].items()}
    return Row(**{**table, "warnings": tuple(table["warnings"]), "overlaps": overlaps})


def seen_before(items: Sequence[Item], known: Sequence[Item]) -> tuple[Item, ...]:
    """Items that are, byte for byte or nearly, what the classifier was trained or validated on.

    IDRiD's outlined eyes are numbered apart from the graded ones, and some of them are the same.
    """
    close = near_copies(items, known).tolist()
    return tuple(item for item, seen in zip(items, close, strict=True) if seen)
