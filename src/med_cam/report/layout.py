"""How values appear in explanation.json: the rules that its writer and its schema share.

A frozen dataclass is an object with its fields, whose meaning is in its `Attributes:`. What
differs from that is listed here.
"""

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.images.label_file import labels_png
from med_cam.images.mask_file import mask_png
from med_cam.report.file_names import (
    AGREEMENT_FILE,
    ALTERNATIVE_FILE,
    BESIDE_FILE,
    COMPARED_FILE,
    QUIET_FILE,
    REGIONS_FILE,
    RESTRICTED_FILE,
    RUNG_FILE,
    RUNNER_UP_FILE,
    SUPERSET_FILE,
)

CALLED = {  # otherwise than the field is
    "Agreement.shares": "map",
    "Explanation.beside": "beside_claim",
    "Explanation.restricted": "restricted_claim",
    "Explanation.steps": "trace",
    "Step.index": "step",
}
INSTEAD = {  # the properties that are written in the place of a field
    "Edge.sure": (),  # computed again, to compare `within` by
    "Edge.most": (),
    "Explanation.mask": (),  # its hash is among all hashes
    "Explanation.soft": (),
    "Explanation.before": ("probabilities",),
    "Explanation.after": ("probabilities_after", "change"),
}
COMPUTED = (
    "holds",
    "needed",
    "spare",
    "warnings",
)  # properties that are written before the fields, where they are
FILES = {  # tensors, and the file that each is written to; {} is the place in the list, from 1
    "Agreement.shares": AGREEMENT_FILE,
    "Alternative.mask": ALTERNATIVE_FILE,
    "BesideClaim.mask": BESIDE_FILE,
    "Minimality.regions": REGIONS_FILE,
    "NecessarySuperset.mask": SUPERSET_FILE,
    "OtherMethod.mask": COMPARED_FILE,
    "QuietRegion.mask": QUIET_FILE,
    "RestrictedClaim.mask": RESTRICTED_FILE,
    "RunnerUp.mask": RUNNER_UP_FILE,
    "Rung.mask": RUNG_FILE,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """The regular expression that a string matches."""

    text: str


Sha256 = Annotated[str, Pattern("^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of an object in JSON.

    Attributes:
        name: in JSON.
        kind: its type, as annotated.
        meaning: in words; "" if undocumented.
        read: what is written, from the value and its place in a list.
    """

    name: str
    kind: Any
    meaning: str
    read: Callable[[Any, int], Any]


@dataclass(frozen=True, slots=True)
class Form:
    """An annotation taken apart.

    Attributes:
        base: without what is below.
        outer: the base without its arguments: `tuple` of `tuple[int, ...]`.
        inner: these arguments.
        known: what `Annotated` adds.
        null: whether it may be None.
        is_object: whether the base is a dataclass, an object in JSON.
    """

    base: Any
    outer: Any
    inner: tuple[Any, ...]
    known: tuple[object, ...] = ()
    null: bool = False
    is_object: bool = False


@cache
def form(kind: Any) -> Form:  # noqa: ANN401  any annotation
    """An annotation taken apart: X, X | None or Annotated[X, ...]."""
    arguments = get_args(kind)
    if get_origin(kind) is Annotated:
        return replace(form(arguments[0]), known=arguments[1:])
    if get_origin(kind) in (UnionType, Union):
        (inner,) = (a for a in arguments if a is not NoneType)
        return replace(form(inner), null=True)
    is_object = isinstance(kind, type) and is_dataclass(kind)
    return Form(kind, get_origin(kind) or kind, arguments, is_object=is_object)


@cache
def entries(kind: type) -> tuple[Entry, ...]:
    """The fields of a value as they are written, in order."""
    names = [name for name in COMPUTED if isinstance(getattr(kind, name, None), property)]
    for field in fields(kind):
        names += INSTEAD.get(f"{kind.__name__}.{field.name}", (field.name,))
    meanings, hints = attributes(kind), get_type_hints(kind, include_extras=True)
    return tuple(e for name in names for e in _entries(kind, name, meanings, hints))


@cache
def forms(kind: type) -> tuple[tuple[str, Form], ...]:
    """The fields of a value as they are written, by name, each type taken apart."""
    return tuple((entry.name, form(entry.kind)) for entry in entries(kind))


def attributes(kind: type) -> dict[str, str]:
    """What the `Attributes:` of a docstring say, by name; each a sentence."""
    _, _, section = inspect.cleandoc(kind.__doc__ or "").partition("\nAttributes:\n")
    lines = re.sub(r"\n {5,}", " ", section.partition("\n\n")[0])  # one for each attribute
    return {
        name: _sentence(meaning)
        for names, meaning in re.findall(r"^ {4}([\w, ]+): (.+)$", lines, re.MULTILINE)
        for name in names.split(", ")
    }


def sha256_of_labels(labels: Int[Tensor, "h w"]) -> str:
    """Of the file of the parts of a mask."""
    return hashlib.sha256(labels_png(labels)).hexdigest()


def sha256_of(mask: Bool[Tensor, "h w"]) -> str:
    """Of the file of a mask."""
    return hashlib.sha256(mask_png(mask)).hexdigest()


def _entries(
    kind: type, name: str, meanings: dict[str, str], hints: dict[str, Any]
) -> Iterator[Entry]:
    """A field or a property; a mask by its file and what tells whether that is still the same."""
    path = f"{kind.__name__}.{name}"
    called = CALLED.get(path, name)
    found = getattr(kind, name, None)
    if path in FILES:
        meaning = f"Name of a file beside this one: {_begun(meanings.get(name, ''))}"
        if form(hints[name]).null:
            yield from _perhaps(called, name, meaning)
            return
        yield Entry(called, str, meaning, lambda _, place: FILES[path].format(place))
        if name == "mask":
            reported = "SHA-256 of that file, in hexadecimal."
            yield Entry("sha256", Sha256, reported, lambda value, _: sha256_of(value.mask))
    elif isinstance(found, property):
        returned = get_type_hints(found.fget, include_extras=True)["return"]
        meaning = " ".join((found.__doc__ or "").split())
        yield Entry(called, returned, meaning, lambda value, _: getattr(value, name))
    else:
        meaning = meanings.get(name, "")
        yield Entry(called, hints[name], meaning, lambda value, _: getattr(value, name))


def _perhaps(called: str, name: str, meaning: str) -> Iterator[Entry]:
    """Numbers of parts that may be None, by their file and what tells whether that is the same."""

    def file(value: Any, _: int) -> str | None:  # noqa: ANN401  any dataclass
        return None if getattr(value, name) is None else REGIONS_FILE

    def digest(value: Any, _: int) -> str | None:  # noqa: ANN401  any dataclass
        labels = getattr(value, name)
        return None if labels is None else sha256_of_labels(labels)

    yield Entry(called, str | None, meaning, file)
    reported = "SHA-256 of that file, in hexadecimal; null if there is none."
    yield Entry("sha256", Sha256 | None, reported, digest)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _begun(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
