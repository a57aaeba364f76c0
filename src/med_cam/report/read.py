"""An explanation.json read, of this version or translated from an older one.

It may come from anyone: its size and depth are limited before, its shape is checked after.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE
from med_cam.report.layout import entries
from med_cam.report.limits import (
    ALTERNATIVES,
    DEPTH,
    JSON_BYTES,
    PATCHES,
    PIXELS,
    SAMPLES,
    SHIFTS,
    TRIED,
    refuse_more,
)
from med_cam.report.older import ADDED, RENAMED, as_if_older, completed, upgraded
from med_cam.report.opening import content_of
from med_cam.report.schema import OURS, SCHEMA_VERSION, WHOLE
from med_cam.report.shape import misfits, unknown

SHOWN = 40  # characters of a version that is not read
LATER = frozenset(RENAMED[""].values()) | ADDED[""].keys()  # fields that no older version has
OLDER = re.compile(r"1\.[1-9]\d*")  # the schema versions that are translated


class Written(NamedTuple):
    """What stood in an explanation.json.

    Attributes:
        version: schema version that it was written in, as `1.1`.
        document: as this version writes it.
    """

    version: str
    document: dict[str, Any]


def read_explanation(folder: Path) -> dict[str, Any]:
    """The explanation.json of a result folder, as this version writes it.

    Raises:
        OutputError: as `read_written`.
    """
    return read_written(folder).document


def read_written(folder: Path) -> Written:
    """The explanation.json of a result folder, with the version that it was written in.

    Every result that is re-checked comes in here, so that its shape and its amounts are checked
    once.

    Raises:
        OutputError: there is none, it is too large, it is not JSON, a field is missing or is not
            of its type, or it has a version that is not read.
    """
    path = folder / JSON_FILE
    try:
        text = content_of(path, most=JSON_BYTES).decode("utf-8")
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror or error}); give a folder that "
            "`med-cam explain` has written"
        ) from error
    except ValueError as error:
        raise OutputError(
            f"{path} is not valid JSON ({error}); explain the image again"
        ) from error
    parsed = _object(_parsed(text, path), path)
    document = _of_this_version(parsed, path)
    refuse_misshapen(document, path)
    _refuse_unknown(document, path)
    refuse_excess(document, path)
    return Written(_version_of(parsed), document)


def refuse_misshapen(document: Mapping[str, Any], path: Path) -> None:
    """Check every field against its type.

    Raises:
        OutputError: the first that is not as med-cam writes it.
    """
    for found in misfits(document):
        raise OutputError(
            f"{path} is not as med-cam writes it ({found}); it was changed, "
            "explain the image again"
        )


def refuse_excess(document: Mapping[str, Any], path: Path) -> None:
    """Check what would be drawn, decoded or tested again against `limits`.

    Raises:
        OutputError: it would be too much.
    """
    height, width = document["image"]["height"], document["image"]["width"]
    refuse_more(path, "pixels", height * width, PIXELS)
    for what, number, most in _amounts(document):
        refuse_more(path, what, number, most)


def _refuse_unknown(document: Mapping[str, Any], path: Path) -> None:
    """Check that every field is one that was written: nobody would look at another."""
    if document["schema_version"] == SCHEMA_VERSION and (found := next(unknown(document), "")):
        raise OutputError(
            f"{path} has the field {found[:SHOWN]!r}, which med-cam does not write; it was "
            "changed, explain the image again"
        )


def _amounts(document: Mapping[str, Any]) -> Iterable[tuple[str, int, int]]:
    tests = document["tests"] or {"alternatives": (), "minimality": None}
    yield "further masks", len(tests["alternatives"]), ALTERNATIVES
    yield "masks of other methods", len(document["compared"]), ALTERNATIVES
    if (minimality := tests["minimality"]) is not None:
        yield "patches", len(minimality["patches"]), PATCHES
        yield "samples", max([0, *minimality["samples"]]), SAMPLES
        yield "shifts", len(minimality["shifts"]), SHIFTS
    for claim in _claims(document):
        if (certificate := claim["certificate"]) is not None:
            yield "samples", certificate["samples"], SAMPLES
            yield "masks tried", certificate["tried"], TRIED
            yield "draws of samples", certificate["draw"], TRIED
    if (rung := (document["ladder"] or {"rung": None})["rung"]) is not None:
        yield "samples", max(rung["samples"], rung["control"]["masks"]), SAMPLES
    for section in document["config"].values():
        for name, value in section.items() if isinstance(section, Mapping) else ():
            if isinstance(value, int):
                yield f"{name} (a setting)", value, SAMPLES


def _claims(document: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Every claim of a document."""
    tests = document["tests"] or {"alternatives": (), "necessary_superset": None}
    further = (document["restricted_claim"], document["beside_claim"])
    holders = (document, *further, tests["necessary_superset"])
    return [held["claim"] for held in (*holders, *tests["alternatives"]) if held is not None]


def _parsed(text: str, path: Path) -> object:
    """JSON as values: no key twice, no NaN, not too deep."""
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise _too_deep(path) from error
    except ValueError as error:
        raise OutputError(
            f"{path} is not valid JSON ({error}); explain the image again"
        ) from error
    level: list[Any] = [document]
    for _ in range(DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    if level:
        raise _too_deep(path)
    return document


def _too_deep(path: Path) -> OutputError:
    return OutputError(
        f"{path} has lists and objects in each other deeper than {DEPTH}; it is no result of "
        "med-cam, leave it alone"
    )


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object none of whose keys occurs twice: readers would disagree on which counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _object(document: object, path: Path) -> dict[str, Any]:
    if not isinstance(document, dict) or "schema_version" not in document:
        raise OutputError(f"{path} is not an explanation: it has no schema_version")
    return document


def _version_of(document: Mapping[str, Any]) -> str:
    return " ".join(str(document["schema_version"]).split())[:SHOWN]


def _of_this_version(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    version = _version_of(document)
    _refuse_other_versions(version, path)
    if not re.match(OURS, version):
        document = _upgraded(document, path)
    elif cut := as_if_older(document):
        raise OutputError(
            f"{path} does not say which {cut[0]} was explained; it was changed or cut, explain "
            "the image again"
        )
    whole = completed(document)
    missing = [e.name for kind in WHOLE for e in entries(kind) if e.name not in whole]
    if missing:
        raise OutputError(
            f"{path} lacks {', '.join(missing)}; it was changed or cut, explain the image again"
        )
    return whole


def _upgraded(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    if mixed := sorted(LATER & document.keys()):
        raise OutputError(
            f"{path} is said to be of schema version {document['schema_version']}, which had no "
            f"{mixed[0]}; it was changed, explain the image again"
        )
    try:
        return upgraded(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise OutputError(
            f"{path} is not as med-cam wrote it before; it was changed, explain the image again"
        ) from error


def _refuse_other_versions(version: str, path: Path) -> None:
    if version == "1.0":
        raise OutputError(
            f"{path} was written by an older med-cam (schema version 1.0, needed is 1.1), which "
            "kept no copy of the image; explain the image again"
        )
    if not re.match(OURS, version) and not OLDER.fullmatch(version):
        raise OutputError(
            f"{path} has schema version {version}, this med-cam reads {SCHEMA_VERSION}; "
            "use the med-cam that wrote it, or explain the image again"
        )
