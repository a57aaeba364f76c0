"""Every field of explanation.json is compared by the re-check, or set apart with a reason.

The fields are found here from the types alone, and not by what writes, describes or compares them:
whoever adds one and decides nothing sees a test fail. `test_lies` changes every field that a
result of some kind has; here it is seen that no field is in none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, make_dataclass
from functools import cache
from json import loads
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import pytest

from med_cam.config.settings import Config
from med_cam.recheck.tolerance import NOT_RECHECKED, OLDER, not_rechecked
from med_cam.report.origin import Origin
from med_cam.results.explanation import Explanation
from recheck.kinds import KINDS
from recheck.test_lies import LIES, told

CALLED = {  # what is written under another name than it has in the types
    "beside": "beside_claim",
    "restricted": "restricted_claim",
    "steps": "trace",
    "before": "probabilities",
    "after": "probabilities_after",
    "trace[].index": "trace[].step",
    "tests.agreement.shares": "tests.agreement.map",
}
UNWRITTEN = {"mask", "soft"}  # of the whole: files
UNSAVED = ("edge.sure", "edge.most")  # computed again only, to compare `within` by
ADDED = {  # what is computed when it is written
    "schema_version", "change", "restricted_claim.sha256", "beside_claim.sha256",
    "tests.alternatives[].sha256", "tests.necessary_superset.sha256", "ladder.rung.sha256",
    "contrast.quiet.sha256", "contrast.runner_up.sha256",
    "tests.minimality.sha256", "compared[].sha256",
}  # fmt: skip
PROPERTIES = {"holds": "", "needed": "", "spare": "", "warnings": "[]"}  # by what is behind

UNWARNED = {  # sentences of `notices`, of which these claims have plain facts alone
    f"{of}.claim.warnings[]"
    for of in ("beside_claim", "tests.alternatives[]", "tests.necessary_superset")
}


def bare(hint):
    """An annotation without what is added to it, and without None."""
    while get_origin(hint) in (Annotated, UnionType, Union):
        (hint, *_) = (a for a in get_args(hint) if a is not NoneType)
    return hint


def below(kind, path=""):
    """The paths of all fields below a type that hold no further object, in the names of JSON."""
    hints = get_type_hints(kind, include_extras=True)
    for name, behind in PROPERTIES.items():
        if isinstance(getattr(kind, name, None), property):
            yield f"{path}{name}{behind}"
    for field in fields(kind):
        full = f"{path}{field.name}"
        if full in UNWRITTEN or full.endswith(UNSAVED):
            continue
        full = CALLED.get(full, full)
        hint = bare(hints[field.name])
        inner = bare(get_args(hint)[0]) if get_origin(hint) is tuple else None
        if is_dataclass(hint):
            yield from below(hint, f"{full}.")
        elif inner is not None and is_dataclass(inner):
            yield from below(inner, f"{full}[].")
        elif (
            full in ("probabilities", "probabilities_after")
            or hint is Mapping
            or get_origin(hint) is Mapping
        ):
            yield f"{full}.*"
        else:
            yield f"{full}[]" if inner is not None else full


@cache
def known():
    return {*below(Explanation), *below(Origin), *ADDED}


def general(keys, paths):
    """The path of a place of a document as the types have it."""
    path = ""
    for key in keys:
        path += "[]" if isinstance(key, int) else f".{key}"
        path = path.removeprefix(".")
        if f"{path}.*" in paths:
            return f"{path}.*"
    return path


@pytest.fixture(scope="module")
def documents(result_of):
    """A result of every kind, by the name of the kind."""
    return {
        name: loads((result_of(name) / "explanation.json").read_text("utf-8")) for name in KINDS
    }


def undecided(paths, documents):
    """Those that no result has (but as null) to be lied about, and that are not set apart."""
    had = {
        general(keys, paths)
        for document in documents.values()
        for keys, value in LIES.leaves(document)
        if value is not None and value != {} and value != []
    }
    return sorted(p for p in paths - had - UNWARNED if not not_rechecked(p.removesuffix(".*")))


def test_every_field_of_the_types_is_lied_about_or_set_apart(documents):
    assert undecided(known(), documents) == []


def test_a_field_that_is_added_is_noticed(documents):
    """Wherever it is: an entry of a list, an object that may be null, the whole."""
    for where in ("claim.certificate", "tests.minimality"):
        more = make_dataclass("More", [("unheard_of", float)], frozen=True)
        paths = known() | {f"{where}.{p}" for p in below(more)}
        assert undecided(paths, documents) == [f"{where}.unheard_of"]
    whole = make_dataclass("Whole", [("unheard_of", float | None)], frozen=True)
    assert undecided(known() | {*below(whole)}, documents) == ["unheard_of"]


def test_the_lies_are_told_of_every_field_that_a_result_has(documents):
    """Settings in the plain kind, of the trace its first step: `told` leaves nothing else out."""
    lied = {
        general(keys, known())
        for name, document in documents.items()
        for keys, _ in LIES.leaves(document)
        if told(name)(LIES.Lie(LIES.path_of(keys), "", document))
    }
    assert {
        p for p in known() - lied - UNWARNED if not not_rechecked(p.removesuffix(".*"))
    } == set()


def test_no_document_has_a_field_that_the_types_do_not(documents):
    paths = known()
    holders = {p[:i] for p in paths for i in range(len(p)) if p[i] in ".["}
    for document in documents.values():
        found = {general(keys, paths) for keys, _ in LIES.leaves(document)}
        assert found - paths - holders - {f"{h}[]" for h in holders} == set()


def test_what_is_set_apart_is_a_field_and_has_its_reason():
    paths = known() | {f"config.{p}" for p in below(Config)}
    starts = {p[:i] for p in paths for i in range(len(p) + 1) if i == len(p) or p[i] in ".["}
    for path, reason in {**NOT_RECHECKED, **OLDER}.items():
        assert path in starts, path
        assert len(reason.split()) >= 1, path


def test_the_walk_finds_what_is_nested():
    @dataclass(frozen=True)
    class Leaf:
        deep: Annotated[int, "any"]
        many: tuple[float, ...] | None

    @dataclass(frozen=True)
    class Top:
        one: Leaf | None
        several: tuple[Leaf, ...]
        free: Mapping[str, int]

    globals().update(Leaf=Leaf)
    assert [*below(Top)] == [
        "one.deep", "one.many[]", "several[].deep", "several[].many[]", "free.*"
    ]  # fmt: skip
