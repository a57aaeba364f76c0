"""What is asked for on the command line is what happens, and what lies on the disk afterwards."""

import json
import shutil
from contextlib import contextmanager

import numpy as np
import PIL.Image
import pytest

from cli.corner import made_up, photograph, results
from med_cam.config.presets import PRESETS

PER_IMAGE = ("scan-0", "scan-1", "scan-2")


# -- the whole way, nothing replaced --------------------------------------------------------------


def test_a_folder_is_explained_with_the_users_classifier(run, scans, model, quick):
    status, out, err = run(scans, "--model", model, "--config", quick, "--out", "r", "--seed", 5)
    assert (status, err) == (0, [])
    assert results(scans.parent / "r") == list(PER_IMAGE)
    assert [line.split()[0] for line in out if line.startswith("scan-")] == list(PER_IMAGE)
    assert not [line for line in out if line.startswith("    ")]
    assert "corner (dark, bright)" in out[0]
    assert "3 images to explain with grey and Gaussian noise as baselines" in out[1]
    assert "no reference images" in out[1]
    found = json.loads((scans.parent / "r" / "scan-1" / "explanation.json").read_text())
    assert found["seed"] == 5
    assert found["label"] == "bright"
    assert found["preset"] == "default"
    assert found["config"]["search"]["steps"] == 3
    assert {"med-cam", "python", "torch", "numpy"} <= set(found["versions"])
    assert {name: value for name, value in found["image"].items() if value or name == "white"} == {
        "name": "scan-1.png",
        "file": "source.png",
        "height": 30,
        "width": 40,
        "white": None,
    }
    with PIL.Image.open(scans.parent / "r" / "scan-1" / "mask.png") as mask:
        assert (mask.size, mask.mode) == ((40, 30), "1")
        assert np.array(mask).mean() == pytest.approx(found["area"])


def test_same_seed_same_mask(run, scans, model, quick):
    masks = []
    for out in ("a", "b"):
        run(scans / "scan-0.png", "--model", model, "--config", quick, "--out", out)
        masks.append((scans.parent / out / "scan-0" / "mask.png").read_bytes())
    assert masks[0] == masks[1]


# -- how arguments reach the method ---------------------------------------------------------------


def test_options_reach_the_method(run, scans, model, instant):
    run(
        scans, "--model", model, "--target", "dark", "--preset", "paper-histology", "--seed", 3,
        "--removal", "black, gaussian,black", "--device", "cpu",
    )  # fmt: skip
    classifier, image, options = instant.calls[0]
    assert classifier.name == "corner"
    assert image.pixels.shape == (3, 30, 40)
    assert options["target"] == "dark"
    assert options["references"] is None
    config = options["config"]
    assert config.seed == 3
    assert config.verification.baselines == ("black", "gaussian")
    assert "grey" in config.verification.unseen
    assert config.search == PRESETS["paper-histology"].search


def test_settings_of_a_file_stand_over_the_preset_and_under_the_options(
    run, scans, model, instant, here
):
    (here / "s.toml").write_text("seed = 8\n[search]\nsteps = 7\n")
    run(scans, "--model", model, "--config", "s.toml", "--seed", 9)
    config = instant.calls[0][2]["config"]
    assert (config.search.steps, config.seed) == (7, 9)


def test_references_are_read_from_their_folder(run, scans, model, instant, here):
    for index in range(5):
        photograph(here / "others" / f"{index}.png", corner=0, seed=index)
    _, out, _ = run(scans, "--model", model, "--references", "others")
    references = instant.calls[0][2]["references"]
    assert references.x.shape == (5, 3, 24, 24)
    assert references.probabilities[:, 0].min() > 0.5  # the classifier calls them dark
    assert "5 reference images" in out[1]


def test_of_many_references_an_even_share_is_taken(run, scans, model, instant, here, monkeypatch):
    monkeypatch.setattr("med_cam.cli.references.MANY", 3)
    for label in "ab":
        for index in range(4):
            photograph(here / "others" / label / f"{index}.png", corner=0, seed=index)
    run(scans, "--model", model, "--references", "others")
    assert len(instant.calls[0][2]["references"].x) == 3


@pytest.fixture
def bundled(monkeypatch, model, here):
    """The corner classifier in the place of the bundled one."""
    samples = tuple(photograph(here / "samples" / f"{name}.jpg") for name in ("a", "b"))
    photograph(here / "bundled-others" / "dark" / "x.jpg", corner=0)

    def opened(value):
        return contextmanager(lambda: iter([value]))

    for name, value in {
        "classifier.bundled_classifier": model,
        "images.bundled_samples": samples,
        "references.bundled_references": here / "bundled-others",
    }.items():
        monkeypatch.setattr(f"med_cam.cli.{name}", opened(value))
    return model


def test_without_arguments_the_bundled_samples_are_explained(run, bundled, instant, here):
    status, out, err = run()
    assert (status, err) == (0, [])
    assert results(here / "med-cam-out") == ["a", "b"]
    assert "MRI of the brain" in out[0]
    assert len(instant.calls[0][2]["references"].x) == 1


def test_images_without_a_model_get_the_bundled_one(run, bundled, instant, scans, here):
    run(scans)
    assert results(here / "med-cam-out") == list(PER_IMAGE)
    assert len(instant.calls[0][2]["references"].x) == 1


@pytest.mark.parametrize("name", ["corner", "corner/classifier.toml", "brain-mri"])
def test_the_bundled_classifier_may_be_named(run, bundled, instant, here, name):
    assert run("--model", name).status == 0
    assert results(here / "med-cam-out") == ["a", "b"]


def test_own_references_replace_the_bundled_ones(run, bundled, instant, scans):
    run("--references", scans)
    assert len(instant.calls[0][2]["references"].x) == 3


# -- which images ---------------------------------------------------------------------------------


def test_an_image_named_twice_is_explained_once(run, scans, model, instant):
    run(scans / "scan-1.png", scans, scans / ".." / "scans" / "scan-1.png", "--model", model)
    assert len(instant.calls) == 3


def test_equal_names_get_folders_of_their_own(run, scans, model, instant, here):
    other = photograph(here / "more" / "scan-0.png")
    run(scans / "scan-0.png", other, "--model", model)
    assert results(here / "med-cam-out") == ["scan-0", "scan-0-2"]


def test_earlier_results_in_a_folder_are_not_explained(run, model, instant, here):
    photograph(here / "ward" / "patient" / "scan.png")
    for _ in range(2):
        run("ward", "--model", model, "--out", "ward/results", "--existing", "replace")
    assert len(instant.calls) == 2
    shutil.rmtree(here / "ward" / "patient")
    status, _, err = run("ward", "--model", model)
    assert status == 2
    assert "results" in err[0]


# -- what is said ---------------------------------------------------------------------------------


def test_the_end_says_how_many_how_large_how_long_and_where(run, scans, model, instant):
    (scans / "empty.png").write_bytes(b"")
    status, out, err = run(scans, "--model", model, "--removal", "grey,black", "--out", "here")
    text = "\n".join(out[out.index("") :])
    passed = "3 passed the sufficiency test over grey and black"
    assert f"3 images explained, {passed}; median area" in text
    assert "25.0% of the image" in text
    assert "3,000 forward passes, 60 backward passes" in text
    assert "Results in here" in text
    assert "1 failed" in text
    assert "empty.png" not in text
    assert sum("empty" in line for line in out) == 1  # a mark when it happens
    assert "empty.png is empty" in err[0]
    assert status == 2
    assert len(err) == 1


def test_below_the_line_stands_everything_if_asked(run, scans, model, instant):
    _, out, _ = run(scans / "scan-0.png", "--model", model, "-v")
    place = next(n for n, line in enumerate(out) if line.startswith("scan-0"))
    assert out[place - 1].startswith("image")
    assert out[place + 1] == "    yes      as the test has it"


def test_an_image_that_is_not_verified_says_so_and_is_no_failure(
    run, scans, model, instant, monkeypatch
):
    monkeypatch.setattr(
        "med_cam.cli.explain_image.explain", lambda _, image, **__: made_up(image, verified=False)
    )
    status, out, _ = run(scans, "--model", model)
    assert status == 0
    assert sum("no claim" in line for line in out) == 3  # one for each image
    assert "3 images explained, 0 passed the sufficiency test" in "\n".join(out)


def test_what_the_library_assumes_is_reported(run, scans, model, instant):
    text = (model / "classifier.toml").read_text()
    (model / "classifier.toml").write_text(text.replace("mean = 0.0\nstd = 1.0\n", ""))
    status, out, err = run(scans, "--model", model)
    assert (status, err) == (0, [])
    assert any(line.startswith("Note: ") and "ImageNet" in line for line in out)
