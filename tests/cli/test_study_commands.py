"""From a data set to its figure by the three commands, on tiny made-up sets."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image as Pillow

from cli.quarters import quarters
from med_cam.cli.options.studies import STUDIES as NAMED
from med_cam.report.read import read_explanation
from med_cam_studies.data.ham10000 import CLASSES
from med_cam_studies.training.catalogue import STUDIES
from tiny_brain_mri import SIDE, picture

FIGURES = ("figure.pdf", "figure.png", "table.csv", "table.md", "report.html", "measured.md")


def lines_of(path):
    """The rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(path.read_text(), newline="")))


def tiny_ham(root, each=5):
    """A picture a lesion, a bright quarter a class, and the upper left quarter outlined."""
    images, masks = root / "HAM10000_images_part_1", root / "HAM10000_segmentations_lesion_x"
    images.mkdir(parents=True)
    masks.mkdir()
    lines = ["lesion_id,image_id,dx,dx_type,age,sex,localization"]
    for number in range(each * len(CLASSES)):
        label = number % len(CLASSES)
        name = f"ISIC_{number:07}"
        Pillow.fromarray(picture(number, label % 4)).convert("RGB").save(images / f"{name}.jpg")
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[: SIDE // 2, : SIDE // 2] = 255
        Pillow.fromarray(mask).save(masks / f"{name}_segmentation.png")
        lines.append(f"HAM_{number:07},{name},{CLASSES[label]},histo,50.0,male,back")
    (root / "HAM10000_metadata.csv").write_text("\n".join(lines) + "\n")
    return root


def test_the_studies_of_the_help_are_those_that_there_are():
    assert set(NAMED) == set(STUDIES)


def test_check_counts_names_and_judges(command, mri):
    (mri / "Testing" / "glioma" / "Te_000.jpg").write_bytes(b"cut off")
    done = command("data", "check", "brain-mri", "--root", mri)
    text = "\n".join(done.out)
    assert done.status == 2
    assert "Te_000.jpg cannot be read" in text
    table = {line.split("  ")[0]: line.split()[-5:] for line in done.out if ", found" in line}
    assert table["training set, found"] == ["9", "9", "9", "9", "36"]
    assert table["test set, found"] == ["6", "6", "6", "6", "24"]
    assert "in the test set and in the training set: 4: " in text
    assert "Not complete" in text


def test_check_ends_with_0_only_for_the_whole_release(command, mri, monkeypatch):
    released = {"training": (9,) * 4, "testing": (6,) * 4}
    monkeypatch.setattr("med_cam_studies.data.brain_mri.RELEASED", released)
    done = command("data", "check", "brain-mri", "--root", mri)
    assert done.status == 0
    assert "Complete: every image" in "\n".join(done.out)
    (mri / "Training" / "notumor" / "Tr_003.jpg").unlink()
    assert command("data", "check", "brain-mri", "--root", mri).status == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("data", "check", "brain-mir", "--root", "."), "did you mean 'brain-mri'"),
        (("data", "check", "bach", "--root", "."), "Benign, InSitu, Invasive, Normal"),
        (("train", "idrid", "--root", ".", "--out", "net", "--init", "random"), "Labels.csv"),
        (("train", "bach", "--root", ".", "--out", "net", "--recipe", "tinny"), "mean 'tiny'"),
        (("reproduce", "ham10000", "--root", ".", "--out", "out"), "give --model"),
        (("train", "bach", "--root", "nowhere", "--out", "net"), "nowhere"),
        (("train", "bach", "--root", "."), "--out"),
    ],
)
def test_what_is_asked_for_wrongly_is_one_sentence(command, arguments, words):
    done = command(*arguments)
    assert done.status == 2
    assert len(done.err) == 1
    assert words in done.err[0]


def test_training_leaves_a_measured_classifier(command, trained, mri, tmp_path):
    folder = tmp_path / trained
    card = (folder / "model-card.md").read_text()
    numbers = json.loads((folder / "measured.json").read_text())
    epochs = lines_of(folder / "training.csv")
    assert [epoch["number"] for epoch in epochs] == ["1", "2"]
    assert sum(map(sum, numbers["testing"]["counts"])) == 16
    assert set(numbers["empty"]) == {"grey", "black", "white", "gaussian", "uniform"}
    assert "Not a medical device" in card
    assert "12 byte-identical copies (8 within a part, 4 of the test set" in card
    assert f"{numbers['testing']['accuracy']:.1%}" in card
    explained = command(
        "explain", mri / "Testing" / "glioma" / "Te_000.jpg",
        "--model", folder, "--config", "quick.toml",
    )  # fmt: skip
    assert explained.status == 0


def test_the_same_command_trains_nothing_twice(command, trained, mri, tmp_path):
    before = (tmp_path / trained / "model.safetensors").read_bytes()
    again = command("train", "brain-mri", "--root", mri, "--out", trained, "--init", "random")
    assert again.status == 0
    assert not any("epoch" in line for line in again.out)
    assert (tmp_path / trained / "model.safetensors").read_bytes() == before


def test_training_goes_on_without_a_broken_file_and_names_it(command, mri):
    (mri / "Training" / "pituitary" / "Tr_005.jpg").write_bytes(b"cut off")
    done = command("train", "brain-mri", "--root", mri, "--out", "net", "--init", "random")
    assert done.status == 2
    assert len(done.err) == 1
    assert "Tr_005.jpg" in done.err[0]


def test_emptiness_epochs_and_seed_are_what_the_options_say(command, mri, tmp_path):
    arguments = ("train", "brain-mri", "--root", mri, "--init", "random")
    assert command(*arguments, "--out", "a", "--no-emptiness", "--epochs", "1").status == 0
    card = (tmp_path / "a" / "model-card.md").read_text()
    assert "| masked | 0 |" in card
    assert "1 of at most 1 epochs" in card
    assert command(*arguments, "--out", "b", "--epochs", "1", "--seed", "3").status == 0
    weights = [(tmp_path / out / "model.safetensors").read_bytes() for out in ("a", "b")]
    assert weights[0] != weights[1]
    assert "| seed | 3 |" in (tmp_path / "b" / "model-card.md").read_text()


def test_a_study_is_reproduced_whole_goes_on_after_a_stop_and_refuses_another_run(
    command, trained, mri, tmp_path
):
    arguments = (
        "reproduce", "brain-mri", "--root", mri, "--model", trained,
        "--out", "study", "--images", 1, "--config", "quick.toml",
    )  # fmt: skip
    done = command(*arguments)
    assert done.status == 0, done.err
    out = tmp_path / "study"
    assert {path.name for path in out.iterdir()} >= {*FIGURES, "images", "maps", "rows.jsonl"}
    rows = lines_of(out / "table.csv")
    assert len(rows) == 4
    for row in rows:
        found = read_explanation(out / row["folder"])
        assert found["label"] == row["label"]
        assert found["area"] == pytest.approx(float(row["area"]))
        assert str(found["verified"]).lower() == row["verified"]
    lines = (out / "rows.jsonl").read_bytes().splitlines(keepends=True)
    (out / "rows.jsonl").write_bytes(b"".join(lines[:2]) + lines[2][:20])  # killed in the third
    kept = out / rows[0]["folder"] / "explanation.json"
    kept_at = kept.stat().st_mtime_ns
    assert command(*arguments).status == 0
    assert kept.stat().st_mtime_ns == kept_at
    again = lines_of(out / "table.csv")
    assert [r["image"] for r in again] == [r["image"] for r in rows]
    assert [r["area"] for r in again] == [r["area"] for r in rows]
    done = command(*arguments, "--seed", 5)
    assert done.status == 2
    assert "another settings" in done.err[0]


def test_findings_are_compared_at_equal_area(command, tmp_path):
    """Of a classifier that looks at one quarter: its masks are no whole images."""
    root = tiny_ham(tmp_path / "ham")
    quarters(tmp_path / "net", CLASSES, channels=3)
    with (root / "HAM10000_metadata.csv").open("a") as table:
        table.write("HAM_lost,ISIC_lost,nv,histo,50.0,male,back\n")
    done = command(
        "reproduce", "ham10000", "--root", root, "--model", "net", "--out", "study",
        "--images", 1, "--config", "quick.toml",
    )  # fmt: skip
    assert done.status == 2
    assert done.err == ["med-cam: ISIC_lost.jpg is missing."]
    text = (tmp_path / "study" / "rows.jsonl").read_text()
    rows = [json.loads(line) for line in text.splitlines()]
    assert sum(row["area"] < 0.5 for row in rows) > 1
    for row in rows:
        assert set(row["overlaps"]) == {"med-cam", "grad_cam", "centre_disc"}
        for overlap in row["overlaps"].values():
            assert overlap["share"] == 0.25
            # inside and covered speak of the same pixels, so equal area ties them together
            assert overlap["inside"] * row["area"] == pytest.approx(
                overlap["covered"] * 0.25, abs=1e-6
            )
    text = (tmp_path / "study" / "table.md").read_text()
    assert "any mask at random" in text


def test_tiles_are_explained_one_by_one_and_stitched(command, trained, mri, tmp_path):
    done = command(
        "reproduce", "brain-mri", "--root", mri, "--model", trained, "--out", "study",
        "--images", 1, "--config", "quick.toml", "--tiles", 16,
    )  # fmt: skip
    assert done.status == 0, done.err
    rows = lines_of(tmp_path / "study" / "table.csv")
    assert rows
    for row in rows:
        folder = tmp_path / "study" / row["folder"]
        whole = np.array(Pillow.open(folder / "mask.png"))
        places = sorted(folder.glob("tile-*"))
        stitched = np.zeros_like(whole)
        for place in places:
            top, left = map(int, place.name.split("-")[1:])
            stitched[top : top + 16, left : left + 16] = np.array(Pillow.open(place / "mask.png"))
        assert (whole == stitched).all()
        assert "4 tiles" in row["status"]


def test_an_image_that_cannot_be_read_does_not_stop_the_others(command, trained, mri, tmp_path):
    """Broken after the split was made, as on a failing disk: measured and told, not explained."""
    for number in range(4):
        if number != 1:
            (mri / "Testing" / "glioma" / f"Te_00{number}.jpg").write_bytes(f"{number}".encode())
    (mri / "Testing" / "glioma" / "Te_copy.jpg").unlink()
    shutil.copy(mri / "Testing" / "glioma" / "Te_001.jpg", tmp_path / "kept.jpg")
    done = command(
        "reproduce", "brain-mri", "--root", mri, "--model", trained, "--out", "study",
        "--images", 4, "--config", "quick.toml",
    )  # fmt: skip
    assert done.status == 2
    assert sum("cannot be read" in line or "is a text" in line for line in done.err) == 3
    assert (tmp_path / "study" / "report.html").exists()
