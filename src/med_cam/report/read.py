"""An explanation.json read, of this version or translated from an older one."""

import json
import re
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE
from med_cam.report.layout import entries
from med_cam.report.older import as_if_older, upgraded
from med_cam.report.schema import OURS, SCHEMA_VERSION, WHOLE

OLDER = re.compile(r"1\.[1-9]\d*")  # the schema versions that are translated


def read_explanation(folder: Path) -> dict[str, Any]:
    """The explanation.json of a result folder, as this version writes it.

    Raises:
        OutputError: there is none, it is not JSON, a field is missing, or it has a version that is
            not read.
    """
    path = folder / JSON_FILE
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror or error}); give a folder that "
            "`med-cam explain` has written"
        ) from error
    except ValueError as error:
        raise OutputError(
            f"{path} is not valid JSON ({error}); explain the image again"
        ) from error
    return _of_this_version(document, path)


def _of_this_version(document: object, path: Path) -> dict[str, Any]:
    if not isinstance(document, dict) or "schema_version" not in document:
        raise OutputError(f"{path} is not an explanation: it has no schema_version")
    version = str(document["schema_version"])
    _refuse_other_versions(version, path)
    if not re.match(OURS, version):
        document = upgraded(document)
    elif cut := as_if_older(document):
        raise OutputError(
            f"{path} does not say which {cut[0]} was explained; it was changed or cut, explain "
            "the image again"
        )
    missing = [e.name for kind in WHOLE for e in entries(kind) if e.name not in document]
    if missing:
        raise OutputError(
            f"{path} lacks {', '.join(missing)}; it was changed or cut, explain the image again"
        )
    return document


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
