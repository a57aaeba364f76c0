"""The JSON Schema of explanation.json, from the types of what is written."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from typing import Any, get_args, get_origin

from med_cam.report.layout import Entry, Form, Pattern, entries, form
from med_cam.report.origin import Origin
from med_cam.results.explanation import Explanation
from med_cam.results.ranges import Number, OneOf

SCHEMA_VERSION = "2.0"  # the first number changes when a field changes its meaning or goes
OURS = rf"^{SCHEMA_VERSION.partition('.')[0]}\.[0-9]+$"  # versions that differ by added fields
WHOLE = (Explanation, Origin)  # explanation.json has the fields of both
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of explanation.json."""
    version = {
        "type": "string",
        "pattern": OURS,
        "description": "Version of this format.",
    }
    whole = described(e for kind in WHOLE for e in entries(kind))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "med-cam explanation",
        "description": f"explanation.json, version {SCHEMA_VERSION}. "
        "Documented in docs/explanation-json.md.",
        **closed({"schema_version": version, **whole}),
        "$defs": {
            kind.__name__: {"description": summary(kind), **closed(described(entries(kind)))}
            for kind in sorted(set(below(*WHOLE)), key=lambda kind: kind.__name__)
        },
    }


def described(found: Iterator[Entry] | tuple[Entry, ...]) -> dict[str, Any]:
    """The properties of an object, each with its meaning."""
    return {e.name: {**schema_of(e.kind), "description": e.meaning} for e in found}


def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    """An object with these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def schema_of(kind: Any) -> dict[str, Any]:  # noqa: ANN401  any annotation
    """What JSON a value of this type becomes."""
    found = form(kind)
    schema = bare(found)
    finite = all(k.finite for k in found.known if isinstance(k, Number))
    unsure = found.base is float and not (found.known and finite)
    if not found.null and not unsure:
        return schema
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def bare(found: Form) -> dict[str, Any]:
    """The same, without null."""
    base, inner = get_origin(found.base) or found.base, get_args(found.base)
    if isinstance(base, type) and is_dataclass(base):
        return {"$ref": f"#/$defs/{base.__name__}"}
    if base is tuple:
        fixed = {} if ... in inner else {"minItems": len(inner), "maxItems": len(inner)}
        return {"type": "array", "items": schema_of(inner[0]), **fixed}
    if base is Mapping:
        values = {} if inner[1] is object else {"additionalProperties": schema_of(inner[1])}
        return {"type": "object", **values}
    return {"type": _TYPES[base], **limits(found.known)}


def limits(known: tuple[object, ...]) -> dict[str, Any]:
    """What is known of a number or a string."""
    found: dict[str, Any] = {}
    for what in known:
        match what:
            case Number(low=low, high=high):
                found |= {"minimum": low, "maximum": high}
            case OneOf(values=values):
                found["enum"] = list(values)
            case Pattern(text=text):
                found["pattern"] = text
    return {name: limit for name, limit in found.items() if limit is not None}


def below(*kinds: Any) -> Iterator[type]:  # noqa: ANN401  any annotation
    """The dataclasses that fields of these types hold, at any depth."""
    for kind in kinds:
        base = form(kind).base
        value = isinstance(base, type) and is_dataclass(base)
        for inner in [e.kind for e in entries(base)] if value else get_args(base):
            one = form(inner).base
            if isinstance(one, type) and is_dataclass(one):
                yield one
            yield from below(one)


def summary(kind: type) -> str:
    """The first line of a docstring."""
    return (kind.__doc__ or "").partition("\n")[0]
