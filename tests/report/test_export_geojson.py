"""The regions as polygons, in the form that QuPath writes and reads."""

import json
import uuid
from dataclasses import replace

import pytest
from shapely.geometry import shape

from med_cam.report.export_geojson import geojson
from med_cam.report.parts import parts
from med_cam.report.result import read_result
from med_cam.report.write import write


def features(folder):
    return json.loads(geojson(read_result(folder)))["features"]


def test_the_polygons_are_the_masks(folder, explanation):
    found = features(folder)
    regions = parts(explanation)
    assert len(found) == len(regions) == 4
    for feature, part in zip(found, regions, strict=True):
        polygon = shape(feature["geometry"])
        assert polygon.is_valid
        assert polygon.area == part.mask.count_nonzero()
        rows, columns = part.mask.nonzero().unbind(1)
        assert polygon.bounds == (
            columns.min(), rows.min(), columns.max() + 1, rows.max() + 1,
        )  # fmt: skip


def test_it_has_what_qupath_reads(folder):
    """As PathObjectTypeAdapter of its source has it: names, kinds of values, one UUID each."""
    found = features(folder)
    for feature in found:
        assert feature["type"] == "Feature"
        assert str(uuid.UUID(feature["id"])) == feature["id"]
        said = feature["properties"]
        assert said["objectType"] == "annotation"
        assert set(said["classification"]) == {"name", "color"}
        assert ":" not in said["classification"]["name"]  # a colon would make it a derived class
        assert all(0 <= level <= 255 for level in said["classification"]["color"])
        assert all(isinstance(value, int | float) for value in said["measurements"].values())
        assert all(isinstance(value, str) for value in said["metadata"].values())
    assert len({feature["id"] for feature in found}) == len(found)


def test_the_evidence_says_what_was_tested(folder, explanation):
    said = features(folder)[0]["properties"]
    assert said["name"] == "evidence: sufficiency test passed"
    assert said["measurements"] == {
        "Med-CAM: pixels": 60,
        "Med-CAM: share of the image": 0.1,
        "Med-CAM: probability of the label, image": explanation.before[1],
        "Med-CAM: probability of the label, evidence": explanation.after[1],
        "Med-CAM: warnings": 1,
        "Med-CAM: retention rate at least": explanation.claim.certificate.bound,
    }
    assert said["metadata"]["Warning 1"] == explanation.claim.warnings[0]
    assert "not a diagnosis" in said["metadata"]["Note"]


def test_what_is_not_verified_is_called_so(tmp_path, refused, image, provenance, instant_figure):
    write(refused, image, tmp_path / "scan", provenance)
    names = [
        feature["properties"]["classification"]["name"] for feature in features(tmp_path / "scan")
    ]
    assert names == ["Med-CAM evidence (NOT verified)", "Med-CAM restricted evidence"]


@pytest.mark.parametrize("where", [[], [(0, 0), (1, 1)]])
def test_no_pixel_is_no_feature_and_several_parts_are_one(
    where, tmp_path, bare, image, provenance, instant_figure
):
    mask = bare.mask.new_zeros(20, 30)
    for place in where:
        mask[place] = True
    write(replace(bare, mask=mask), image, tmp_path / "scan", provenance)
    found = features(tmp_path / "scan")
    assert [f["geometry"]["type"] for f in found] == ["MultiPolygon"] * (len(where) > 0)
