"""pycocotools reads the file, and decodes the masks."""

import contextlib
import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as masks
from pycocotools.coco import COCO

from med_cam.report.export_coco import coco, packed, run_lengths
from med_cam.report.parts import parts
from med_cam.report.result import read_result

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_run_lengths_are_those_of_pycocotools(pixels):
    theirs = masks.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"].decode()
    assert packed(run_lengths(torch.from_numpy(pixels))) == theirs


@pytest.mark.parametrize("length", [15, 16, 31, 32, 1023, 1024, 32768, 10**8])
def test_long_runs_take_several_characters(length):
    lengths = [length, 1, 3, length, 1, length]  # and large differences, up and down
    size = [1, sum(lengths)]
    theirs = masks.frPyObjects({"counts": lengths, "size": size}, *size)["counts"].decode()
    assert packed(lengths) == theirs


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # theirs
def test_pycocotools_reads_every_region(folder, explanation, tmp_path):
    path = tmp_path / "coco.json"
    path.write_bytes(coco(read_result(folder)))
    with contextlib.redirect_stdout(io.StringIO()):
        read = COCO(path)
    (image,) = read.loadImgs(read.getImgIds())
    assert (image["height"], image["width"]) == tuple(explanation.mask.shape)
    assert (folder / image["file_name"]).is_file()
    annotations = read.loadAnns(read.getAnnIds(image["id"]))
    assert len(annotations) == len(parts(explanation)) == 4
    for annotation, part in zip(annotations, parts(explanation), strict=True):
        decoded = read.annToMask(annotation)
        assert (decoded == part.mask.numpy()).all()
        assert annotation["area"] == masks.area(annotation["segmentation"]) == decoded.sum()
        assert annotation["bbox"] == masks.toBbox(annotation["segmentation"]).tolist()
        (category,) = read.loadCats([annotation["category_id"]])
        assert category["name"] == f"{part.name}: meningioma"


def test_it_is_plain_json(folder):
    document = json.loads(coco(read_result(folder)))
    assert list(document) == ["info", "licenses", "images", "categories", "annotations"]
    assert document["info"]["date_created"] == "2026-11-26T01:02:03Z"
