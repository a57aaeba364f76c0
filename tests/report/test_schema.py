"""explanation.json: complete, valid, documented, exact, and read again only if it is ours."""

import json
import math
import re
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from jsonschema import Draft202012Validator

from med_cam.errors import OutputError
from med_cam.report.schema import (
    SCHEMA_VERSION,
    json_schema,
    read_explanation,
    to_json,
    to_text,
    unique_names,
)
from med_cam.values import BackgroundResult, Check, Claim, Step

DOCS = Path(__file__).parents[2] / "docs" / "explanation-json.md"
PROMISED = (
    "schema_version target label probabilities area status verified seconds passes seed "
    "probabilities_after change kl claim fallback trace components taps config versions sha256"
)


def errors(document):
    return [e.message for e in Draft202012Validator(json_schema()).iter_errors(document)]


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


@pytest.mark.parametrize("which", ["explanation", "refused"])
def test_what_is_written_is_valid(which, request, provenance):
    document = json.loads(to_text(to_json(request.getfixturevalue(which), provenance=provenance)))
    assert errors(document) == []


def test_the_promised_fields_are_there(explanation, provenance):
    names = set(to_json(explanation, provenance=provenance))
    assert set(PROMISED.split()) <= names
    assert names == set(json_schema()["required"])


@pytest.mark.parametrize("name", ["status", "claim", "fallback", "sha256"])
def test_a_field_left_out_is_invalid(name, explanation, provenance):
    document = to_json(explanation, provenance=provenance)
    del document[name]
    assert errors(document)


def test_a_field_unknown_to_the_schema_is_invalid(explanation, provenance):
    assert errors({**to_json(explanation, provenance=provenance), "extra": 1})


def test_the_docs_list_every_field_with_its_meaning_and_no_other():
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| (.+) \|$", DOCS.read_text("utf-8"), re.M)
    assert dict(rows) == documented(json_schema())


@pytest.mark.parametrize(
    ("value", "path", "extra"),
    [
        (Claim, "claim", {"holds"}),
        (Check, "claim.checks[]", set()),
        (BackgroundResult, "claim.backgrounds[]", set()),
    ],
)
def test_no_field_of_a_claim_is_lost(value, path, extra):
    listed = {p.removeprefix(f"{path}.") for p in documented(json_schema()) if p.startswith(path)}
    listed = {name for name in listed if re.fullmatch(r"\w+", name)} - {path}
    assert listed == {field.name for field in fields(value)} | extra


def test_the_decision_can_be_computed_again_from_the_file(explanation, provenance):
    document = json.loads(to_text(to_json(explanation, provenance=provenance)))
    before, after = document["probabilities"], document["probabilities_after"]
    assert tuple(before.values()) == explanation.before
    assert document["change"] == after["meningioma"] - before["meningioma"]
    assert document["claim"]["required"] == explanation.claim.required
    assert document["claim"]["holds"] is True


def test_numbers_that_are_not_finite_become_null(explanation, provenance):
    document = to_json(replace(explanation, kl=math.inf, seconds=math.nan), provenance=provenance)
    assert document["kl"] is None
    assert document["seconds"] is None
    assert document["trace"][1]["loss"] is None
    assert document["trace"][1]["terms"] == {"kl": None, "area": 0.1}
    assert errors(document) == []


def test_losses_are_rounded_and_probabilities_are_not(explanation, provenance):
    document = to_json(explanation, provenance=provenance)
    assert document["trace"][0]["loss"] == 1.23457
    assert document["probabilities"]["meningioma"] == 0.9731234567891234


def test_one_line_for_each_step(explanation, provenance):
    many = replace(explanation, steps=tuple(Step(i, 0.1, {"kl": 0.2}, 0.3) for i in range(50)))
    text = to_text(to_json(many, provenance=provenance))
    assert sum('"step":' in line for line in text.splitlines()) == 50
    assert [row["step"] for row in json.loads(text)["trace"]] == list(range(50))


def test_a_search_without_steps_is_valid(explanation, provenance):
    document = json.loads(to_text(to_json(replace(explanation, steps=()), provenance=provenance)))
    assert document["trace"] == []
    assert errors(document) == []


def test_an_image_made_in_memory_has_no_name_and_no_hash(explanation, provenance):
    bare = replace(provenance, image_name="", image_sha256="", weights_sha256="", preset="")
    document = to_json(explanation, provenance=bare)
    assert document["image"] == {"name": None, "height": 20, "width": 30}
    assert document["sha256"] == {"image": None, "weights": None}
    assert document["preset"] is None
    assert errors(document) == []


def test_labels_that_occur_twice_stay_apart():
    assert unique_names(("crane", "heron", "crane")) == ("crane #0", "heron", "crane #2")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_survives(explanation, provenance, status, path):
    changed = replace(explanation, status=status)
    origin = replace(provenance, config={"folder": path + "\udcff"})
    data = to_text(to_json(changed, provenance=origin)).encode("utf-8")
    document = json.loads(data)
    assert document["status"] == status.encode("utf-8", "replace").decode()
    assert errors(document) == []


def write_json(folder, document):
    (folder / "explanation.json").write_text(json.dumps(document), "utf-8")


def test_a_result_is_read_again(tmp_path, refused, provenance):
    document = to_json(refused, provenance=provenance)
    (tmp_path / "explanation.json").write_text(to_text(document), "utf-8")
    assert read_explanation(tmp_path) == document


def test_a_newer_minor_version_is_read(tmp_path, explanation, provenance):
    major = SCHEMA_VERSION.split(".")[0]
    document = {**to_json(explanation, provenance=provenance), "schema_version": f"{major}.99"}
    write_json(tmp_path, document)
    assert read_explanation(tmp_path)["schema_version"] == f"{major}.99"


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0", 3, None])
def test_another_version_is_refused_by_name(tmp_path, explanation, provenance, version):
    write_json(
        tmp_path, {**to_json(explanation, provenance=provenance), "schema_version": version}
    )
    with pytest.raises(OutputError, match=rf"schema version {version}, this med-cam reads 1\.0"):
        read_explanation(tmp_path)


def test_a_folder_without_a_result_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"cannot be read .*med-cam explain"):
        read_explanation(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "\ufeff{}", '{"a": 1'])
def test_what_is_not_json_is_refused(tmp_path, text):
    (tmp_path / "explanation.json").write_text(text, "utf-8")
    with pytest.raises(OutputError, match="not valid JSON"):
        read_explanation(tmp_path)


@pytest.mark.parametrize("document", [[], {}, 3, {"version": "1.0"}])
def test_json_that_is_no_explanation_is_refused(tmp_path, document):
    write_json(tmp_path, document)
    with pytest.raises(OutputError, match="not an explanation"):
        read_explanation(tmp_path)


def test_missing_fields_are_named(tmp_path, explanation, provenance):
    document = to_json(explanation, provenance=provenance)
    del document["claim"], document["seed"]
    write_json(tmp_path, document)
    with pytest.raises(OutputError, match="lacks claim, seed"):
        read_explanation(tmp_path)
