"""A result is read back whole and unchanged, or it is said what is wrong with it."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.report import write as module
from med_cam.report.read import read_explanation
from med_cam.report.saved import read_saved
from med_cam.report.schema import SCHEMA_VERSION
from med_cam.report.write import write


@pytest.fixture(autouse=True)
def quick_figure(monkeypatch):
    """The figure has tests of its own; here any bytes will do."""
    monkeypatch.setattr(module, "figure_png", lambda *_: b"figure")


@pytest.fixture
def folder(tmp_path, explanation, image, provenance):
    """A result with everything."""
    write(explanation, image, tmp_path / "scan", provenance)
    return tmp_path / "scan"


def flip(path, row, column):
    """Change one pixel of a mask's file, and nothing else of the picture."""
    with Picture.open(path) as picture:
        pixels = np.array(picture)
    pixels[row, column] = not pixels[row, column]
    Picture.fromarray(pixels).save(path, bits=1)


def complains(folder, *words):
    with pytest.raises(OutputError) as raised:
        read_saved(folder, 1)
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_result_is_read_back_as_it_was_written(folder, explanation, image):
    saved = read_saved(folder, 1)
    assert saved.folder == folder
    assert saved.document == read_explanation(folder)
    assert torch.equal(saved.image.pixels, image.pixels)
    assert saved.image.sha256 == image.sha256
    assert torch.equal(saved.mask, explanation.mask)
    tests = explanation.tests
    for mask, other in zip(saved.alternatives, tests.alternatives, strict=True):
        assert torch.equal(mask, other.mask)
    assert torch.equal(saved.necessary_superset, tests.necessary_superset.mask)
    assert saved.restricted is None


def test_a_result_without_a_proof_has_one_mask_and_perhaps_a_fallback(
    tmp_path, refused, bare, image, provenance
):
    write(replace(bare, restricted=refused.restricted), image, tmp_path / "scan", provenance)
    saved = read_saved(tmp_path / "scan", 1)
    assert saved.alternatives == ()
    assert saved.necessary_superset is None
    assert torch.equal(saved.restricted, refused.restricted.mask)


def test_a_grey_image_is_read_for_a_classifier_of_colours(folder, image):
    assert torch.equal(read_saved(folder, 3).image.pixels, image.pixels.expand(3, -1, -1))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_made_in_memory_comes_back_bit_for_bit(
    tmp_path, explanation, provenance, channels
):
    pixels = torch.rand(channels, 20, 30, generator=torch.Generator().manual_seed(3))
    origin = replace(provenance, image_name="", image_sha256="")
    write(explanation, Image(pixels), tmp_path / "scan", origin)
    assert torch.equal(read_saved(tmp_path / "scan", channels).image.pixels, pixels)


def test_a_tile_of_a_larger_file_comes_back_as_the_tile(tmp_path, explanation, image, provenance):
    cells = torch.zeros(8, 9, dtype=torch.bool)
    cells[2:5, 3:6] = True
    tile = replace(image, pixels=image.pixels[:, 4:12, 5:14])
    found = replace(explanation, mask=cells, tests=None)
    write(found, tile, tmp_path / "tile", provenance)
    saved = read_saved(tmp_path / "tile", 1)
    assert torch.equal(saved.image.pixels, tile.pixels)
    assert torch.equal(saved.mask, cells)
    assert saved.document["sha256"]["image"] == image.sha256


@pytest.mark.parametrize("place", [(0, 0), (7, 9), (19, 29)])
@pytest.mark.parametrize("name", ["mask.png", "alternative-2.png", "necessary-superset.png"])
def test_one_pixel_of_a_mask_that_was_changed_is_noticed(folder, name, place):
    flip(folder / name, *place)
    complains(folder, f"{name} is not the mask that was explained", "SHA-256", "explain the image")


def test_one_level_of_one_pixel_of_the_image_is_noticed(folder):
    with Picture.open(folder / "source.png") as picture:
        pixels = np.array(picture)
    pixels[11, 4] ^= 1
    Picture.fromarray(pixels).save(folder / "source.png")
    complains(folder, "source.png is not the image that was explained", "explanation.json")


def test_one_pixel_of_an_array_is_noticed(tmp_path, explanation, provenance):
    origin = replace(provenance, image_name="", image_sha256="")
    write(explanation, Image(torch.rand(3, 20, 30)), tmp_path / "scan", origin)
    path = tmp_path / "scan" / "source.npy"
    pixels = np.load(path)
    pixels[2, 19, 29] += 1e-4
    np.save(path, pixels)
    complains(tmp_path / "scan", "source.npy is not the image that was explained")


def test_an_exchanged_image_is_noticed_though_its_own_hash_was_exchanged_too(folder, edit):
    Picture.new("L", (30, 20)).save(folder / "source.png")
    edit(lambda d: d["sha256"].update(source="0" * 64))
    complains(folder, "source.png is not the image that was explained")


@pytest.mark.parametrize(
    "name",
    ["mask.png", "source.png", "alternative-1.png", "necessary-superset.png", "explanation.json"],
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    complains(folder, name, "cannot be read", "No such file")


@pytest.mark.parametrize(("height", "width"), [(21, 30), (20, 31), (30, 20)])
def test_other_sizes_are_refused(folder, edit, height, width):
    edit(lambda d: d["image"].update(height=height, width=width))
    complains(folder, "20 x 30 pixels", f"{height} x {width}")


def test_a_mask_of_another_size_is_refused_whatever_its_hash(folder, edit):
    Picture.new("1", (31, 20)).save(folder / "mask.png", bits=1)
    hashed = sha256((folder / "mask.png").read_bytes()).hexdigest()
    edit(lambda d: d["sha256"].update(mask=hashed))
    complains(folder, "mask.png has 20 x 31 pixels")


def test_what_is_no_mask_is_refused_whatever_its_hash(folder, edit):
    (folder / "mask.png").write_bytes(b"no picture")
    edit(lambda d: d["sha256"].update(mask=sha256(b"no picture").hexdigest()))
    complains(folder, "mask.png cannot be used")


def test_results_of_1_0_are_told_from_damaged_ones(folder, edit):
    def older(document):
        document["schema_version"] = "1.0"
        del document["tests"], document["timeline"], document["claim"]["certificate"]

    edit(older)
    complains(folder, "was written by an older med-cam", "1.0", "explain the image again")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d["sha256"].pop("mask"),
        lambda d: d.update(image=None),
        lambda d: d["image"].update(height="tall"),
        lambda d: d["tests"].update(alternatives=[3]),
        lambda d: d["tests"]["necessary_superset"].pop("sha256"),
        lambda d: d["image"].update(file="a\0b"),
        lambda d: d["image"].update(file=5),
    ],
)
def test_a_document_that_is_not_ours_is_refused_in_a_sentence(folder, edit, spoil):
    edit(spoil)
    complains(folder, "explanation.json is not as med-cam writes it", "explain the image again")


@pytest.mark.parametrize("name", ["../scan/mask.png", "/mask.png", "a/b.png"])
def test_a_document_cannot_point_outside_its_folder(folder, edit, name):
    edit(lambda d: d["image"].update(file=name))
    complains(folder, "names", "no file beside it")


def test_the_version_that_a_result_was_written_in_is_kept(folder):
    older = Path(__file__).parents[1] / "recheck" / "saved-1.1" / "fragile"
    was, now = read_saved(older, 1), read_saved(folder, 1)
    assert (was.version, was.older) == ("1.1", True)
    assert (now.version, now.older) == (SCHEMA_VERSION, False)
    assert was.document["schema_version"] == now.document["schema_version"]
