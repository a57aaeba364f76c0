"""explanation.json: complete, valid, documented, exact, and read again only if it is ours."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from jsonschema import Draft202012Validator

from med_cam.errors import OutputError
from med_cam.images.mask_file import mask_png
from med_cam.report.doc_tables import filled
from med_cam.report.document import to_json
from med_cam.report.layout import CALLED, FILES, INSTEAD, entries
from med_cam.report.read import read_explanation
from med_cam.report.schema import SCHEMA_VERSION, WHOLE, below, json_schema
from med_cam.report.source import Source
from med_cam.report.text import to_text
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.explanation import unique_names
from med_cam.results.mask_tests import Alternative, MaskTests, NecessarySuperset, Necessity
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Stage
from med_cam.results.rate import Rate
from med_cam.results.step import Step

DOCS = Path(__file__).parents[2] / "docs" / "explanation-json.md"
PROMISED = (
    "schema_version target label probabilities area status verified seconds passes seed "
    "probabilities_after change kl claim restricted_claim trace components hooked_layers config "
    "versions sha256"
)


@pytest.fixture
def describe(provenance, source):
    """The JSON values of an explanation."""
    return partial(to_json, provenance=provenance, source=source)


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


def test_the_tests_in_the_file_are_the_tests(explanation, describe):
    document = json.loads(to_text(describe(explanation)))
    certificate, tests = document["claim"]["certificate"], document["tests"]
    assert (certificate["samples"], certificate["retained"], certificate["holds"]) == (
        63,
        63,
        True,
    )
    assert certificate["bound"] == 0.9501987654321098
    assert certificate["margin"] == {
        "lowest": 0.21, "low": 0.31, "middle": 0.61, "high": 0.81, "highest": 0.91
    }  # fmt: skip
    assert (tests["minimality"]["needed"], tests["minimality"]["holds"]) == (23, True)
    assert len(tests["minimality"]["patches"]) == 23
    assert tests["minimality"]["patches"][-1] == {
        "row": 8, "column": 0, "witness": "shift", "number": -1
    }  # fmt: skip
    assert tests["necessity"]["holds"] is True
    assert [other["mask"] for other in tests["alternatives"]] == [
        "alternative-1.png", "alternative-2.png"
    ]  # fmt: skip
    assert tests["necessary_superset"]["mask"] == "necessary-superset.png"
    assert tests["agreement"]["map"] == "agreement.png"
    assert tests["agreement"]["seeds"] == [7, 1, 2]
    assert document["timeline"][0] == {
        "name": "search", "forward": 200, "backward": 240, "seconds": 20.1235
    }  # fmt: skip
    assert document["classifier"]["contrast"] == "glioma"
    assert document["sha256"]["reference_images"] == "c" * 64


def test_what_does_not_hold_is_written_so(refused, describe):
    document = describe(refused)
    assert document["claim"]["certificate"]["holds"] is False
    assert document["tests"]["minimality"]["needed"] == 21
    assert document["tests"]["minimality"]["holds"] is False
    assert document["tests"]["necessity"]["holds"] is False
    assert document["tests"]["necessary_superset"] is None
    assert document["tests"]["agreement"] is None


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


def test_the_decision_can_be_computed_again_from_the_file(explanation, describe):
    document = json.loads(to_text(describe(explanation)))
    before, after = document["probabilities"], document["probabilities_after"]
    assert tuple(before.values()) == explanation.before
    assert document["change"] == after["meningioma"] - before["meningioma"]
    assert document["claim"]["threshold"] == explanation.claim.threshold
    assert document["claim"]["holds"] is True


def test_numbers_that_are_not_finite_become_null(explanation, describe):
    document = describe(replace(explanation, kl=math.inf, seconds=math.nan))
    assert document["kl"] is None
    assert document["seconds"] is None
    assert document["trace"][1]["loss"] is None
    assert document["trace"][1]["terms"] == {"kl": None, "area": 0.1}
    assert errors(document) == []


def test_losses_are_rounded_and_probabilities_are_not(explanation, describe):
    document = describe(explanation)
    assert document["trace"][0]["loss"] == 1.23457
    assert document["probabilities"]["meningioma"] == 0.9731234567891234


def test_one_line_for_each_step(explanation, describe):
    many = replace(explanation, steps=tuple(Step(i, 0.1, {"kl": 0.2}, 0.3) for i in range(50)))
    text = to_text(describe(many))
    assert sum('"step":' in line for line in text.splitlines()) == 50
    assert [row["step"] for row in json.loads(text)["trace"]] == list(range(50))


def test_one_line_for_each_patch_and_one_for_the_numbers_of_samples(explanation, describe):
    minimality = replace(explanation.tests.minimality, samples=tuple(range(60)))
    tests = replace(explanation.tests, minimality=minimality)
    text = to_text(describe(replace(explanation, tests=tests)))
    assert sum('"witness":' in line for line in text.splitlines()) == 23
    assert sum('"samples": [' in line and line.endswith("],") for line in text.splitlines()) == 1
    assert max(len(line) for line in text.splitlines() if "witness" in line) < 99


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=40),
        lambda inner: (
            st.lists(inner, max_size=9)
            | st.dictionaries(st.sampled_from(["trace", "patches", "a"]) | st.text(), inner)
        ),
        max_leaves=40,
    )
)
def test_the_text_is_the_value_however_it_is_laid_out(value):
    assert json.loads(to_text({"x": value})) == {"x": value}


def test_the_hash_of_the_mask_is_that_of_its_file(explanation, describe):
    document = describe(explanation)
    for name, mask in (
        (document["sha256"]["mask"], explanation.mask),
        (
            document["tests"]["necessary_superset"]["sha256"],
            explanation.tests.necessary_superset.mask,
        ),
        (document["tests"]["alternatives"][1]["sha256"], explanation.tests.alternatives[1].mask),
    ):
        assert name == hashlib.sha256(mask_png(mask)).hexdigest()


def test_a_search_without_steps_is_valid(explanation, describe):
    document = json.loads(to_text(describe(replace(explanation, steps=()))))
    assert document["trace"] == []
    assert errors(document) == []


def test_an_image_made_in_memory_has_no_name_and_no_hash(explanation, provenance):
    bare = replace(
        provenance,
        image_name="",
        image_sha256="",
        weights_sha256="",
        preset="",
        references_sha256="",
        contrast="",
    )
    source = Source("source.npy", b"pixels")
    document = to_json(explanation, provenance=bare, source=source)
    assert document["image"] == {
        "name": None,
        "file": "source.npy",
        "height": 20,
        "width": 30,
        "white": None,
        "window": None,
        "frame": None,
        "dicom": None,
        "slice": None,
        "nifti": None,
        "region": None,
        "mpp": None,
        "slide_mpp": None,
        "slide": None,
        "notes": [],
    }
    assert document["sha256"]["source"] == hashlib.sha256(b"pixels").hexdigest()
    for name in ("image", "weights", "reference_images"):
        assert document["sha256"][name] is None
    assert document["preset"] is None
    assert document["classifier"]["contrast"] is None
    assert errors(document) == []


def test_labels_that_occur_twice_stay_apart():
    assert unique_names(("crane", "heron", "crane")) == ("crane #0", "heron", "crane #2")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters()), st.text(st.characters()))
def test_any_text_survives(explanation, provenance, source, status, path):
    changed = replace(explanation, status=status)
    origin = replace(provenance, config={"folder": path + "\udcff"})
    data = to_text(to_json(changed, provenance=origin, source=source)).encode("utf-8")
    document = json.loads(data)
    assert document["status"] == status.encode("utf-8", "replace").decode()
    assert errors(document) == []


def write_json(folder, document):
    (folder / "explanation.json").write_text(json.dumps(document), "utf-8")


def test_a_result_is_read_again(tmp_path, refused, describe):
    document = describe(refused)
    (tmp_path / "explanation.json").write_text(to_text(document), "utf-8")
    assert read_explanation(tmp_path) == document


def test_a_newer_minor_version_is_read(tmp_path, explanation, describe):
    major = SCHEMA_VERSION.split(".")[0]
    document = {
        **describe(explanation),
        "schema_version": f"{major}.99",
    }
    write_json(tmp_path, document)
    assert read_explanation(tmp_path)["schema_version"] == f"{major}.99"


@pytest.mark.parametrize("version", ["9.0", "0.9", "10.0", "1.x", 3, None])
def test_another_version_is_refused_by_name(tmp_path, explanation, describe, version):
    write_json(
        tmp_path,
        {**describe(explanation), "schema_version": version},
    )
    reported = rf"schema version {version}, this med-cam reads {re.escape(SCHEMA_VERSION)}"
    with pytest.raises(OutputError, match=reported):
        read_explanation(tmp_path)


def test_a_file_of_1_0_is_refused_since_nothing_of_it_can_be_re_tested(
    tmp_path, explanation, describe
):
    write_json(tmp_path, {**describe(explanation), "schema_version": "1.0"})
    with pytest.raises(OutputError, match=r"schema version 1\.0.*no copy of the image"):
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


def test_missing_fields_are_named(tmp_path, explanation, describe):
    document = describe(explanation)
    del document["claim"], document["tests"], document["seed"]
    write_json(tmp_path, document)
    with pytest.raises(OutputError, match="lacks claim, tests, seed"):
        read_explanation(tmp_path)
