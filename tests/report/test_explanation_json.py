"""explanation.json: exact, and read again only if it is ours."""

import hashlib
import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from med_cam.errors import OutputError
from med_cam.images.mask_file import mask_png
from med_cam.report.document import to_json
from med_cam.report.read import read_explanation
from med_cam.report.schema import SCHEMA_VERSION
from med_cam.report.source import Source
from med_cam.report.text import to_text
from med_cam.results.explanation import unique_names
from med_cam.results.step import Step
from report.schema_errors import errors


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
