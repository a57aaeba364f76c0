"""explanation.json: complete, valid and documented."""

import json
import re
from dataclasses import dataclass, fields
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from med_cam.report.doc_tables import filled
from med_cam.report.layout import CALLED, FILES, INSTEAD, entries
from med_cam.report.schema import WHOLE, below, json_schema
from med_cam.report.text import to_text
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import Alternative, MaskTests, NecessarySuperset, Necessity
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Stage
from med_cam.results.rate import Rate
from report.schema_errors import errors

DOCS = Path(__file__).parents[2] / "docs" / "explanation-json.md"
PROMISED = (
    "schema_version target label probabilities area status verified seconds passes seed "
    "probabilities_after change kl claim restricted_claim trace components hooked_layers config "
    "versions sha256"
)


def documented(schema):
    """Path of every field, by walking the schema: a second opinion on what the docs must hold."""
    found, done = {}, set()

    def walk(node, path):
        if "$ref" in node:
            if node["$ref"] in done:
                return
            done.add(node["$ref"])
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        for option in node.get("anyOf", ()):
            walk(option, path)
        if "items" in node:
            walk(node["items"], f"{path}[]")
        for name, child in node.get("properties", {}).items():
            full = f"{path}.{name}" if path else name
            found[full] = child["description"]
            walk(child, full)

    walk(schema, "")
    return found


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("which", ["explanation", "refused", "bare"])
def test_what_is_written_is_valid(which, request, describe):
    document = json.loads(to_text(describe(request.getfixturevalue(which))))
    assert errors(document) == []


def test_the_promised_fields_are_there(explanation, describe):
    assert set(PROMISED.split()) <= set(describe(explanation))


def unwritten(document, node, path=""):
    """Fields that the schema has and the document lacks, at any depth."""
    if "$ref" in node:
        node = json_schema()["$defs"][node["$ref"].rsplit("/", 1)[1]]
    options = [o for o in node.get("anyOf", ()) if o != {"type": "null"}]
    if options and document is not None:
        yield from unwritten(document, options[0], path)
    if isinstance(document, list):
        for value in document:
            yield from unwritten(value, node.get("items", {}), f"{path}[]")
    if isinstance(document, dict):
        for name, child in node.get("properties", {}).items():
            if name not in document:
                yield f"{path}.{name}"
            else:
                yield from unwritten(document[name], child, f"{path}.{name}")


@pytest.mark.parametrize("which", ["explanation", "refused", "bare"])
def test_every_field_is_written_whether_or_not_the_schema_insists(which, request, describe):
    document = describe(request.getfixturevalue(which))
    assert list(unwritten(document, json_schema())) == []


def test_a_field_that_is_not_written_would_be_noticed(explanation, describe):
    document = describe(explanation)
    del document["tests"]["alternatives"][0]["claim"]["certificate"]["margin"]["low"]
    found = list(unwritten(document, json_schema()))
    assert found == [".tests.alternatives[].claim.certificate.margin.low"]


@pytest.mark.parametrize("name", ["status", "claim", "restricted_claim", "sha256"])
def test_a_field_left_out_is_invalid(name, explanation, describe):
    document = describe(explanation)
    del document[name]
    assert errors(document)


def test_a_field_unknown_to_the_schema_is_invalid(explanation, describe):
    assert errors({**describe(explanation), "extra": 1})


def test_the_docs_list_every_field_with_its_meaning_and_no_other():
    text = DOCS.read_text("utf-8").partition("## The file of the run")[0]
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| (.+) \|$", text, re.M)
    assert dict(rows) == documented(json_schema())


def test_the_tables_of_the_docs_are_made_anew_whenever_a_field_changes():
    """`python -m med_cam.report.doc_tables docs/explanation-json.md`."""
    text = DOCS.read_text("utf-8")
    assert filled(text) == text
    assert filled(text.replace("| integer |", "| whole number |")) == text


def test_every_field_has_a_meaning():
    meanings = documented(json_schema())
    assert [path for path, meaning in meanings.items() if not meaning.endswith(".")] == []


def test_a_field_without_a_meaning_would_be_noticed():
    @dataclass(frozen=True)
    class Bare:
        """Nothing.

        Attributes:
            reported, retold: of both, over
                two lines.
        """

        reported: int
        retold: int
        untold: int

    meanings = {entry.name: entry.meaning for entry in entries(Bare)}
    reported = "Of both, over two lines."
    assert meanings == {"reported": reported, "retold": reported, "untold": ""}


def test_every_rule_is_of_a_field_that_there_is():
    """Else a field that was renamed would be written as if there were no rule."""
    kinds = {kind.__name__: kind for kind in (*WHOLE, *below(*WHOLE))}
    for path in (*CALLED, *INSTEAD, *FILES):
        kind, _, name = path.partition(".")
        assert name in {field.name for field in fields(kinds[kind])}


@pytest.mark.parametrize(
    ("path", "value", "valid"),
    [
        ("area", 1.0, True),
        ("area", 1.01, False),
        ("area", None, False),
        ("area", "0.1", False),
        ("probabilities.glioma", None, True),
        ("probabilities.glioma", -0.1, False),
        ("change", -1.0, True),
        ("change", -1.1, False),
        ("kl", 12.5, True),
        ("seconds", -1.0, False),
        ("verified", "yes", False),
        ("target", 1.5, False),
        ("claim.certificate", None, True),
        ("claim.certificate.tried", 0, False),
        ("claim.searched", ["grey", 1], False),
        ("sha256.mask", "B" * 64, False),
        ("sha256.mask", None, False),
        ("sha256.image", None, True),
        ("classifier.input_size", [160], False),
        ("classifier.input_size", [160, 0], False),
        ("image.name", None, True),
        ("trace", {}, False),
        ("config", {"anything": [{}, None]}, True),
    ],
)
def test_the_schema_knows_ranges_and_where_null_may_stand(
    path, value, valid, explanation, describe
):
    document = json.loads(to_text(describe(explanation)))
    *outer, name = path.split(".")
    at = document
    for step in outer:
        at = at[step]
    assert at[name] != value
    at[name] = value
    assert (errors(document) == []) == valid


def test_a_witness_of_another_kind_is_invalid(explanation, describe):
    document = json.loads(to_text(describe(explanation)))
    document["tests"]["minimality"]["patches"][0]["witness"] = "luck"
    assert errors(document)


@pytest.mark.parametrize(
    ("value", "path", "extra"),
    [
        (Claim, "claim", {"holds", "warnings"}),
        (Check, "claim.checks[]", {"spare"}),
        (BaselineResult, "claim.baselines[]", set()),
        (Certificate, "claim.certificate", {"holds"}),
        (Spread, "claim.certificate.margin", set()),
        (MaskTests, "tests", set()),
        (Minimality, "tests.minimality", {"holds", "needed", "sha256"}),
        (Patch, "tests.minimality.patches[]", set()),
        (Necessity, "tests.necessity", {"holds"}),
        (Rate, "tests.reinsertion", set()),
        (Alternative, "tests.alternatives[]", {"sha256"}),
        (NecessarySuperset, "tests.necessary_superset", {"sha256"}),
        (Stage, "timeline[]", set()),
    ],
)
def test_no_field_of_a_value_is_lost(value, path, extra):
    paths = [p for p in documented(json_schema()) if p.startswith(f"{path}.")]
    listed = {p.removeprefix(f"{path}.") for p in paths}
    listed = {name for name in listed if re.fullmatch(r"\w+", name)}
    assert listed == {field.name for field in fields(value)} | extra
