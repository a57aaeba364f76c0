"""A mask that suffices behind masks alone is not reduced, and the re-check does not ask for it."""

import json
from dataclasses import replace

import pytest
import torch

from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.file_names import JSON_FILE
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from misbehaving import misbehaving, picture
from recheck.kinds import SHORT


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """What was found of a network with two faces, its folder, and the network."""
    folder, model = tmp_path_factory.mktemp("faces") / "result", misbehaving("two faced")
    config = replace(SHORT, search=replace(SHORT.search, steps=4))
    image = picture(torch.Generator().manual_seed(1), with_spot=True)
    found = explain(model, image, config=config)
    write(found, image, folder, provenance(image, model, config, preset="default", software={}))
    return found, folder, model


def test_it_comes_out_as_it_was_saved(result):
    found, folder, model = result
    assert "behaves otherwise on masked inputs" in found.status
    assert found.tests.minimality is None
    now = rechecked(model, read_saved(folder, 3), None, Options())
    assert now.differences == ()
    assert now.holds


def test_a_mask_that_moves_pictures_has_its_patches_tested(result):
    """Without the check nothing is still: the patches that were not tested are missed."""
    _, folder, model = result
    saved, document = read_saved(folder, 3), json.loads((folder / JSON_FILE).read_text())
    document["config"]["verification"]["consistency"] = 0.0
    now = rechecked(model, replace(saved, document=document), None, Options())
    found = {difference.path: difference for difference in now.differences}
    assert "tests.minimality" in found
    weak = "not called verified: verification.consistency is 0, below 0.01"
    assert str(found["status"].now).endswith(weak)
