"""Errors in weights, descriptions, sources and devices are reported in a sentence."""

import zipfile

import pytest
import torch
from safetensors.torch import save_file

from classifiers.factory_folder import FACTORY, Net, complete, say, state
from med_cam.classifiers.description import Description, description_from, read_description
from med_cam.classifiers.load import chosen_device, load_classifier
from med_cam.errors import ClassifierError, ConfigError


@pytest.fixture
def folder(tmp_path):
    """A classifier of a factory's, complete; tests break or change one thing of it."""
    return complete(tmp_path / "small")


# -- bad weights ----------------------------------------------------------------------------------


def broken(**changes):
    tensors = state() | changes
    return {key: tensor for key, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "reported"),
    [
        (broken(**{"head.bias": None}), r"does not fit Net: 1 missing \(head.bias 2\)"),
        (broken(extra=torch.ones(1)), r"1 unexpected \(extra\)"),
        (
            broken(**{"conv.weight": torch.ones(4, 1, 3, 3)}),
            r"1 of the wrong shape \(conv.weight is 4x1x3x3 in the file and 4x3x3x3 in the arch",
        ),
        (
            {f"layer{i}": torch.ones(1) for i in range(9)},
            r"8 missing \(conv.weight 4x3x3x3, .*, ...\); 9 unexpected \(.*, \.\.\.\)",
        ),
        (broken(**{"head.bias": torch.tensor([1.0, torch.nan])}), r"head.bias holds 1 values"),
        (broken(**{"conv.bias": torch.full((4,), torch.inf)}), r"conv.bias holds 4 values.* of 4"),
        (broken(**{"norm.running_var": torch.full((4,), torch.inf)}), r"norm.running_var holds 4"),
    ],
)
def test_weights_that_do_not_fit_or_are_not_finite_are_reported_by_key(folder, tensors, reported):
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(ClassifierError, match=reported):
        load_classifier(folder, device="cpu")


def test_a_factory_whose_own_weights_are_not_finite_is_reported(folder):
    (folder / "net.py").write_text(
        FACTORY
        + "\ndef nan():\n    n = net()\n    n.head.bias.data[0] = float('nan')\n    return n\n"
    )
    say(folder, architecture="factory:net:nan", weights="own")
    with pytest.raises(ClassifierError, match=r"head.bias holds 1 values"):
        load_classifier(folder, device="cpu")


def test_logits_that_are_not_finite_are_reported(folder):
    save_file(broken(**{"norm.running_var": torch.full((4,), -9.0)}), folder / "model.safetensors")
    with pytest.raises(ClassifierError, match="logits that are NaN or infinite"):
        load_classifier(folder, device="cpu")


def test_a_broken_safetensors_file_is_reported(folder):
    (folder / "model.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(ClassifierError, match="no readable safetensors file"):
        load_classifier(folder, device="cpu")


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04 broken"])
def test_a_broken_pt_file_is_reported(folder, content):
    (folder / "model.safetensors").unlink()
    (folder / "model.pt").write_bytes(content)
    with pytest.raises(ClassifierError, match="cannot be read as plain weights"):
        load_classifier(folder, device="cpu")


def test_a_pickled_module_is_not_run(folder):
    (folder / "model.safetensors").unlink()
    torch.save(Net(), folder / "model.pt")
    with pytest.raises(ClassifierError, match=r"cannot be read as plain.*never run"):
        load_classifier(folder, device="cpu")


def test_a_torchscript_program_under_an_architecture_is_reported(folder):
    (folder / "model.safetensors").unlink()
    with zipfile.ZipFile(folder / "model.pt", "w") as archive:
        archive.writestr("model/constants.pkl", b"")
    with pytest.raises(ClassifierError, match='say architecture = "torchscript"'):
        load_classifier(folder, device="cpu")


@pytest.mark.parametrize("content", [3, {"epoch": 3}, torch.ones(3)])
def test_a_pt_file_without_named_tensors_is_reported(folder, content):
    (folder / "model.safetensors").unlink()
    torch.save(content, folder / "model.pt")
    with pytest.raises(ClassifierError, match="without named tensors"):
        load_classifier(folder, device="cpu")


def test_no_weights_file_and_two_are_reported(folder):
    (folder / "second.pt").write_bytes(b"")
    with pytest.raises(ClassifierError, match=r"one weights file.*model.safetensors, second.pt"):
        load_classifier(folder, device="cpu")
    say(folder, weights="model.safetensors")
    load_classifier(folder, device="cpu")
    say(folder, weights="third.pt")
    with pytest.raises(ClassifierError, match=r"no weights file .*third.pt"):
        load_classifier(folder, device="cpu")
    say(folder)
    (folder / "second.pt").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(ClassifierError, match=r"one weights file.*none of"):
        load_classifier(folder, device="cpu")


def test_untrained_or_own_weights_are_not_for_every_kind(folder):
    say(folder, architecture="onnx", weights="random")
    with pytest.raises(ClassifierError, match="weights = 'random' is not for onnx"):
        load_classifier(folder, device="cpu")
    say(folder, architecture="timm:resnet18", weights="own")
    with pytest.raises(ClassifierError, match="weights = 'own' is not for timm"):
        load_classifier(folder, device="cpu")


# -- bad descriptions -----------------------------------------------------------------------------


def test_a_class_list_of_the_wrong_length_is_reported(folder):
    say(folder, classes=["a", "b", "c"])
    with pytest.raises(ClassifierError, match=r"gives 2 outputs, but 3 classes are named"):
        load_classifier(folder, device="cpu")


def test_a_threshold_for_a_pair_from_one_logit_is_reported(folder):
    save_file(state(outputs=1), folder / "model.safetensors")
    say(folder, arguments={"outputs": 1}, head="sigmoid", thresholds=[0.3])
    with pytest.raises(ClassifierError, match=r"decided at 0\.5"):
        load_classifier(folder, device="cpu")


def test_an_input_size_that_the_classifier_cannot_take_is_reported(tmp_path):
    say(tmp_path, architecture="torchvision:squeezenet1_1", input_size=16, weights="random")
    with pytest.raises(
        ClassifierError, match=r"does not run on an input of 1x3x16x16.*input_size"
    ):
        load_classifier(tmp_path, device="cpu")


def test_an_unknown_hooked_layer_is_reported_with_the_nearest(folder):
    say(folder, hooked_layers=["rule"])
    with pytest.raises(ClassifierError, match="nearest name is 'relu'"):
        load_classifier(folder, device="cpu")


@pytest.mark.parametrize(
    ("toml", "reported"),
    [
        ("clases = []", "unknown key 'clases'; did you mean 'classes'"),
        ("zzz = 1", "unknown key 'zzz'; known keys are architecture,"),
        ("architecture = 3", "architecture must be a text, got 3"),
        ("arguments = 3", "arguments must be a table"),
        ("classes = 'ab'", "classes must be a list of texts"),
        ("classes = ['a', 'a']", "without repetition"),
        ("input_size = '224'", "input_size must be a whole number"),
        ("input_size = [224, 0]", "input_size must be a whole number"),
        ("input_size = 22.4", "input_size must be a whole number"),
        ("input_size = true", "input_size must be a whole number"),
        ("channels = 4", "channels must be 1 or 3, got 4"),
        ("channels = true", "channels must be 1 or 3"),
        ("mean = ['x']", "mean must be a list of finite numbers"),
        ("mean = [nan]", "mean must be a list of finite numbers"),
        ("std = []", "std must be a list of finite numbers"),
        (f"notes = '{'x' * 2**20}'", "bytes; a description takes at most 1,048,576"),
        (f"mean = {[0.5] * 1000}", "mean must be a list of finite numbers, 1 to 3.*1000 in all"),
        (f"weights = '{'x' * 999}'", "weights must be a text of at most 250 characters"),
        (f"classes = ['{'x' * 999}', 'b']", "classes must be a list of texts of at most 250"),
        ("std = 1e-300", "std must be .*0.0001 to 1000000, got 1e-300"),
        ("mean = 1e300", "mean must be .*got 1e.300"),
        ("crop_share = 1e-300", "crop_share must be a number, 0.1 to 1"),
        ("input_size = 1_000_000_000", "input_size must be a whole number, 1 to 4096"),
        (f"input_size = {'9' * 5000}", "number of thousands of digits|Exceeds the limit"),
        (f"input_size = 0x{'f' * 5000}", "got a whole number of more than 60 digits"),
        (f"classes = {'[' * 5000}{']' * 5000}", "too deep in each other"),
        ("value_range = 0", "value_range must be a number, 0.01 to 10000000"),
        ("value_range = false", "value_range must be a number, 0.01"),
        ("resize = 'stretch'", "resize must be 'squash' or 'crop' or 'pad'"),
        ("resize = []", "resize must be 'squash'"),
        ("crop_share = 1.2", "crop_share must be a number, 0.1 to 1"),
        ("interpolation = 'lanczos'", "interpolation must be 'nearest'"),
        ("antialias = 0", "antialias must be true or false, got 0"),
        ("antialias = 'no'", "antialias must be true or false"),
        ("channel_order = 'gbr'", "channel_order must be 'rgb' or 'bgr'"),
        ("standardise = true", "standardise must be 'dataset' or 'image' or 'channel'"),
        ("head = 'argmax'", "head must be 'softmax' or 'sigmoid'"),
        ("taps = 'layer4'", "hooked_layers must be a list of texts"),  # its old name
        ("hooked_layers = 'layer4'", "hooked_layers must be a list of texts"),
        ("= 3", "not valid TOML.*line 1"),
        ("a = 1\na = 2", "not valid TOML"),
    ],
)
def test_a_description_that_is_wrong_is_reported_in_one_line(tmp_path, toml, reported):
    (tmp_path / "classifier.toml").write_text(toml)
    with pytest.raises(ConfigError, match=reported) as caught:
        read_description(tmp_path / "classifier.toml")
    assert "\n" not in str(caught.value)
    assert "classifier.toml" in str(caught.value)


def test_a_description_that_is_no_text_is_reported(tmp_path):
    (tmp_path / "classifier.toml").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(ConfigError, match="not valid TOML"):
        read_description(tmp_path / "classifier.toml")
    with pytest.raises(ClassifierError, match="cannot be read"):
        read_description(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("architecture", "kind", "target"),
    [
        ("timm:resnet18.a1_in1k", "timm", "resnet18.a1_in1k"),
        ("factory:a.b:c", "factory", "a.b:c"),
        ("onnx", "onnx", ""),
        ("resnet18", "", "resnet18"),
        ("", "", ""),
    ],
)
def test_an_architecture_is_a_kind_and_a_target(architecture, kind, target):
    assert (Description(architecture).kind, Description(architecture).target) == (kind, target)


def test_an_empty_description_leaves_all_to_the_library():
    assert description_from({}) == Description()


# -- bad sources and devices ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reported"),
    [
        ("timm:resnet18", r"names an architecture, not a trained.*architecture = .timm:resnet18"),
        ("resnet18", "There is no classifier at 'resnet18'"),
        ("nowhere/model.onnx", "There is no classifier at"),
    ],
)
def test_sources_that_are_no_trained_classifier_are_reported(source, reported):
    with pytest.raises(ClassifierError, match=reported):
        load_classifier(source, device="cpu")


def test_a_folder_without_a_description_is_reported(tmp_path):
    with pytest.raises(ClassifierError, match=r"neither classifier.toml nor .*config.json"):
        load_classifier(tmp_path, device="cpu")


def test_lone_weights_without_an_architecture_are_reported(tmp_path):
    save_file(state(), tmp_path / "model.safetensors")
    with pytest.raises(ClassifierError, match=r"no ONNX.*say their architecture"):
        load_classifier(tmp_path / "model.safetensors", device="cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:", "cpu:1", "mps:7", "cuda:99", ""])
def test_devices_that_are_not_there_are_reported(name):
    with pytest.raises(ConfigError, match="evice"):
        chosen_device(name)


def test_the_device_is_looked_at_before_anything_is_loaded():
    with pytest.raises(ConfigError, match="cuda:99"):
        load_classifier("nowhere", device="cuda:99")


def test_auto_is_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert chosen_device("auto") == torch.device("cuda")
    assert chosen_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ConfigError, match="sees 2 of kind cuda"):
        chosen_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert chosen_device("auto") == chosen_device("cpu") == torch.device("cpu")
