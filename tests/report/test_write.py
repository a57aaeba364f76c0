"""All files of a result or none, and never at the cost of the old one."""

import errno
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.images.mask_file import mask_from_png
from med_cam.report import write as module
from med_cam.report.read import read_explanation
from med_cam.report.write import evidence_png, write

FILES = {
    "mask.png",
    "evidence.png",
    "figure.png",
    "explanation.json",
    "source.png",
    "manifest.sha256",
    "environment.txt",
}
PROOFS = {"alternative-1.png", "alternative-2.png", "necessary-superset.png", "agreement.png"}


@pytest.fixture(autouse=True)
def quick_figure(monkeypatch):
    """The figure has tests of its own; here any bytes will do."""
    monkeypatch.setattr(module, "figure_png", lambda *_: b"figure")


def names(folder):
    return {path.name for path in folder.iterdir()}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def pixels_of(data):
    with Picture.open(BytesIO(data)) as picture:
        return picture.mode, np.array(picture)


def test_a_result_has_its_files(tmp_path, monkeypatch, explanation, image, provenance):
    monkeypatch.undo()
    write(explanation, image, tmp_path / "out" / "scan", provenance)
    assert names(tmp_path / "out") == {"scan"}
    assert names(tmp_path / "out" / "scan") == FILES | PROOFS
    assert pixels_of((tmp_path / "out/scan/figure.png").read_bytes())[1].shape[:2] == (1020, 1600)
    assert read_explanation(tmp_path / "out/scan")["label"] == "meningioma"


@pytest.mark.parametrize("name", ["module://matplotlib_inline.backend_inline", "tkagg", "none"])
def test_the_figure_is_drawn_whatever_the_backend_is_set_to(name):
    code = """
import os, sys, torch
from cli.corner import made_up
from med_cam.images.image import Image
from med_cam.report.write import figure_png
assert "matplotlib" not in sys.modules
image = Image(torch.zeros(3, 20, 30))
assert figure_png(image, made_up(image)).startswith(b"\\x89PNG")
assert os.environ["MPLBACKEND"] == sys.argv[1]
"""
    environment = os.environ | {"MPLBACKEND": name, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, name]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_the_mask_file_is_the_mask(tmp_path, explanation, image, provenance):
    write(explanation, image, tmp_path / "scan", provenance)
    assert torch.equal(mask_from_png((tmp_path / "scan/mask.png").read_bytes()), explanation.mask)


def test_without_a_proof_there_are_no_files_of_one(tmp_path, bare, image, provenance):
    write(bare, image, tmp_path / "scan", provenance)
    assert names(tmp_path / "scan") == FILES


def test_the_copy_of_the_image_is_its_file_and_json_names_it(
    tmp_path, explanation, image, provenance
):
    write(explanation, image, tmp_path / "scan", provenance)
    name = read_explanation(tmp_path / "scan")["image"]["file"]
    assert (tmp_path / "scan" / name).read_bytes() == Path(image.path).read_bytes()


def test_an_image_that_was_changed_meanwhile_is_refused_and_the_old_result_stays(
    tmp_path, explanation, image, provenance
):
    write(explanation, image, tmp_path / "scan", provenance)
    before = contents(tmp_path / "scan")
    Picture.new("L", (30, 20)).save(image.path)
    with pytest.raises(OutputError, match=r"Scan\.PNG was changed while it was explained"):
        write(replace(explanation, status="new"), image, tmp_path / "scan", provenance)
    assert contents(tmp_path / "scan") == before


def test_further_masks_are_in_the_files_that_json_names(tmp_path, explanation, image, provenance):
    write(explanation, image, tmp_path / "scan", provenance)
    tests = read_explanation(tmp_path / "scan")["tests"]

    def mask(entry):
        return mask_from_png((tmp_path / "scan" / entry["mask"]).read_bytes())

    for entry, other in zip(tests["alternatives"], explanation.tests.alternatives, strict=True):
        assert torch.equal(mask(entry), other.mask)
    assert torch.equal(
        mask(tests["necessary_superset"]), explanation.tests.necessary_superset.mask
    )


def test_the_map_of_agreement_is_grey_with_all_masks_white(
    tmp_path, explanation, image, provenance
):
    write(explanation, image, tmp_path / "scan", provenance)
    mode, pixels = pixels_of((tmp_path / "scan/agreement.png").read_bytes())
    assert mode == "L"
    assert pixels.shape == (20, 30)
    assert (pixels[0, 0], pixels[-1, -1]) == (0, 255)
    shares = explanation.tests.agreement.shares.numpy()
    assert np.abs(pixels / 255 - shares).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("name", ["alternative-0.png", "alternative-1.jpg", "source.txt", "x.png"])
def test_a_name_that_is_only_like_ours_is_foreign(tmp_path, explanation, image, provenance, name):
    write(explanation, image, tmp_path / "scan", provenance)
    (tmp_path / "scan" / name).touch()
    with pytest.raises(OutputError, match=re.escape(name)):
        write(explanation, image, tmp_path / "scan", provenance)


@pytest.mark.parametrize("name", ["alternative-12.png", "source.jpeg", "source.npy", "source"])
def test_files_that_an_earlier_result_may_have_had_are_replaced(
    tmp_path, bare, image, provenance, name
):
    write(bare, image, tmp_path / "scan", provenance)
    (tmp_path / "scan" / name).touch()
    write(bare, image, tmp_path / "scan", provenance)
    assert names(tmp_path / "scan") == FILES


def test_a_users_own_picture_of_the_name_of_a_copy_is_not_lost(
    tmp_path, explanation, image, provenance
):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / "source.png").write_bytes(b"the only one")
    with pytest.raises(OutputError, match=r"holds 'source\.png'.*would be lost"):
        write(explanation, image, tmp_path / "scan", provenance)
    assert contents(tmp_path / "scan") == {"source.png": b"the only one"}


def test_a_fallback_has_its_mask_and_json_names_it(tmp_path, refused, image, provenance):
    write(refused, image, tmp_path / "scan", provenance)
    assert names(tmp_path / "scan") == FILES | {"restricted.png"}
    name = json.loads((tmp_path / "scan/explanation.json").read_text("utf-8"))["restricted_claim"][
        "mask"
    ]
    assert torch.equal(
        mask_from_png((tmp_path / "scan" / name).read_bytes()), refused.restricted.mask
    )


def test_grey_evidence_is_the_image_inside_and_128_outside(image, mask):
    mode, pixels = pixels_of(evidence_png(image, mask))
    expected = np.full((20, 30), 128)
    for y in range(20):
        for x in range(30):
            if mask[y, x]:
                expected[y, x] = round(float(image.pixels[0, y, x]) * 255)
    assert mode == "L"
    np.testing.assert_array_equal(pixels, expected)


def test_colour_evidence_keeps_every_eight_bit_level(mask):
    levels = torch.arange(256).repeat(8)[: 3 * 20 * 30].reshape(3, 20, 30)
    mode, pixels = pixels_of(evidence_png(Image(levels / 255), torch.ones_like(mask)))
    assert mode == "RGB"
    np.testing.assert_array_equal(pixels, levels.permute(1, 2, 0).numpy())


def test_a_new_result_replaces_the_old_one_wholly(
    tmp_path, explanation, refused, image, provenance
):
    write(refused, image, tmp_path / "scan", provenance)
    write(explanation, image, tmp_path / "scan", provenance)
    assert names(tmp_path / "scan") == FILES | PROOFS
    assert read_explanation(tmp_path / "scan")["verified"] is True
    assert names(tmp_path) == {"scan"}


def test_an_empty_folder_and_a_file_managers_litter_are_replaced(
    tmp_path, explanation, image, provenance
):
    (tmp_path / "scan").mkdir()
    (tmp_path / "scan" / ".DS_Store").touch()
    write(explanation, image, tmp_path / "scan", provenance)
    assert names(tmp_path / "scan") == FILES | PROOFS


def test_a_folder_behind_a_link_is_replaced_and_the_link_stays(
    tmp_path, explanation, image, provenance
):
    (tmp_path / "real").mkdir()
    (tmp_path / "scan").symlink_to(tmp_path / "real")
    write(explanation, image, tmp_path / "scan", provenance)
    assert (tmp_path / "scan").is_symlink()
    assert names(tmp_path / "real") == FILES | PROOFS


def test_a_folder_with_other_files_is_refused_and_left_alone(
    tmp_path, explanation, image, provenance
):
    folder = tmp_path / "scan"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds 'notes\.txt'.*would be lost"):
        write(explanation, image, folder, provenance)
    assert contents(folder) == {"notes.txt": b"mine"}


def test_a_file_in_the_way_is_refused(tmp_path, explanation, image, provenance):
    (tmp_path / "scan").write_text("mine")
    with pytest.raises(OutputError, match="cannot be used as a result folder"):
        write(explanation, image, tmp_path / "scan", provenance)
    with pytest.raises(OutputError, match="scan"):
        write(explanation, image, tmp_path / "scan" / "below", provenance)
    assert (tmp_path / "scan").read_text() == "mine"


def full_disk(after):
    calls = iter(range(100))
    real = os.fsync

    def fsync(descriptor):
        if next(calls) >= after:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    return fsync


@pytest.mark.parametrize("after", range(9))
@pytest.mark.parametrize("existing", [True, False])
def test_on_a_full_disk_nothing_half_written_stays(
    tmp_path, monkeypatch, explanation, image, provenance, after, existing
):
    if existing:
        write(explanation, image, tmp_path / "scan", provenance)
    before = contents(tmp_path / "scan") if existing else {}
    monkeypatch.setattr(os, "fsync", full_disk(after))
    with pytest.raises(OutputError, match="No space left on device") as raised:
        write(replace(explanation, status="new"), image, tmp_path / "scan", provenance)
    assert "\n" not in str(raised.value)
    assert names(tmp_path) == ({"scan"} if existing else set())
    assert (contents(tmp_path / "scan") if existing else {}) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.EACCES, "Permission denied")])
@pytest.mark.parametrize("failing", [1, 2])
def test_the_old_result_stays_when_the_renaming_is_cut_off(
    tmp_path, monkeypatch, explanation, image, provenance, error, failing
):
    write(explanation, image, tmp_path / "scan", provenance)
    before, real, calls = contents(tmp_path / "scan"), Path.rename, iter(range(1, 100))

    def rename(self, target):
        if next(calls) == failing:
            raise error
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr("med_cam.report.files.exchanged", lambda *_: False)
    with pytest.raises((KeyboardInterrupt, OutputError)):
        write(replace(explanation, status="new"), image, tmp_path / "scan", provenance)
    assert names(tmp_path) == {"scan"}
    assert contents(tmp_path / "scan") == before


def test_an_interrupt_while_writing_leaves_nothing(
    tmp_path, monkeypatch, explanation, image, provenance
):
    def interrupt(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(explanation, image, tmp_path / "scan", provenance)
    assert names(tmp_path) == set()


def test_a_result_has_the_rights_that_the_user_gives_to_new_folders(
    tmp_path, explanation, image, provenance
):
    (tmp_path / "plain").mkdir()
    write(explanation, image, tmp_path / "scan", provenance)
    assert (tmp_path / "scan").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_longest_folder_name_that_the_disk_takes_is_taken(
    tmp_path, explanation, image, provenance
):
    write(explanation, image, tmp_path / ("s" * 255), provenance)
    assert names(tmp_path / ("s" * 255)) == FILES | PROOFS
