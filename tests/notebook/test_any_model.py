"""`explain` of a module, a folder or a Classifier, on an image in any form: the same mask."""

import threading

import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

import med_cam
from notebook.nine import CONFIG, SAID, SIDE, TOML, folder_of, levels, net


@pytest.fixture(scope="module")
def wanted():
    classifier = med_cam.Classifier(
        net(), ("dark", "bright"), (SIDE, SIDE), 1, (0.0,), (1.0,), hooked_layers=("1",)
    )
    return med_cam.explain(classifier, med_cam.image_from_array(levels()), config=CONFIG)


def test_the_middle_is_found(wanted):
    assert wanted.label == "bright"
    assert wanted.mask[8:16, 8:16].float().mean() > 0.5


def test_a_folder_and_a_file_give_the_same(wanted, tmp_path):
    folder = folder_of(tmp_path)
    found = med_cam.explain(folder, str(folder / "scan.png"), config=CONFIG)
    assert torch.equal(found.mask, wanted.mask)
    assert found.before == wanted.before


def test_a_module_gives_the_same_whatever_is_around_the_call(wanted):
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    found = []

    def work():
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            found.append(med_cam.explain(classifier, levels(), config=CONFIG))

    thread = threading.Thread(target=work)
    thread.start()
    found.append(med_cam.explain(classifier, PIL.Image.fromarray(levels()), config=CONFIG))
    thread.join()
    for each in found:
        assert torch.equal(each.mask, wanted.mask)


class Told(nn.Sequential):
    """Says what timm would note of it."""

    pretrained_cfg = {  # noqa: RUF012
        "input_size": (1, SIDE, SIDE), "mean": (0.0,), "std": (1.0,), "interpolation": "bilinear",
        "crop_pct": 1.0, "crop_mode": "squash",
    }  # fmt: skip


def test_a_module_that_says_enough_needs_its_labels_only(wanted):
    found = med_cam.explain(Told(*net()), levels(), labels=["dark", "bright"], config=CONFIG)
    assert torch.equal(found.mask, wanted.mask)
    assert found.before == wanted.before


def test_a_module_that_does_not_is_asked_for_it():
    with pytest.raises(med_cam.ClassifierError, match=r"from_module\(module, labels, input_size"):
        med_cam.explain(net(), levels(), labels=["dark", "bright"])


@pytest.mark.parametrize("model", ["classifier", "folder"])
def test_labels_belong_to_a_module(model, tmp_path):
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    given = classifier if model == "classifier" else folder_of(tmp_path)
    with pytest.raises(med_cam.ClassifierError, match="labels belong to a module"):
        med_cam.explain(given, levels(), labels=["a", "b"])


def test_the_white_of_a_classifier_is_that_of_its_files_and_no_array(tmp_path, monkeypatch):
    folder = folder_of(tmp_path)
    (folder / "classifier.toml").write_text(TOML + "white = 4000\n")
    PIL.Image.fromarray(levels().astype(np.uint16) * 16).save(folder / "deep.png")
    seen = []

    class Stopped(Exception):  # noqa: N818  no error
        pass

    def observed(_forward, _classifier, image, *_others, **_more):
        seen.append(image)
        raise Stopped

    monkeypatch.setattr("med_cam.pipeline.explain.observed", observed)
    with pytest.raises(Stopped):
        med_cam.explain(folder, folder / "deep.png")
    torch.testing.assert_close(seen[0].pixels[0], torch.from_numpy(levels() * 16.0).float() / 4000)
    with pytest.raises(med_cam.ImageError, match="white=VALUE"):
        med_cam.explain(folder, levels().astype(np.uint16) * 16)


def test_all_of_many_images_in_any_form(wanted):
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    images, methods = [torch.from_numpy(levels())], ["grad_cam", "grad_cam_plus_plus"]
    for found in med_cam.explain_all(classifier, images, config=CONFIG, compare=methods):
        assert torch.equal(found.mask, wanted.mask)
        assert [other.method for other in found.compared] == methods
        assert all(int(other.mask.sum()) == int(found.mask.sum()) for other in found.compared)


def test_an_image_that_fails_stops_the_others_or_is_recorded(wanted):
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    images = ["none.png", levels()]
    with pytest.raises(med_cam.ImageError, match=r"none\.png does not exist"):
        next(med_cam.explain_all(classifier, images, config=CONFIG))
    failed, found = med_cam.explain_all(
        classifier, images, config=CONFIG, on_error="record", progress=True
    )
    assert (failed.index, failed.image, failed.kind) == (0, "none.png", "ImageError")
    assert "does not exist" in failed.error
    assert torch.equal(found.mask, wanted.mask)


def test_what_is_no_failure_of_an_image_stops_all_the_same(monkeypatch):
    def broken(*_args, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr("med_cam.pipeline.explain.observed", broken)
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    with pytest.raises(ZeroDivisionError):
        next(med_cam.explain_all(classifier, [levels()], on_error="record"))


@pytest.mark.parametrize("one", ["scan.png", np.zeros((3, 8, 8)), torch.zeros(8, 8)])
def test_one_image_is_not_taken_for_many(one):
    with pytest.raises(med_cam.ImageError, match="a list, or a batch n c h w"):
        next(med_cam.explain_all("anywhere", one))
