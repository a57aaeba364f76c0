"""A classifier folder reads no file elsewhere; damage and values without end are one sentence."""

import json
import os

import pytest
import torch
from safetensors.torch import save_file

from classifiers.canaries import Canary, refused
from classifiers.kinds import MAKERS, said, saved
from med_cam.classifiers.arguments import TIMM, TORCHVISION, checked
from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.inside import inside
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError, ConfigError

# -- arguments ------------------------------------------------------------------------------------

EVIL = [
    'checkpoint_path = "{}"',
    "pretrained = true",
    "features_only = true",
    'cache_dir = "{}"',
    "[arguments.pretrained_cfg_overlay]\nurl = 'http://localhost:1/w.pth'",
    "[arguments.pretrained_cfg]\nfile = '{}'",
    'hybrid_backbone = "os.system"',
    'act_layer = "../{}"',
    'global_pool = "http://localhost:1/"',
]


@pytest.mark.parametrize("zoo", ["timm:test_efficientnet", "torchvision:squeezenet1_1"])
@pytest.mark.parametrize("argument", EVIL)
def test_no_argument_loads_or_fetches(folder, canary, zoo, argument, tmp_path):
    torch.save(Canary(canary), tmp_path / "evil.pt")
    more = argument.format(tmp_path / "evil.pt")
    said(folder, zoo, f'weights = "random"\n[arguments]\n{more}\n')
    refused(folder, "[Tt]he argument")


def test_no_argument_that_is_allowed_names_a_file_an_address_or_a_function():
    wrong = {"path", "url", "pretrained", "checkpoint", "cache", "cfg", "file", "fn", "backbone"}
    known = (TIMM | TORCHVISION) - {"drop_path_rate"}
    assert not [name for name in known if wrong & set(name.split("_"))]


@pytest.mark.parametrize(
    "value",
    ["a.b", "a/b", "http:", "x" * 65, 1e300, float("nan"), 10**9, [1] * 65, {"a": 1}, [{}]],
)
def test_values_are_numbers_words_and_short_lists(value):
    with pytest.raises(ClassifierError, match="must be a number"):
        checked({"img_size": value}, known=TIMM, zoo="timm")


@pytest.mark.parametrize("value", [1, -1, 0.5, True, "same", "", [7, 7], [[1, 2], [3]]])
def test_values_that_shape_a_network_pass_as_they_are(value):
    assert checked({"img_size": value}, known=TIMM, zoo="timm") == {"img_size": value}


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted({"timm", "torchscript", "export", "onnx"}))
@pytest.mark.parametrize("way", ["up", "absolute", "link", "unnamed link"])
def test_weights_outside_the_folder_are_not_read(folder, tmp_path, kind, way):
    MAKERS[kind](folder)
    (file,) = (p for p in folder.glob("model.*"))
    outside = file.rename(tmp_path / file.name)
    if "link" in way:
        file.symlink_to(outside)
    name = {"up": f"../{file.name}", "absolute": str(outside), "link": file.name}.get(way)
    if name:
        said(folder, (folder / "classifier.toml").read_text().split('"')[1], f'weights = "{name}"')
    refused(folder, "not in that folder" if way in ("up", "absolute") else "leads out")


@pytest.mark.parametrize(
    "name", ["C:\\w.pt", "\\\\host\\w.pt", "a\\..\\..\\w.pt", "a/../../w.pt", ""]
)
def test_names_of_every_system_stay_inside(folder, name):
    with pytest.raises(ClassifierError, match="not in that folder"):
        inside(folder, name)


def test_a_file_that_the_user_names_may_be_a_link(folder, tmp_path):
    MAKERS["torchscript"](folder)
    (tmp_path / "latest.pt").symlink_to(folder / "model.pt")
    assert len(load_classifier(tmp_path / "latest.pt", device="cpu").labels) == 2


def test_a_download_of_hugging_face_is_read_through_its_links(tmp_path):
    snapshot, blobs = tmp_path / "models--x" / "snapshots" / "1", tmp_path / "models--x" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    saved(import_timm().create_model("test_efficientnet", num_classes=2), blobs / "abc")
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
    said(snapshot, "timm:test_efficientnet")
    assert load_classifier(snapshot, device="cpu").labels == ("a", "b")


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "model.safetensors")
    said(folder, "timm:test_efficientnet")
    refused(folder, "must hold one weights file")
    said(folder, "timm:test_efficientnet", 'weights = "model.safetensors"\n')
    refused(folder, "no weights file")


def test_weights_of_a_folder_are_still_read(folder):
    said(folder, "timm:test_efficientnet", "[arguments]\npad_type = 'same'\n")
    module = import_timm().create_model("test_efficientnet", num_classes=2, pad_type="same")
    save_file(module.state_dict(), folder / "model.safetensors")
    assert load_classifier(folder, device="cpu").labels == ("a", "b")


# -- folders of Hugging Face ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reported"),
    [
        ({"quantization_config": {"load_in_8bit": True}}, "before quantisation"),
        ({"backbone": "resnet18", "use_timm_backbone": True}, "fetched by name"),
        ({"backbone_config": {"deep": [{"use_pretrained_backbone": True}]}}, "fetched by name"),
        ({"transformers_weights": "../model.safetensors"}, "outside"),
    ],
)
def test_nothing_but_the_weights_in_the_folder_is_read(folder, canary, more, reported):
    MAKERS["huggingface"](folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | more))
    refused(folder, reported)


def test_a_part_of_the_weights_elsewhere_is_not_read(folder, tmp_path):
    MAKERS["huggingface"](folder)
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    first = sorted(set(content["weight_map"].values()))[0]
    (folder / first).rename(tmp_path / first)
    moved = {k: f"../{v}" if v == first else v for k, v in content["weight_map"].items()}
    index.write_text(json.dumps(content | {"weight_map": moved}))
    refused(folder, "not in that folder")


@pytest.mark.parametrize("beside", [True, False])
def test_an_adapter_is_no_classifier(folder, beside):
    if beside:
        MAKERS["huggingface"](folder)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere"}')
    refused(folder, "merge_and_unload")


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["export", "torchscript"])
def test_a_library_that_stumbles_over_a_damaged_file_is_one_sentence(folder, kind, monkeypatch):
    from med_cam.classifiers import load

    def stumbling(*_given):
        raise UnicodeDecodeError("utf-8", b"\xe7", 0, 1, "invalid\ncontinuation")

    MAKERS[kind](folder)
    monkeypatch.setattr(load, "ADAPTERS", {kind: stumbling})
    refused(folder, rf"model\.pt2? cannot be read as a {kind} classifier \(UnicodeDecodeError")


@pytest.mark.parametrize(
    "line",
    ["thresholds = 1" + "0" * 400, "input_size = 5000", "name = " + "[" * 9999, "x" * 2**21],
)
def test_values_without_end_are_one_sentence(folder, line):
    said(folder, "timm:test_efficientnet", f"{line}\n")
    text = (folder / "classifier.toml").read_text()
    if line.startswith("input_size"):
        (folder / "classifier.toml").write_text(text.replace("input_size = 32\n", ""))
    with pytest.raises((ClassifierError, ConfigError)) as raised:
        load_classifier(folder, device="cpu")
    assert len(str(raised.value)) < 1000
    assert "\n" not in str(raised.value)
