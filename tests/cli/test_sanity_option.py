"""`med-cam dossier --sanity`: images of results explained again with shuffled weights."""

import json
from dataclasses import replace

import pytest
import torch

from med_cam.cli.main import main
from med_cam.images.read import read_image
from med_cam_studies.evaluation.sanity import CONTROL, Sanity

STAYS = Sanity("all layers", "bright", 0.9, 0.1, 0.5, 0.25, 0.25, True, 200)
MOVES = replace(STAYS, iou=0.1, label="dark")
SEED = replace(STAYS, stage=CONTROL, iou=0.5, forward=100)


@pytest.fixture
def results(run, scans, model, instant):
    assert run(scans, "--model", model, "--seed", 3, "--out", "r").status == 0
    return scans.parent / "r"


@pytest.fixture
def asked(monkeypatch):
    """What the check is asked for; the first image keeps its evidence."""
    calls = []

    def sanity(classifier, image, *, config, references, seed):
        calls.append((image, config, references, seed))
        return SEED, MOVES if len(calls) > 1 else STAYS

    monkeypatch.setattr("med_cam.cli.sanity.sanity", sanity)
    return calls


def dossier(capsys, *words):
    status = main(["dossier", "r", *map(str, words)])
    return status, capsys.readouterr().err


def page(results):
    return (results / "dossier.html").read_text()


def test_what_comes_out_is_kept_and_shown_by_later_dossiers(results, model, scans, asked, capsys):
    assert dossier(capsys, "--sanity", 2, "--model", model, "--seed", 5) == (0, "")
    kept = json.loads((results / "sanity.json").read_text())
    known = {}
    for path in results.glob("*/explanation.json"):
        document = json.loads(path.read_text())
        known[document["sha256"]["image"]] = scans / document["image"]["name"]
    first = sorted(known)[:2]
    assert [image["sha256"] for image in kept["images"]] == first
    for sha256, (image, config, references, seed) in zip(first, asked, strict=True):
        assert torch.equal(image.pixels, read_image(known[sha256]).pixels)
        assert (config.seed, references, seed) == (3, None, 5)
    html = page(results)
    assert "With all layers shuffled the evidence stayed in 1 of 2" in html
    assert "2 images were explained again" in html
    assert "600 forward passes" in html
    assert "The sanity check with shuffled weights was not made" not in html
    assert dossier(capsys) == (0, "")
    assert (page(results), len(asked)) == (html, 2)


def test_no_alarm_where_the_evidence_goes_with_the_weights(results, model, asked, capsys):
    asked.append(None)
    assert dossier(capsys, "--sanity", 1, "--model", model)[0] == 0
    assert "1 image was explained again" in page(results)
    assert "the evidence stayed" not in page(results)


def test_another_classifier_is_refused(results, model, asked, capsys):
    assert dossier(capsys, "--sanity", 1)[0] == 2  # the bundled one
    assert asked == []
    assert dossier(capsys, "--sanity", 1, "--model", model)[0] == 0
    path = results / "sanity.json"
    kept = json.loads(path.read_text())
    for changed, words in (
        ({"identity": kept["identity"] | {"mean": [9.0]}}, "of another classifier"),
        (
            {"images": [{"sha256": "a", "label": "b", "stages": [{"stage": 1}]}]},
            "is not as med-cam",
        ),
        ({"images": 3}, "is not as med-cam"),
    ):
        path.write_text(json.dumps(kept | changed))
        status, err = dossier(capsys)
        assert (status, len(err.splitlines())) == (2, 1)
        assert words in err


def test_a_classifier_without_the_check_is_refused(results, model, capsys):
    status, err = dossier(capsys, "--model", model)
    assert status == 2
    assert "--model is for the check of --sanity N" in err
