"""`explain` of a module, a folder or a Classifier, on an image in any form: the same mask."""

import threading

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import med_cam
from lit import REFINEMENT, SEARCH
from med_cam.config.settings import Certification, Verification

CONFIG = med_cam.Config(
    search=SEARCH,
    refinement=REFINEMENT,
    certification=Certification(
        ladder_passes=0,
        contrast=False,
        patch=8,
        reduction_samples=1,
        pool=1,
        deletion_samples=1,
        reinsertion_trials=1,
    ),
    verification=Verification(samples=1, unseen_samples=1, baselines=("grey",)),
)
SIDE = 24
NET = """
from torch import nn

def net():
    return nn.Sequential(
        nn.Conv2d(1, 1, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)
    )
"""
TOML = """
architecture = "factory:net:net"
classes = ["dark", "bright"]
input_size = 24
mean = 0.0
std = 1.0
"""
SAID = {"input_size": SIDE, "mean": 0.0, "std": 1.0}


def net():
    """Bright where the middle one of nine squares is."""
    module = nn.Sequential(nn.Conv2d(1, 1, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module[0].weight.fill_(1 / 64)
        module[3].weight[1, 4], module[3].bias[1] = 12, -6
    return module


def levels():
    values = np.random.default_rng(0).integers(0, 40, (SIDE, SIDE), dtype=np.uint8)
    values[8:16, 8:16] = 250
    return values


@pytest.fixture(scope="module")
def wanted():
    classifier = med_cam.Classifier(net(), ("dark", "bright"), (SIDE, SIDE), 1, (0.0,), (1.0,))
    return med_cam.explain(classifier, med_cam.image_from_array(levels()), config=CONFIG)


def test_the_middle_is_found(wanted):
    assert wanted.label == "bright"
    assert wanted.mask[8:16, 8:16].float().mean() > 0.5


def folder_of(path):
    (path / "net.py").write_text(NET)
    (path / "classifier.toml").write_text(TOML)
    save_file(net().state_dict(), path / "model.safetensors")
    PIL.Image.fromarray(levels()).save(path / "scan.png")
    return path


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
    images = [torch.from_numpy(levels())]
    for found in med_cam.explain_all(classifier, images, config=CONFIG):
        assert torch.equal(found.mask, wanted.mask)
