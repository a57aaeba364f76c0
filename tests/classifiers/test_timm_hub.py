"""Folders that timm writes for the hub, and files of other frameworks."""

import json

import pytest
import torch
from safetensors.torch import load_file

from classifiers.kinds import SIDE
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError, ConfigError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What timm itself writes, and the module."""
    folder = tmp_path_factory.mktemp("hub")
    module = import_timm().create_model("test_efficientnet", num_classes=2).eval()
    hub = import_torchvision("timm.models")
    config = {"label_names": ["benign", "malignant"]}
    hub.save_for_hf(module, folder, model_config=config, safe_serialization=True)
    return folder, module


@pytest.fixture
def folder(made, tmp_path):
    for path in made[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def change(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_hub_folder_needs_no_description(made, folder):
    it, noted = load_classifier(folder, device="cpu"), made[1].pretrained_cfg
    assert it.labels == ("benign", "malignant")
    assert (it.mean, it.std) == (tuple(noted["mean"]), tuple(noted["std"]))
    assert it.input_size == tuple(noted["input_size"][1:])
    assert it.crop_share == noted["crop_pct"]
    x = torch.randn(2, 3, *it.input_size, generator=torch.Generator().manual_seed(0))
    with hooks_attached(it) as forward, torch.no_grad():
        torch.testing.assert_close(forward(x).logits, made[1](x))
    assert set(it.loaded_from.source_files) == {"config.json"}
    assert load_file(folder / "model.safetensors")


def test_what_classifier_toml_says_goes_before(folder):
    (folder / "classifier.toml").write_text(f'input_size = {SIDE}\nclasses = ["a", "b"]\n')
    it = load_classifier(folder, device="cpu")
    assert (it.input_size, it.labels) == ((SIDE, SIDE), ("a", "b"))
    assert it.loaded_from.architecture == "timm:test_efficientnet"


def test_label_names_that_are_not_one_for_each_output_are_not_taken(folder):
    change(folder, label_names=["a", "b", "c"])
    assert load_classifier(folder, device="cpu").labels == ("class 0", "class 1")


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"architecture": "hf-hub:somebody/net"}, "timm has no architecture"),
        ({"architecture": "local-dir:/tmp"}, "timm has no architecture"),
        ({"model_args": {"checkpoint_path": "x.pt"}}, "'checkpoint_path'"),
        ({"model_args": {"pretrained": True}}, "'pretrained'"),
        ({"pretrained_cfg": {"mean": "x", "url": "http://x"}}, "mean must be"),
        ({"pretrained_cfg": {"input_size": [3, -1, 1e9]}}, "input_size must be"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(folder, changes, reported):
    change(folder, **changes)
    with pytest.raises((ClassifierError, ConfigError), match=reported) as raised:
        load_classifier(folder, device="cpu")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("model.keras", "keras.models.load_model"),
        ("model.h5", "keras.models.load_model"),
        ("model.tflite", "tf2onnx.convert --tflite"),
        ("saved_model.pb", "tf2onnx.convert --saved-model"),
        ("model.pkl", "safetensors"),
    ],
)
def test_files_of_other_frameworks_come_with_the_command_that_converts_them(
    tmp_path, name, command
):
    (tmp_path / name).write_bytes(b"anything")
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(ClassifierError, match=command):
            load_classifier(source, device="cpu")
    (tmp_path / "classifier.toml").write_text('classes = ["a", "b"]\n')
    with pytest.raises(ClassifierError, match=command):
        load_classifier(tmp_path, device="cpu")


def test_a_second_input_is_told_from_a_wrong_size(tmp_path):
    (tmp_path / "net.py").write_text(
        "from torch import nn\nclass Two(nn.Module):\n"
        "    def forward(self, image, age):\n        return image.mean((2, 3)) + age\n"
    )
    (tmp_path / "classifier.toml").write_text(
        'architecture = "factory:net:Two"\nweights = "own"\ninput_size = 8\nmean = 0.5\n'
    )
    with pytest.raises(ClassifierError, match=r"more than one input.*'age'.*wrap it"):
        load_classifier(tmp_path, device="cpu")
