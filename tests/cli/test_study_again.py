"""A study or a training begun again: what is done stays, what has changed is done anew."""

import csv
import errno
import io
import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from PIL import Image as Pillow

from cli.quarters import quarters
from med_cam.pipeline.explain import explain
from med_cam.report.files import UnwritableError, write_file
from med_cam.report.manifest import checked_id
from med_cam.report.read import read_explanation
from med_cam_studies.data.brain_mri import CLASSES
from med_cam_studies.data.copies import sha256_of
from tiny_brain_mri import picture, tiny_brain_mri


@pytest.fixture
def reproduce(command, tmp_path, monkeypatch):
    """`med-cam reproduce` of the tiny set with a classifier that was set by hand."""
    tiny_brain_mri(tmp_path / "mri", training=3, testing=2)
    quarters(tmp_path / "quarters", CLASSES)
    for path in (tmp_path / "mri" / "Testing").rglob("*.jpg"):
        if path.name != "Te_000.jpg":
            path.unlink()

    monkeypatch.setattr("med_cam_studies.report.publish.gallery_files", lambda *_, **__: {})

    def call(*more):
        return command(
            "reproduce", "brain-mri", "--root", "mri", "--model", "quarters", "--out", "study",
            "--images", 9, "--config", "quick.toml", *more,
        )  # fmt: skip

    return call


def lines_of(path):
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


def study_rows(study):
    """The lines of rows.jsonl by image; the last one of an image counts."""
    lines = map(json.loads, (study / "rows.jsonl").read_text().splitlines())
    return {line["image"]: line for line in lines}


def test_a_picture_replaced_under_its_name_is_explained_again(reproduce, mri_of, tmp_path):
    assert reproduce().status == 0
    study, name = tmp_path / "study", "Testing/notumor/Te_000.jpg"
    before, folder = study_rows(study), study / "images" / name
    old = read_explanation(folder)
    kept = (study / "images" / "Testing/glioma/Te_000.jpg" / "explanation.json").read_bytes()
    Pillow.fromarray(picture(77, 3)).save(mri_of(name), quality=95)  # now it looks pituitary
    done = reproduce()
    assert done.status == 0, done.err
    assert f"{name} or its outline is not the one that was explained; it is explained again." in (
        done.out
    )
    new, after = read_explanation(folder), study_rows(study)
    assert new["sha256"]["source"] == sha256_of(mri_of(name)) != old["sha256"]["source"]
    assert (old["label"], new["label"]) == ("notumor", "pituitary")
    assert after[name]["label"] == "pituitary"
    assert {k: v for k, v in after.items() if k != name} == {
        k: v for k, v in before.items() if k != name
    }
    again = study / "images" / "Testing/glioma/Te_000.jpg" / "explanation.json"
    assert again.read_bytes() == kept
    rows = {row["image"]: row for row in lines_of(study / "table.csv")}
    assert rows[name]["label"] == "pituitary"
    assert len(rows) == len(before)
    assert not any("again" in line for line in reproduce().out)


@pytest.fixture
def mri_of(tmp_path):
    """Where an image of the tiny set lies."""
    return lambda name: tmp_path / "mri" / name


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "has a result that was changed"),
        (lambda folder: (folder / "mask.png").write_bytes(b"x"), "has a result that was changed"),
        (lambda folder: (folder / "note.txt").write_text("x"), "has a result that was changed"),
    ],
)
def test_a_result_that_is_not_as_it_was_written_is_not_counted(reproduce, tmp_path, harm, words):
    assert reproduce().status == 0
    name = "Testing/notumor/Te_000.jpg"
    harm(tmp_path / "study" / "images" / name)
    done = reproduce()
    assert f"{name} {words}; it is explained again." in done.out
    foreign = (tmp_path / "study" / "images" / name / "note.txt").exists()
    assert done.status == (2 if foreign else 0)  # what is not ours is not removed
    assert sum("note.txt" in line for line in done.err) == foreign
    if not foreign:
        checked_id(tmp_path / "study" / "images" / name)


def test_other_reference_images_are_another_run(reproduce, mri_of, monkeypatch):
    assert reproduce().status == 0
    for path in mri_of("Training").rglob("*.jpg"):
        Pillow.fromarray(np.rot90(np.array(Pillow.open(path)), 2)).save(path, quality=95)
    done = reproduce()
    assert done.status == 2
    assert "another reference images" in done.err[0]


def test_a_disk_that_gets_full_stops_a_study_before_the_next_image(
    reproduce, tmp_path, monkeypatch
):
    """The second result cannot be written: the third is not searched for nothing."""
    searched, real = [], os.fsync

    def noted(*arguments, **options):
        searched.append(arguments)
        return explain(*arguments, **options)

    def fsync(descriptor):
        if len(searched) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr("med_cam_studies.evaluation.item_result.explain", noted)
    monkeypatch.setattr(os, "fsync", fsync)
    done = reproduce()
    assert done.status == 2
    assert len(done.err) == 1
    assert "No space left on device" in done.err[0]
    assert len(searched) == 2
    assert len(study_rows(tmp_path / "study")) == 1
    monkeypatch.setattr(os, "fsync", real)
    assert reproduce().status == 0
    assert not list((tmp_path / "study").rglob(".med-cam-*"))


def test_a_full_disk_is_noticed_before_an_image_of_a_study_costs_its_time(reproduce, monkeypatch):
    """There is room when the run begins, and none when its first image does."""
    rooms = iter([None])

    def require_room(out):
        if next(rooms, "full") == "full":
            raise UnwritableError(f"results cannot be written to {out}")

    def explain(*_, **__):
        raise AssertionError("searched for nothing")

    monkeypatch.setattr("med_cam.cli.reproduce.require_room", require_room)
    monkeypatch.setattr("med_cam_studies.evaluation.item_result.explain", explain)
    done = reproduce()
    assert (done.status, len(done.err)) == (2, 1)
    assert "cannot be written" in done.err[0]


@pytest.mark.parametrize("as_error", [True, False])
def test_a_study_that_is_told_to_stop_begins_no_other_image(reproduce, monkeypatch, as_error):
    """Also where a library has made another error of the interrupt."""
    searched = []

    def explain(*_, **__):
        searched.append(1)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            if as_error:
                raise RecursionError from None
            raise

    monkeypatch.setattr("med_cam_studies.evaluation.item_result.explain", explain)
    done = reproduce()
    assert done.status == 130
    assert searched == [1]
    assert done.err[-1].startswith("med-cam: stopped; ")


def left_by_a_kill(folder):
    """What a killed run leaves where it was writing."""
    (folder / ".med-cam-ab12").mkdir(parents=True)
    (folder / ".med-cam-ab12" / "half").write_bytes(b"cut o")


def test_what_a_kill_left_of_a_study_is_swept_wherever_it_lies(reproduce, tmp_path):
    assert reproduce().status == 0
    study = tmp_path / "study"
    for place in ("", "images", "images/Testing/glioma", "maps/Testing/glioma/Te_000.jpg"):
        left_by_a_kill(study / place)
    assert reproduce().status == 0
    assert not list(study.rglob(".med-cam-*"))


def test_what_a_kill_left_of_a_training_is_swept(command, trained, mri, tmp_path):
    for place in ("", "checkpoints"):
        left_by_a_kill(tmp_path / trained / place)
    again = command("train", "brain-mri", "--root", mri, "--out", trained, "--init", "random")
    assert again.status == 0
    assert not list((tmp_path / trained).rglob(".med-cam-*"))


@pytest.mark.parametrize("harm", ["another stage", "no checkpoint", "another stage begun"])
def test_a_classifier_of_another_training_is_not_replaced(command, trained, mri, tmp_path, harm):
    """Killed between two renames, its weights would stand beside another's mean and std."""
    checkpoint = tmp_path / trained / "checkpoints" / "tiny.ckpt"
    weights = (tmp_path / trained / "model.safetensors").read_bytes()
    if harm == "no checkpoint":
        checkpoint.unlink()
    elif harm == "another stage":
        checkpoint.rename(checkpoint.with_name("other.ckpt"))
    else:
        write_file(checkpoint.with_name("other.ckpt"), b"of another recipe")
    done = command("train", "brain-mri", "--root", mri, "--out", trained, "--init", "random")
    assert done.status == 2
    assert "holds a classifier of another training; give another --out" in done.err[0]
    assert (tmp_path / trained / "model.safetensors").read_bytes() == weights
