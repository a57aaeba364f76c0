"""Hugging Face folders are read with their weights, labels and preprocessing, offline."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description
from med_cam.classifiers.from_huggingface import load
from med_cam.errors import ClassifierError

import_torchvision()  # transformers imports it
transformers = pytest.importorskip("transformers")

LABELS = {0: "glioma", 1: "meningioma", 2: "notumor"}
VIT = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 16, "width": 16},
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.1, 0.2, 0.3],
    "image_std": [0.4, 0.5, 0.6],
}


def vit(**changes):
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2}
    frame = {"intermediate_size": 16, "image_size": 16, "patch_size": 8}
    config = transformers.ViTConfig(**sizes, **frame, id2label=LABELS, **changes)
    return transformers.ViTForImageClassification(config).eval()


def resnet():
    config = transformers.ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1], layer_type="basic", id2label=LABELS
    )
    return transformers.ResNetForImageClassification(config).eval()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    multi = {"problem_type": "multi_label_classification"}
    for name, model in {"vit": vit(), "resnet": resnet(), "multi": vit(**multi)}.items():
        state = {key: value.clone() for key, value in model.state_dict().items()}
        (root / name).mkdir()
        model.config.architectures = [type(model).__name__]
        (root / name / "config.json").write_text(model.config.to_json_string(use_diff=False))
        save_file(state, root / name / "model.safetensors", metadata={"format": "pt"})
        (root / name / "preprocessor_config.json").write_text(json.dumps(VIT))
    return root


@pytest.fixture
def folder(folders, tmp_path):
    shutil.copytree(folders / "vit", tmp_path / "vit")
    return tmp_path / "vit"


def loaded(folder, weights="model.safetensors"):
    return load(Description(folder=folder), folder / weights)


@pytest.mark.parametrize(("name", "create"), [("vit", vit), ("resnet", resnet)])
def test_logits_and_gradients_are_the_saved_models(name, create, folders):
    model = create()
    model.load_state_dict(load_file(folders / name / "model.safetensors"))
    found = loaded(folders / name)
    assert found.labels == ("glioma", "meningioma", "notumor")
    assert found.head is None
    assert not found.module.training
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    y = x.clone()
    ours, theirs = found.module(x.requires_grad_()), model(y.requires_grad_()).logits
    torch.testing.assert_close(ours, theirs)
    ours[:, 1].sum().backward()
    theirs[:, 1].sum().backward()
    torch.testing.assert_close(x.grad, y.grad)
    assert x.grad.abs().sum() > 0


def test_nothing_is_printed_or_warned_about(folders, capfd, recwarn):
    loaded(folders / "vit")
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_multi_label_folder_has_sigmoid_outputs(folders):
    assert loaded(folders / "multi").head == "sigmoid"


def test_the_frame_is_the_folders(folders):
    found = loaded(folders / "vit")
    assert (found.input_size, found.channels, found.rule) == ((16, 16), 3, "squash")
    assert (found.mean, found.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert (found.value_range, found.interpolation) == (1.0, "bicubic")


FRAMES = {
    "shortest side and crop": (
        {"size": {"shortest_edge": 20}, "crop_size": 16, "do_center_crop": True},
        {"input_size": (16, 16), "rule": "crop", "crop_share": 0.8},
    ),
    "ConvNeXt, cropped": (
        {"size": {"shortest_edge": 16}, "crop_pct": 0.875},
        {"input_size": (16, 16), "rule": "crop", "crop_share": 0.875},
    ),
    "ConvNeXt, large": (
        {"size": {"shortest_edge": 384}, "crop_pct": 0.875},
        {"input_size": (384, 384), "rule": "squash", "crop_share": None},
    ),
    "one number": ({"size": 16}, {"input_size": (16, 16), "rule": "squash"}),
    "no size": ({"size": None}, {"input_size": (16, 16), "rule": None}),
    "raw bytes": ({"do_rescale": False}, {"value_range": 255.0}),
    "no normalisation": ({"do_normalize": False}, {"mean": (0.0,), "std": (1.0,)}),
}


@pytest.mark.parametrize("case", FRAMES)
def test_preprocessors_are_translated(case, folder):
    said, expected = FRAMES[case]
    (folder / "preprocessor_config.json").write_text(json.dumps(VIT | said))
    found = loaded(folder)
    assert {key: getattr(found, key) for key in expected} == expected


ARITHMETIC = {
    "ViTImageProcessor": VIT,
    "EfficientNetImageProcessor": VIT
    | {"image_processor_type": "EfficientNetImageProcessor", "do_center_crop": False}
    | {"rescale_factor": 1 / 127.5, "rescale_offset": True, "include_top": True},
}


@pytest.mark.parametrize("kind", ARITHMETIC)
def test_normalised_pixels_are_those_of_the_processor(kind, folder):
    said = ARITHMETIC[kind]
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    options = {key: value for key, value in said.items() if key != "image_processor_type"}
    processor = getattr(transformers, kind)(**options)
    theirs = torch.as_tensor(
        processor(Image.fromarray(pixels), return_tensors="pt")["pixel_values"][0]
    )
    found = loaded(folder)
    scaled = torch.from_numpy(pixels).permute(2, 0, 1).float() / 255 * found.value_range
    mean, std = torch.tensor(found.mean).view(3, 1, 1), torch.tensor(found.std).view(3, 1, 1)
    torch.testing.assert_close((scaled - mean) / std, theirs.float(), rtol=1e-4, atol=1e-4)


def test_channels_are_turned_for_a_model_that_wants_blue_first(folder):
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    straight = loaded(folder).module(x.flip(1))
    said = {"do_flip_channel_order": True, "size": {"height": 16, "width": 16}}
    (folder / "preprocessor_config.json").write_text(json.dumps(said))
    found = loaded(folder)
    torch.testing.assert_close(found.module(x), straight)
    assert (found.mean, found.std) == ((0.0,), (1.0,))


def test_missing_weights_are_named(folder):
    state = load_file(folder / "model.safetensors")
    del state["classifier.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ClassifierError, match=r"classifier\.weight"):
        loaded(folder)


def test_weights_of_another_shape_are_refused(folder):
    state = load_file(folder / "model.safetensors")
    state["classifier.weight"] = torch.zeros(7, 8)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ClassifierError, match=r"do not fit|cannot be loaded"):
        loaded(folder)


def test_plain_bin_weights_are_read_and_pickled_code_is_not_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert loaded(folder, "pytorch_model.bin").labels == tuple(LABELS.values())

    class Payload:
        def __reduce__(self):
            return (type(folder).touch, (type(folder)("ran"),))

    torch.save({"x": Payload()}, folder / "pytorch_model.bin")
    with pytest.raises(ClassifierError):
        loaded(folder, "pytorch_model.bin")
    assert not (folder / "ran").exists()


def test_code_in_the_folder_is_never_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text("open('ran', 'w').close()")
    with pytest.raises(ClassifierError, match="without code of its own"):
        loaded(folder)
    assert not (folder / "ran").exists()


def test_a_folder_without_config_is_one_sentence(tmp_path):
    with pytest.raises(ClassifierError, match=r"no config\.json"):
        load(Description(folder=tmp_path), None)


def test_a_missing_extra_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ClassifierError, match=r"med-cam-evidence\[huggingface\]"):
        loaded(folder)


def test_the_module_is_an_ordinary_one(folders):
    module = loaded(folders / "vit").module
    assert isinstance(module, nn.Module)
    assert {p.dtype for p in module.parameters()} == {torch.float32}
