"""An Explanation and where it came from as plain JSON values."""

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any, get_args

from med_cam.report.layout import entries, form
from med_cam.report.provenance import Provenance, origin_of
from med_cam.report.schema import SCHEMA_VERSION
from med_cam.report.source import Source
from med_cam.results.explanation import Explanation
from med_cam.results.ranges import Number


def to_json(explanation: Explanation, *, provenance: Provenance, source: Source) -> dict[str, Any]:
    """An explanation as plain JSON values, fields as documented in docs/explanation-json.md.

    Args:
        explanation: what was found.
        provenance: where it came from.
        source: the copy of the image beside the JSON file.
    """
    origin = origin_of(provenance, source, explanation.mask)
    return {"schema_version": SCHEMA_VERSION, **fields_of(explanation), **fields_of(origin)}


def fields_of(value: Any, place: int = 0) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    """The fields of a dataclass as JSON has them, at a place of a list."""
    kind: type = type(value)
    return {e.name: plain(e.read(value, place), e.kind) for e in entries(kind)}


def plain(value: Any, kind: Any = object, place: int = 0) -> Any:  # noqa: ANN401  any JSON value
    """Tuples to lists, keys to strings, NaN and infinity (which JSON lacks) to None."""
    found = form(kind)
    inner = (*get_args(found.base), object, object)
    match value:
        case Mapping():
            written: object = {str(key): plain(item, inner[1]) for key, item in value.items()}
        case list() | tuple():
            written = [plain(item, inner[0], i) for i, item in enumerate(value, start=1)]
        case float():
            written = number(value, found.known)
        case None | bool() | int():
            written = value
        case _ if is_dataclass(value):
            written = fields_of(value, place)
        case _:
            written = str(value).encode("utf-8", "replace").decode()  # paths may hold stray bytes
    return written


def number(value: float, known: tuple[object, ...]) -> float | None:
    """A number with as many digits as are known to be written."""
    if not math.isfinite(value):
        return None
    digits = next((k.digits for k in known if isinstance(k, Number)), None)
    return float(value) if digits is None else float(f"{value:.{digits}g}")
