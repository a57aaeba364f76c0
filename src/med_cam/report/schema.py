"""explanation.json: an Explanation and where it came from, as plain values with a version."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.values import Claim, Explanation, Fallback, Step

SCHEMA_VERSION = "1.0"  # the first number changes when a field changes its meaning or goes
JSON_FILE = "explanation.json"
MASK_FILE = "mask.png"
EVIDENCE_FILE = "evidence.png"
FIGURE_FILE = "figure.png"
FALLBACK_FILE = "fallback.png"

_TRACE_DIGITS = 6  # losses and seconds; probabilities and areas are written in full


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result has to say of its origin besides the explanation itself.

    Attributes:
        image_name: file name of the image, without its folder; "" for one made in memory.
        image_sha256: of the image file's bytes, or "".
        image_size: h w of the source image.
        classifier: name of the classifier.
        weights_sha256: of the weights file, or "".
        input_size: h w that the classifier takes.
        rule: how the image is brought to that size, see `Geometry`.
        config: every setting of the run, as `dataclasses.asdict` gives it.
        seed: the seed of the run.
        preset: name of the preset that the settings started from, or "".
        versions: version of each piece of software that took part.
        device: where the classifier ran.
    """

    image_name: str
    image_sha256: str
    image_size: tuple[int, int]
    classifier: str
    weights_sha256: str
    input_size: tuple[int, int]
    rule: str
    config: Mapping[str, object]
    seed: int
    preset: str
    versions: Mapping[str, str]
    device: str


def to_json(explanation: Explanation, *, provenance: Provenance) -> dict[str, Any]:
    """An explanation as plain JSON values, fields as documented in docs/explanation-json.md."""
    fields = _finding(explanation) | _course(explanation) | _origin(provenance)
    return {name: _plain(value) for name, value in fields.items()}


def to_text(document: Mapping[str, Any]) -> str:
    """JSON text that a person can read: indented, but one line for each step of the trace."""
    return "{\n" + ",\n".join(f"  {_entry(*item)}" for item in document.items()) + "\n}\n"


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


def unique_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels as keys: one that occurs twice (ImageNet's "crane") gets its class index."""
    count = Counter(labels)
    return tuple(f"{x} #{i}" if count[x] > 1 else x for i, x in enumerate(labels))


def _finding(found: Explanation) -> dict[str, Any]:
    """What was found, and what was proved of it."""
    names = unique_names(found.labels)
    return {
        "schema_version": SCHEMA_VERSION,
        "target": found.target,
        "label": found.label,
        "verified": found.verified,
        "status": found.status,
        "area": found.area,
        "components": found.components,
        "probabilities": dict(zip(names, found.before, strict=True)),
        "probabilities_after": dict(zip(names, found.after, strict=True)),
        "change": found.after[found.target] - found.before[found.target],
        "kl": _rounded(found.kl),
        "claim": _claim(found.claim),
        "fallback": None if found.fallback is None else _fallback(found.fallback),
    }


def _course(found: Explanation) -> dict[str, Any]:
    """What it took."""
    return {
        "passes": asdict(found.passes),
        "seconds": _rounded(found.seconds),
        "labels": found.labels,
        "taps": found.taps,
        "trace": [_step(step) for step in found.steps],
    }


def _origin(origin: Provenance) -> dict[str, Any]:
    """What it was made of and with."""
    height, width = origin.image_size
    return {
        "seed": origin.seed,
        "preset": origin.preset or None,
        "image": {"name": origin.image_name or None, "height": height, "width": width},
        "classifier": {
            "name": origin.classifier,
            "input_size": origin.input_size,
            "resize": origin.rule,
        },
        "sha256": {
            "image": origin.image_sha256 or None,
            "weights": origin.weights_sha256 or None,
        },
        "config": origin.config,
        "versions": origin.versions,
        "device": origin.device,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return asdict(claim) | {"holds": claim.holds}


def _fallback(fallback: Fallback) -> dict[str, Any]:
    return {
        "mask": FALLBACK_FILE,
        "area": fallback.area,
        "dropped": fallback.dropped,
        "claim": _claim(fallback.claim),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.index,
        "loss": _rounded(step.loss),
        "area": _rounded(step.area),
        "terms": {name: _rounded(value) for name, value in step.terms.items()},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{_TRACE_DIGITS}g}")


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Tuples to lists, keys to strings, NaN and infinity (which JSON lacks) to None."""
    match value:
        case Mapping():
            plain: object = {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case float():
            plain = float(value) if math.isfinite(value) else None
        case None | bool() | int():
            plain = value
        case _:
            plain = str(value).encode("utf-8", "replace").decode()  # paths may hold stray bytes
    return plain


def _entry(key: str, value: Any) -> str:  # noqa: ANN401  any JSON value
    if key == "trace" and value:
        rows = ",\n    ".join(_dumps(row) for row in value)
        return f"{_dumps(key)}: [\n    {rows}\n  ]"
    return f"{_dumps(key)}: " + _dumps(value, indent=2).replace("\n", "\n  ")


def _dumps(value: Any, *, indent: int | None = None) -> str:  # noqa: ANN401  any JSON value
    return json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)


def _refuse_other_versions(document: object, path: Path) -> None:
    if not isinstance(document, dict) or "schema_version" not in document:
        raise OutputError(f"{path} is not an explanation: it has no schema_version")
    version = str(document["schema_version"])
    if version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise OutputError(
            f"{path} has schema version {version}, this med-cam reads {SCHEMA_VERSION}; "
            "use the med-cam that wrote it, or explain the image again"
        )
    missing = [name for name in json_schema()["required"] if name not in document]
    if missing:
        raise OutputError(
            f"{path} lacks {', '.join(missing)}; it was changed or cut, explain the image again"
        )
