"""--no-source, from the command to its re-check: of the image nothing is kept but its hash."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from cli.corner import photograph
from forging import rewrite_manifests
from med_cam.cli.images import images_by_hash
from med_cam.errors import OutputError
from med_cam.images.read import read_image
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.saved import read_saved
from med_cam.report.source import pixels_file
from recheck.kinds import KINDS, pictured

pytestmark = pytest.mark.usefixtures("no_figures")
NAME = "DOE^JOHN 1950"  # of a patient, and in every path


@pytest.fixture
def patient(here):
    """A folder with a picture, both called by a patient's name."""
    photograph(here / NAME / f"{NAME}.png")
    return here / NAME


def only_result(out):
    (found,) = (path.parent for path in out.glob("*/explanation.json"))
    return found


def test_a_result_keeps_nothing_of_the_image_but_its_hash(run, patient, model, quick):
    scan, bad = patient / f"{NAME}.png", patient / f"{NAME} bad.png"
    bad.write_bytes(b"no picture")
    gone, out = patient / f"{NAME} gone.png", patient / "out"
    asked = (scan, bad, gone, "--model", model, "--config", quick, "--out", out, "--no-source")
    assert run(*asked).status == 2
    digest = hashlib.sha256(scan.read_bytes()).hexdigest()
    folder = only_result(out)
    assert folder.name == digest[:16]
    assert {path.name for path in folder.iterdir()} <= {
        "mask.png", "explanation.json", "manifest.sha256", "environment.txt", "restricted.png",
        "regions.png",
    }  # fmt: skip
    document = json.loads((folder / "explanation.json").read_text())
    unnamed = {"height": 30, "width": 40}
    assert {k: v for k, v in document["image"].items() if v} == unnamed
    assert (document["sha256"]["image"], document["sha256"]["source"]) == (digest, digest)
    pixels = read_image(scan).pixels
    for path in out.rglob("*"):
        assert NAME not in path.relative_to(out).as_posix()
        if path.is_file():
            content = path.read_bytes()
            assert not any(part.encode() in content for part in (NAME, "DOE", "JOHN", str(out)))
            assert scan.read_bytes() not in content
            if path.name == "regions.png":  # numbers of parts: no grey of the image
                parts = len(document["tests"]["minimality"]["patches"])
                assert set(np.unique(np.asarray(Image.open(path)))) <= {*range(parts + 1)}
            elif path.suffix == ".png":  # a mask
                assert set(read_image(path).pixels.unique().tolist()) <= {0.0, 1.0}
    assert len(pixels.unique()) > 2
    (record,) = out.glob("run-*.json")
    images = json.loads(record.read_text())["images"]
    bad_digest = hashlib.sha256(b"no picture").hexdigest()
    assert [(i["file"], i["sha256"], i["outcome"], i["reason"]) for i in images] == [
        (None, None, "failed", "ImageError"),
        (None, digest, "explained", None),
        (None, bad_digest, "failed", "ImageError"),
    ]


def test_paths_in_the_saved_command_are_left_out(run, instant, patient, model):
    out = patient / "out"
    run(patient, "--model", model, "--out", out, "--seed", 3, "--target", "dark", "--no-source")
    document = json.loads((only_result(out) / "explanation.json").read_text())
    assert document["command"] == [
        "med-cam", "explain", "--model", "...", "--target", "dark", "--seed", "3",
        "--out", "...", "--no-source",
    ]  # fmt: skip
    (record,) = out.glob("run-*.json")
    assert json.loads(record.read_text())["command"] == [*document["command"], "..."]


def test_the_summary_says_what_is_there(run, instant, patient, model):
    shown = run(patient, "--model", model, "--out", "out", "--no-source")
    assert "mask.png and explanation.json, no picture of it" in "\n".join(shown.out)
    assert "evidence.png" not in "\n".join(shown.out)


def test_verify_takes_the_image_that_is_given(run, verify, patient, model, quick, here):
    run(patient, "--model", model, "--config", quick, "--out", "out", "--no-source")
    photograph(here / "others" / "other.png", seed=5)
    other = here / "others" / "other.png"
    missing = verify("out", "--model", model)
    assert missing.status == 2
    assert len(missing.err) == 1
    assert "give it with --image FILE" in missing.err[0]
    wrong = verify("out", "--model", model, "--image", other)
    assert wrong.status == 2
    assert "none of the 1 given is it" in wrong.err[0]
    scan = patient / f"{NAME}.png"
    for given in ([scan], [patient], [other, scan]):
        found = verify("out", "--model", model, *(x for g in given for x in ("--image", g)))
        assert (found.status, found.err) == (0, [])
    link = here / "link.png"
    link.symlink_to(scan)
    assert verify("out", "--model", model, "--image", link).status == 0
    nowhere = verify("out", "--model", model, "--image", "nowhere.png")
    assert nowhere.status == 2
    assert "nowhere.png does not exist" in nowhere.err[0]


def test_another_image_under_a_mended_hash_is_noticed(run, verify, patient, model, quick):
    """A forger gives the hash of another image, and all manifests are mended."""
    run(patient, "--model", model, "--config", quick, "--out", "out", "--no-source")
    other = photograph(patient.parent / "dark" / "other.png", corner=0, seed=5)
    folder = only_result(patient.parent / "out")
    path = folder / "explanation.json"
    document = json.loads(path.read_text())
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    document["sha256"] |= {"image": digest, "source": digest}
    path.write_text(json.dumps(document))
    rewrite_manifests(folder)
    assert verify("out", "--model", model, "--image", other).status == 3


def test_an_image_with_a_copy_needs_none(run, verify, patient, model, quick):
    run(patient, "--model", model, "--config", quick, "--out", "out")
    assert (verify("out", "--model", model).status) == 0
    shutil.rmtree(patient)
    assert (verify("out", "--model", model).status) == 0


def test_pixels_that_were_never_a_file_are_given_as_one(tmp_path):
    """An image made in memory: its pixels as `source.npy` would have them."""
    folder = KINDS["nothing to explain"].written(tmp_path / "r", with_image=False)
    with pytest.raises(OutputError, match="has no copy of its image"):
        read_saved(folder, 1)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "pixels.npy").write_bytes(pixels_file(pictured().pixels))
    (tmp_path / "given" / "other.npy").write_bytes(pixels_file(torch.zeros(1, 2, 2)))
    saved = read_saved(folder, 1, images_by_hash([tmp_path / "given"]))
    assert rechecked(KINDS["nothing to explain"].classifier, saved, None, Options()).holds
    assert np.array_equal(saved.image.pixels.numpy(), pictured().pixels.numpy())
