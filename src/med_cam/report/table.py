"""The results of a folder as a table: a line an image, as CSV."""

import csv
import io
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE, MANIFEST_FILE
from med_cam.report.manifest import id_of, read_manifest
from med_cam.report.read import read_explanation
from med_cam.report.wording import ended
from med_cam.results.claim import given_anyway

BETWEEN = " | "  # warnings


@dataclass(frozen=True, slots=True)
class TableRow:
    """One result. The columns of `table.csv` are these fields, in their order.

    Attributes:
        folder: of the result, below that of the table.
        image: name of the image's file; empty with `--no-source`.
        label: that was explained.
        p_image: its probability on the whole image.
        p_evidence: its probability on the evidence over the first baseline.
        verdict: how the tests ended, in a few words.
        verified: whether the sufficiency test passed, however large the mask is.
        area: share of the image's pixels in the mask.
        rung: name of the strongest weaker claim that holds, if there is one.
        rung_area: share of the image's pixels in its mask.
        bound: lower bound on the retention rate.
        components: connected parts of the mask.
        status: how it ended, in a sentence.
        warnings: what a reader has to be warned of.
        forward: inputs sent through the classifier, forward.
        backward: the same, backward.
        seconds: wall time.
        created: when the result was made, in UTC.
        sha256: of the image.
        result: ID of the result.
    """

    folder: str
    image: str
    label: str
    p_image: float | None
    p_evidence: float | None
    verdict: str
    verified: bool
    area: float
    rung: str
    rung_area: float | None
    bound: float | None
    components: int
    status: str
    warnings: tuple[str, ...]
    forward: int
    backward: int
    seconds: float
    created: str
    sha256: str
    result: str


def saved_rows(out: Path, known: Container[str] = ()) -> Iterator[TableRow]:
    """The lines of all results in a folder and below it; those that cannot be read are left out.

    Args:
        out: the folder.
        known: folders of results, below `out`, that are passed over.
    """
    for path in sorted(out.rglob(JSON_FILE)):
        place = path.parent.relative_to(out).as_posix()
        if place in known or any(part.startswith(".") for part in path.relative_to(out).parts):
            continue
        with suppress(OutputError, OSError, LookupError, TypeError, ValueError):
            result = id_of(read_manifest(path.parent / MANIFEST_FILE))
            yield table_row(read_explanation(path.parent), place, result)


def table_row(document: Mapping[str, Any], folder: str, result: str) -> TableRow:
    """The line of a result.

    Args:
        document: its explanation.json.
        folder: where it lies, below the folder of the table.
        result: its ID.
    """
    claim, target = document["claim"], document["target"]
    rung = (document["ladder"] or {}).get("rung") or {}
    return TableRow(
        folder=folder,
        image=document["image"]["name"] or "",
        label=document["label"],
        p_image=[*document["probabilities"].values()][target],
        p_evidence=[*document["probabilities_after"].values()][target],
        verdict=verdict_of(document),
        verified=document["verified"],
        area=document["area"],
        rung=rung.get("name", ""),
        rung_area=rung.get("area"),
        bound=(claim["certificate"] or {}).get("bound"),
        components=document["components"],
        status=document["status"],
        warnings=tuple(claim["warnings"]),
        forward=document["passes"]["forward"],
        backward=document["passes"]["backward"],
        seconds=document["seconds"],
        created=document["created"] or "",
        sha256=document["sha256"]["image"] or "",
        result=result,
    )


def verdict_of(document: Mapping[str, Any]) -> str:
    """How the tests ended, in the words of the figure and the terminal (`wording.verdict`)."""
    claim = document["claim"]
    rung = None if claim["holds"] else (document["ladder"] or {}).get("rung")
    return ended(
        area=document["area"] if document["verified"] else None,
        rung=None if rung is None else rung["name"],
        explicable=document["tests"] is not None and not given_by_baselines(claim),
        holds=claim["holds"],
        failed=[check["name"] for check in claim["checks"] if not check["passed"]],
    )


def given_by_baselines(claim: Mapping[str, Any]) -> bool:
    """Whether a searched baseline alone gives the label, as `Claim.baseline_suffices` tells."""
    enough, image = claim["minimum_effect"], claim["p_image"]
    alone = (b["baseline_probability"] for b in claim["baselines"] if b["searched"])
    return image is not None and any(
        p is not None and given_anyway(p, image, enough) for p in alone
    )


def table_csv(rows: Iterable[TableRow]) -> str:
    """The lines sorted by folder, after RFC 4180, numbers in full; what there is not is empty."""
    lines = io.StringIO(newline="")
    writer = csv.writer(lines)
    names = [field.name for field in fields(TableRow)]
    writer.writerow(names)
    for row in sorted(rows, key=lambda row: row.folder):
        writer.writerow([cell(getattr(row, name)) for name in names])
    return lines.getvalue()


def cell(value: object) -> object:
    """One value as text; a name that a spreadsheet would take for a formula stays text."""
    if isinstance(value, tuple):
        value = BETWEEN.join(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@"):
        return f"'{value}"
    return "" if value is None else value
