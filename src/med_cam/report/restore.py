"""A saved result as the Explanation that it was written from, so that reports can say the same.

It goes by the same rules as the writer (`layout`), so that writing it again gives the same
document. What is not saved is empty: `soft`, and the counts of an edge that are for comparing.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple, get_type_hints

import torch
from torch import Tensor

from med_cam.report.file_names import MASK_FILE
from med_cam.report.layout import CALLED, FILES, Form, form
from med_cam.results.explanation import Explanation, unique_names

OfFile = Callable[[str], Tensor]  # what a file of the result says of each pixel, by its name
BY_LABEL = {"before": "probabilities", "after": "probabilities_after"}
NOT_SAVED = {"Explanation.soft": torch.zeros(0, 0), "Edge.sure": 0, "Edge.most": 0}


def restored(document: Mapping[str, Any], of_file: OfFile) -> Explanation:
    """The explanation that a document is of.

    Args:
        document: an explanation.json, as this version writes it.
        of_file: from the name of a file beside it to what it says of each pixel, h w.
    """
    names = unique_names(tuple(document["labels"]))
    by_label = {
        field: tuple(_value(document[name][label], float, of_file) for label in names)
        for field, name in BY_LABEL.items()
    }
    found: Explanation = _object(document, Explanation, of_file, by_label)
    return found


def _object(
    entry: Mapping[str, Any], kind: type, of_file: OfFile, known: Mapping[str, Any]
) -> Any:  # noqa: ANN401  any dataclass
    """A dataclass from its object in JSON; `known` are fields that are not looked up there."""
    values = dict(known)
    for field, path, name, found in _plan(kind):
        if field in known:
            continue
        if path in NOT_SAVED:
            values[field] = NOT_SAVED[path]
        elif path == "Explanation.mask":
            values[field] = of_file(MASK_FILE)
        elif path in FILES:
            values[field] = None if entry[name] is None else of_file(entry[name])
        else:
            values[field] = _of_form(entry[name], found, of_file)
    return kind(**values)


class _Field(NamedTuple):
    """Name in Python, name with that of its class, name in JSON, and its type taken apart."""

    name: str
    path: str
    called: str
    form: Form


@cache
def _plan(kind: type) -> tuple[_Field, ...]:
    """How the fields of a dataclass are read."""
    hints = get_type_hints(kind, include_extras=True)
    paths = {field.name: f"{kind.__name__}.{field.name}" for field in fields(kind)}
    return tuple(
        _Field(name, path, CALLED.get(path, name), form(hints[name]))
        for name, path in paths.items()
    )


def _value(value: Any, kind: Any, of_file: OfFile) -> Any:  # noqa: ANN401  any JSON value
    """A value from its JSON."""
    return _of_form(value, form(kind), of_file)


def _of_form(value: Any, found: Form, of_file: OfFile) -> Any:  # noqa: ANN401  any JSON value
    """A value from its JSON; a number that JSON lacks was written as null."""
    base, inner = found.outer, found.inner
    if value is None:
        return None if found.null or base is not float else float("nan")
    if base is tuple:
        each = form(inner[0])
        return tuple(_of_form(one, each, of_file) for one in value)
    if base is Mapping:
        return {key: _value(one, inner[1], of_file) for key, one in value.items()}
    if found.is_object:
        value = _object(value, base, of_file, {})
    return float(value) if base is float else value
