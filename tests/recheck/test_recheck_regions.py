"""A result whose mask is made of regions: its parts are re-checked, and believed in nothing."""

import hashlib
import json
import shutil
from dataclasses import replace

import pytest
import torch

from forging import rewrite_manifests
from med_cam.config.settings import Config
from med_cam.errors import OutputError
from med_cam.images.label_file import labels_from_png, labels_png
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.claims import claims
from med_cam.report.figure import figure
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from planted import CASES

PLANTED = CASES["bright patch, convolutional"]
MODEL = replace(PLANTED.classifier, sha256="ab" * 32)
CONFIG = Config()
CONFIG = replace(
    CONFIG,
    search=replace(CONFIG.search, steps=4),
    certification=replace(CONFIG.certification, units="regions", patch=12),
)


@pytest.fixture(scope="module")
def explained():
    image = PLANTED.plant((32, 40), torch.Generator().manual_seed(3)).image
    return image, explain(MODEL, image, config=CONFIG)


@pytest.fixture(scope="module")
def written(explained, tmp_path_factory):
    image, found = explained
    folder = tmp_path_factory.mktemp("regions") / "result"
    write(found, image, folder, provenance(image, MODEL, CONFIG, preset="", software={}))
    return folder


@pytest.fixture
def folder(written, tmp_path):
    return shutil.copytree(written, tmp_path / "result")


def again(folder):
    return rechecked(MODEL, read_saved(folder, 3), None, Options())


def relabelled(folder, change):
    """Other parts, with their hash, as a forger would leave them."""
    path = folder / "regions.png"
    path.write_bytes(labels_png(change(labels_from_png(path.read_bytes()))))
    edit(folder, lambda m: m.update(sha256=hashlib.sha256(path.read_bytes()).hexdigest()))


def edit(folder, change):
    path = folder / "explanation.json"
    document = json.loads(path.read_text())
    change(document["tests"]["minimality"])
    path.write_text(json.dumps(document))
    rewrite_manifests(folder)


def test_all_that_was_claimed_holds_again_with_the_same_figures(explained, folder):
    assert explained[1].verified
    found = again(folder)
    assert found.holds, found.differences
    assert all(verdict.was == verdict.figure for verdict in found.verdicts)


def test_the_file_has_the_parts_of_the_mask(explained, folder):
    reported = explained[1].tests.minimality
    assert reported.holds
    labels = labels_from_png((folder / "regions.png").read_bytes())
    assert torch.equal(labels, reported.regions)
    assert torch.equal(labels > 0, explained[1].mask)
    assert labels.unique().tolist()[1:] == list(range(1, len(reported.patches) + 1))


def test_the_claim_speaks_of_parts_and_the_figure_divides_them(explained):
    image, found = explained
    text = next(claim.text for claim in claims(found) if "minimal" in claim.text)
    count = len(found.tests.minimality.patches)
    assert text.startswith("minimal at regions: removing ")
    assert (f"any of the {count} parts" if count > 1 else "its only part") in text
    lines = [
        sum(len(c.get_segments()) for axes in drawn.axes for c in axes.collections)
        for drawn in (figure(image, found), figure(image, unparted(found)))
    ]
    assert lines[0] >= lines[1] + count


def unparted(found):
    squares = replace(found.tests.minimality, regions=None)
    return replace(found, tests=replace(found.tests, minimality=squares))


def test_parts_that_are_not_those_of_the_mask_are_refused(folder):
    relabelled(folder, lambda labels: torch.where(labels == 1, 0, labels))
    with pytest.raises(OutputError, match="does not divide the mask"):
        again(folder)


def test_a_part_that_is_not_needed_is_noticed(folder):
    """A corner pixel of the mask is made a part of its own."""

    def one_more(labels):
        labels = labels.clone()
        row, column = (labels > 0).nonzero()[0].tolist()
        labels[row, column] = labels.max() + 1
        return labels

    extra = labels_from_png((folder / "regions.png").read_bytes()).gt(0).nonzero()[0].tolist()
    relabelled(folder, one_more)
    entry = {"row": extra[0], "column": extra[1], "witness": "sample", "number": 1}
    edit(folder, lambda m: (m["patches"].append(entry), m.update(needed=m["needed"] + 1)))
    found = again(folder)
    assert not found.holds
    assert any(verdict.refuted for verdict in found.verdicts if "minimal" in verdict.name)


@pytest.mark.parametrize("name", [None, "mask.png"])
def test_parts_that_are_kept_back_or_another_file_are_noticed(folder, name):
    edit(folder, lambda m: m.update(regions=name))
    try:
        assert not again(folder).holds
    except OutputError:
        assert name is not None


def test_a_file_that_is_not_the_one_that_was_written_is_refused(folder):
    (folder / "regions.png").write_bytes(labels_png(torch.ones(3, 3).long()))
    rewrite_manifests(folder)
    with pytest.raises(OutputError, match="not the map of parts"):
        again(folder)
