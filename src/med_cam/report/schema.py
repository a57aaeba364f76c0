"""explanation.json: its version, its JSON Schema, what it says of its origin; and reading it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError

SCHEMA_VERSION = "1.1"  # the first number changes when a field changes its meaning or goes
JSON_FILE = "explanation.json"
MASK_FILE = "mask.png"
EVIDENCE_FILE = "evidence.png"
FIGURE_FILE = "figure.png"
RESTRICTED_FILE = "restricted.png"
ALTERNATIVE_FILE = "alternative-{}.png"  # numbered from 1
SUPERSET_FILE = "necessary-superset.png"
AGREEMENT_FILE = "agreement.png"


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result has to say of its origin besides the explanation itself.

    Attributes:
        image_name: file name of the image, without its folder; "" for one made in memory.
        image_sha256: of the image file's bytes, or "".
        classifier: name of the classifier.
        weights_sha256: of the weights file, or "".
        input_size: h w that the classifier takes.
        rule: how the image is brought to that size, see `Geometry`.
        config: every setting of the run, as `dataclasses.asdict` gives it.
        seed: the seed of the run.
        preset: name of the preset that the settings started from, or "".
        versions: version of each piece of software that took part.
        device: where the classifier ran.
        references_sha256: of the other images of the shape test, or "".
        against: label of the one class that the target was separated from, or "".
    """

    image_name: str
    image_sha256: str
    classifier: str
    weights_sha256: str
    input_size: tuple[int, int]
    rule: str
    config: Mapping[str, object]
    seed: int
    preset: str
    versions: Mapping[str, str]
    device: str
    references_sha256: str = ""
    against: str = ""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of explanation.json, as shipped with the package."""
    text = files("med_cam.report").joinpath("explanation.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_explanation(folder: Path) -> dict[str, Any]:
    """Read the explanation.json of a result folder.

    Raises:
        OutputError: there is none, it is not JSON, a field is missing, or it has another version.
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
    _refuse_other_versions(document, path)
    return dict(document)


def _refuse_other_versions(document: object, path: Path) -> None:
    if not isinstance(document, dict) or "schema_version" not in document:
        raise OutputError(f"{path} is not an explanation: it has no schema_version")
    version = str(document["schema_version"])
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise OutputError(
            f"{path} has schema version {version}, this med-cam reads {SCHEMA_VERSION}; "
            "use the med-cam that wrote it, or explain the image again"
        )
    missing = [name for name in json_schema()["threshold"] if name not in document]
    if missing:
        raise OutputError(
            f"{path} lacks {', '.join(missing)}; it was changed or cut, explain the image again"
        )
