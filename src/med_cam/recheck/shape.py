"""Is a document what the schema says? Enough of JSON Schema for our own, without a package."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from med_cam.report.schema import json_schema

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
Schema = Mapping[str, Any]


def misshapen(document: object) -> str:
    """Where a document is not of the shape of explanation.json, in words; "" if it is."""
    return next(_faults(document, _schema(), "the document"), "")


@cache
def _schema() -> Schema:
    return json_schema()


def _faults(value: Any, schema: Schema, path: str) -> Iterator[str]:  # noqa: ANN401  any JSON value
    """What is wrong with a value and all below it."""
    if "anyOf" in schema:  # something, or null
        schema = {} if value is None else schema["anyOf"][0]
    if "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    if "type" in schema and not _typed(value, schema["type"]):
        yield f"{path} has the wrong type"
    elif isinstance(value, dict):
        yield from _object_faults(value, schema, path)
    elif isinstance(value, list):
        yield from _list_faults(value, schema, path)
    elif not _within(value, schema):
        yield f"{path} is out of range"


def _list_faults(value: list[Any], schema: Schema, path: str) -> Iterator[str]:
    """What is wrong with a list and its entries."""
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{path} has {len(value)} entries"
    for i, entry in enumerate(value):
        yield from _faults(entry, schema["items"], f"{path}[{i}]")


def _object_faults(value: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    """What is wrong with an object: a field that lacks, one too many, one that is wrong."""
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in (*schema.get("required", ()), *value):
        inner = name if path == "the document" else f"{path}.{name}"
        if name not in value:
            yield f"{inner} is missing"
        elif name in known:
            yield from _faults(value[name], known[name], inner)
        elif others is False:
            yield f"{inner} is no field of a result"
        elif isinstance(others, dict):
            yield from _faults(value[name], others, inner)


def _typed(value: object, named: str | list[str]) -> bool:
    """Whether a value has one of these types; a truth value is no number."""
    names = [named] if isinstance(named, str) else named
    kinds = tuple(kind for name in names for kind in _TYPES[name])
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


def _within(value: Any, schema: Schema) -> bool:  # noqa: ANN401  a plain JSON value
    """Whether a plain value is in its range, one of a list, of a pattern."""
    if isinstance(value, str):
        fits = re.search(schema.get("pattern", ""), value) is not None
        return fits and value in schema.get("enum", (value,))
    if value is None or isinstance(value, bool):
        return True
    return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
