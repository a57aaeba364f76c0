"""Whether a JSON value has the shape that a type is written in: the same rules as the schema's."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from re import fullmatch
from typing import Any

from med_cam.report.layout import Form, Pattern, entries, form, forms
from med_cam.report.schema import WHOLE
from med_cam.results.ranges import Number, OneOf

LARGEST = 2**63  # whole numbers are below it
SHOWN = 40  # characters of a wrong value that a sentence shows


def misfits(document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a document, each in some words; fields that are unknown do not count."""
    for kind in WHOLE:
        yield from _in_object(document, kind, "")


def misfits_of(value: object, kind: type, place: str) -> Iterator[str]:
    """What is wrong with one object of a document, that lies in a place of it."""
    if isinstance(value, Mapping):
        yield from _in_object(value, kind, place)
    else:
        yield f"{place} is {_shown(value)}"


def unknown(document: Mapping[str, Any]) -> Iterator[str]:
    """The fields that this version does not write, at the top and in what lies straight there.

    What lies deeper is compared with what comes out, or is of objects with any fields.
    """
    known = {"schema_version": object, **{e.name: e.kind for kind in WHOLE for e in entries(kind)}}
    for name, value in document.items():
        base = form(known[name]).base if name in known else None
        if name not in known:
            yield name
        elif isinstance(base, type) and is_dataclass(base) and isinstance(value, Mapping):
            inner = {entry.name for entry in entries(base)}
            yield from (f"{name}.{key}" for key in value if key not in inner)


def _in_object(value: Mapping[str, Any], kind: type, place: str) -> Iterator[str]:
    for name, found in forms(kind):
        where = f"{place}.{name}".lstrip(".")
        if name in value:
            yield from _in_value(value[name], found, where)
        else:
            yield f"it lacks {where}"


def _in_value(value: Any, found: Form, place: str) -> Iterator[str]:  # noqa: ANN401  any JSON value
    base = found.outer
    if value is None and (found.null or base is object or _may_lack(found)):
        return
    if found.is_object and isinstance(value, Mapping):
        yield from _in_object(value, base, place)
    elif base is tuple and isinstance(value, list):
        yield from _in_list(value, found.inner, place)
    elif base is Mapping and isinstance(value, Mapping):
        for name, item in value.items():
            yield from _in_value(item, form(found.inner[1]), f"{place}.{name}")
    elif not _fits(value, base, found.known):
        yield f"{place} is {_shown(value)}"


def _may_lack(found: Form) -> bool:
    """Whether a number may be one that JSON does not have, which is written as null."""
    finite = all(k.finite for k in found.known if isinstance(k, Number))
    return found.base is float and not (found.known and finite)


def _in_list(value: list[Any], inner: tuple[Any, ...], place: str) -> Iterator[str]:
    if ... not in inner and len(value) != len(inner):
        yield f"{place} has {len(value)} entries, not {len(inner)}"
    each = form(inner[0])
    for number, item in enumerate(value):
        yield from _in_value(item, each, f"{place}[{number}]")


def _fits(value: Any, base: Any, known: tuple[object, ...]) -> bool:  # noqa: ANN401
    """Whether a plain value is of a type, and in its range."""
    if base is object:
        return True
    if base is int or base is float:
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST
        number = whole or (base is float and isinstance(value, float) and math.isfinite(value))
        return number and all(_allowed(value, what) for what in known)
    right = base in (str, bool) and isinstance(value, base)
    return right and all(_allowed(value, what) for what in known)


def _allowed(value: Any, what: object) -> bool:  # noqa: ANN401  any JSON value
    match what:
        case Number(low=low, high=high):
            return (low is None or low <= value) and (high is None or value <= high)
        case OneOf(values=values):
            return value in values
        case Pattern(text=text):
            return fullmatch(text, value) is not None
    return True


def _shown(value: Any) -> str:  # noqa: ANN401  any JSON value
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = ascii(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
