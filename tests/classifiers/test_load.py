"""What a folder says is what the classifier does; errors in it are reported in a sentence."""

import hashlib
import json
import logging
import os
import py_compile
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file

from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.description import Description, description_from, read_description
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import chosen_device, load_classifier
from med_cam.errors import ClassifierError, ConfigError

FACTORY = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 2, 1)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.relu(self.norm(self.conv(x))).mean(dim=(2, 3)))

def net(width=4, outputs=2):
    return Net(width, outputs)

def failing():
    raise ValueError("no such luck")

def number():
    return 3

not_a_function = 3
"""
TOML = """
architecture = "factory:net:net"
classes = ["a", "b"]
input_size = 16
mean = 0.5
std = 0.25
"""


class Net(torch.nn.Module):
    """The same as the factory's, built here a second time."""

    def __init__(self, width=4, outputs=2):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, width, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(width)
        self.relu = torch.nn.ReLU()
        self.head = torch.nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.relu(self.norm(self.conv(x))).mean(dim=(2, 3)))


def state(outputs=2):
    net = Net(outputs=outputs)
    net.norm.running_mean.uniform_(-1, 1)
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


@pytest.fixture
def folder(tmp_path):
    """A classifier of a factory's, complete; tests break or change one thing of it."""
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "net.py").write_text(FACTORY)
    (folder / "classifier.toml").write_text(TOML)
    save_file(state(), folder / "model.safetensors")
    return folder


def say(folder, **changes):
    """Write `classifier.toml` anew with keys changed; None leaves one out."""
    table = {
        "architecture": "factory:net:net",
        "classes": ["a", "b"],
        "input_size": 16,
        "mean": 0.5,
        "std": 0.25,
    } | changes
    arguments = table.pop("arguments", {})
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
    lines += ["[arguments]", *(f"{key} = {json.dumps(v)}" for key, v in arguments.items())]
    (folder / "classifier.toml").write_text("\n".join(lines))


def expected_logits(tensors, x):
    net = Net(outputs=tensors["head.bias"].shape[0])
    net.load_state_dict(tensors)
    with torch.no_grad():
        return net.eval()(x)


def logits(classifier, x):
    with hooks_attached(classifier) as forward, torch.no_grad():
        return forward(x).logits


X = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


# -- what works -----------------------------------------------------------------------------------


def test_a_folder_gives_the_classifier_it_describes(folder):
    it = load_classifier(folder, device="cpu")
    assert (it.labels, it.input_size, it.mean, it.std) == (
        ("a", "b"),
        (16, 16),
        (0.5,) * 3,
        (0.25,) * 3,
    )
    assert (it.name, it.head, it.rule, it.hooked_layers) == (
        "small",
        "softmax",
        "squash",
        ("relu",),
    )
    file = folder / "model.safetensors"
    assert it.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    torch.testing.assert_close(logits(it, X), expected_logits(load_file(file), X))
    assert not any(part.training for part in it.module.modules())


def test_every_key_reaches_the_classifier(folder):
    say(
        folder,
        input_size=[12, 20], mean=[1, 2, 3], std=[4, 5, 6], value_range=255, resize="crop",
        crop_share=0.875, interpolation="bicubic", head="sigmoid", thresholds=[0.25, 0.75],
        hooked_layers=["norm"], name="Ward 7", notes="free", license="CC0", channels=3,
        weights="model.safetensors",
    )  # fmt: skip
    it = load_classifier(folder / "classifier.toml", device="cpu")
    assert (it.input_size, it.mean, it.std) == ((12, 20), (1, 2, 3), (4, 5, 6))
    assert (it.value_range, it.rule, it.crop_share) == (255, "crop", 0.875)
    assert (it.interpolation, it.head, it.thresholds) == ("bicubic", "sigmoid", (0.25, 0.75))
    assert (it.hooked_layers, it.name) == (("norm",), "Ward 7")


@pytest.mark.parametrize("nest", [None, "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.module."])
def test_checkpoints_of_training_scripts_are_unwrapped(folder, nest, prefix):
    tensors = state()
    wrapped = {prefix + key: tensor for key, tensor in tensors.items()}
    (folder / "model.safetensors").unlink()
    torch.save({nest: wrapped, "epoch": 3} if nest else wrapped, folder / "model.pth")
    it = load_classifier(folder, device="cpu")
    torch.testing.assert_close(logits(it, X), expected_logits(tensors, X))


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_computed_in_float32(folder, precision):
    half = {k: t.to(precision) if t.is_floating_point() else t for k, t in state().items()}
    save_file(half, folder / "model.safetensors")
    it = load_classifier(folder, device="cpu")
    assert {p.dtype for p in it.module.parameters()} == {torch.float32}
    widened = {k: t.float() if t.is_floating_point() else t for k, t in half.items()}
    torch.testing.assert_close(logits(it, X), expected_logits(widened, X))


def test_batch_counters_may_be_missing(folder):
    tensors = state()
    del tensors["norm.num_batches_tracked"]
    save_file(tensors, folder / "model.safetensors")
    load_classifier(folder, device="cpu")


@pytest.mark.parametrize("head", [None, "sigmoid", "softmax"])
def test_one_logit_under_two_classes_is_a_pair_whatever_the_head_is_called(folder, head):
    save_file(state(outputs=1), folder / "model.safetensors")
    say(folder, arguments={"outputs": 1}, head=head)
    it = load_classifier(folder, device="cpu")
    positive = expected_logits(load_file(folder / "model.safetensors"), X).sigmoid()
    torch.testing.assert_close(
        it.probabilities(logits(it, X)), torch.cat([1 - positive, positive], dim=1)
    )
    assert it.head == "softmax"


def test_one_logit_under_one_class_is_a_sigmoid_head_with_its_threshold(folder):
    save_file(state(outputs=1), folder / "model.safetensors")
    say(folder, arguments={"outputs": 1}, classes=["ill"], thresholds=[0.3])
    it = load_classifier(folder, device="cpu")
    assert (it.head, it.labels, it.thresholds) == ("sigmoid", ("ill",), (0.3,))


def test_classes_without_names_are_numbered(folder):
    say(folder, classes=None)
    assert load_classifier(folder, device="cpu").labels == ("class 0", "class 1")


def test_two_folders_with_modules_of_one_name_do_not_meet(folder, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "net.py").write_text(FACTORY.replace("self.relu = ", "self.act = ").replace(
        "self.relu(", "self.act("))  # fmt: skip
    (other / "classifier.toml").write_text(TOML)
    save_file(state(), other / "model.safetensors")
    assert load_classifier(folder, device="cpu").hooked_layers == ("relu",)
    assert load_classifier(other, device="cpu").hooked_layers == ("act",)


def test_a_factory_may_bring_its_own_weights(folder):
    (folder / "model.safetensors").unlink()
    say(folder, weights="own")
    assert load_classifier(folder, device="cpu").sha256 == ""


def test_untrained_weights_are_named_in_the_name_and_leave_the_global_generator(folder):
    say(folder, weights="random")
    before = torch.random.get_rng_state()
    assert load_classifier(folder, device="cpu").name == "small (random weights)"
    assert torch.equal(before, torch.random.get_rng_state())


def test_assumed_normalisation_is_said_aloud(folder, caplog):
    say(folder, mean=None, std=None)
    with caplog.at_level(logging.WARNING):
        it = load_classifier(folder, device="cpu")
    assert it.mean == (0.485, 0.456, 0.406)
    assert "ImageNet's mean and std are assumed" in caplog.text
    caplog.clear()
    say(folder)
    load_classifier(folder, device="cpu")
    assert not caplog.text


def test_an_assumed_input_size_is_said_aloud(folder, caplog):
    say(folder, input_size=None)
    with caplog.at_level(logging.WARNING):
        assert load_classifier(folder, device="cpu").input_size == (224, 224)
    assert "does not say its input size: 224 x 224 is assumed" in caplog.text


# -- the zoos -------------------------------------------------------------------------------------


def zoo_folder(tmp_path, module, **keys):
    say(tmp_path, **{"mean": None, "std": None, "input_size": None, "classes": None} | keys)
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    return tmp_path


@pytest.mark.parametrize("architecture", ["timm:test_resnet", "test_resnet"])
def test_timm_knows_the_preprocessing(tmp_path, architecture):
    net = import_timm().create_model("test_resnet", num_classes=4)
    it = load_classifier(zoo_folder(tmp_path, net, architecture=architecture), device="cpu")
    known = net.pretrained_cfg
    assert it.input_size == known["input_size"][1:]
    assert (it.mean, it.std) == (known["mean"], known["std"])
    assert (it.rule, it.crop_share) == ("crop", known["crop_pct"])
    assert it.interpolation == known["interpolation"]
    assert it.labels == tuple(f"class {k}" for k in range(4))


def test_timm_builds_for_grey_and_for_the_size_said(tmp_path):
    net = import_timm().create_model("test_vit", num_classes=2, in_chans=1, img_size=64)
    keys = {"architecture": "timm:test_vit", "channels": 1, "input_size": 64}
    it = load_classifier(zoo_folder(tmp_path, net, **keys), device="cpu")
    assert (it.channels, it.input_size) == (1, (64, 64))
    assert it.mean == (pytest.approx(sum(net.pretrained_cfg["mean"]) / 3),)


def test_torchvision_knows_the_preprocessing(tmp_path):
    models = import_torchvision("torchvision.models")
    net = models.get_model("squeezenet1_1", weights=None, num_classes=3)
    keys = {"architecture": "torchvision:squeezenet1_1", "classes": ["a", "b", "c"]}
    it = load_classifier(zoo_folder(tmp_path, net, **keys), device="cpu")
    assert (it.input_size, it.rule, it.crop_share) == ((224, 224), "crop", 224 / 256)
    assert (it.mean, it.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def test_bare_names_are_looked_up_in_timm_and_then_in_torchvision(tmp_path):
    models = import_torchvision("torchvision.models")
    net = models.get_model("shufflenet_v2_x0_5", weights=None, num_classes=3)
    it = load_classifier(
        zoo_folder(tmp_path, net, architecture="shufflenet_v2_x0_5"), device="cpu"
    )
    assert len(it.labels) == 3


@pytest.mark.parametrize("architecture", ["timm:test_resnet", "torchvision:squeezenet1_1"])
def test_a_class_list_of_the_wrong_length_is_reported_with_both_lengths(tmp_path, architecture):
    size = {"architecture": architecture, "input_size": 64}
    say(tmp_path, **size, classes=["a", "b", "c"], weights="random")
    module = load_classifier(tmp_path, device="cpu").module
    say(tmp_path, **size, classes=["a", "b"])
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(
        ClassifierError, match=r"gives 3 outputs, but 2 classes are named \(a, b\)"
    ):
        load_classifier(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("architecture", "reported"),
    [
        ("timm:resnet81", "timm has no architecture 'resnet81'; the nearest is 'resnet"),
        (
            "torchvision:resnet81",
            "torchvision has no classifier 'resnet81'; the nearest is resnet",
        ),
        ("resnet81", "neither in timm nor in torchvision"),
        ("tmim:resnet18", "neither in timm nor in torchvision, nor one of timm, torchvision"),
        ("factory:net", "names no function"),
        ("factory:nte:net", "'nte'.*cannot be imported"),
        ("factory:net:nte", "has no function 'nte'"),
        ("factory:net:not_a_function", "has no function"),
        ("factory:net:failing", "ValueError: no such luck"),
        ("factory:net:number", "is int, not a torch module"),
    ],
)
def test_architectures_that_are_not_there_are_reported(folder, architecture, reported):
    say(folder, architecture=architecture)
    with pytest.raises(ClassifierError, match=reported):
        load_classifier(folder, device="cpu")


@pytest.mark.parametrize(
    "architecture", ["timm:test_resnet", "torchvision:squeezenet1_1", "factory:net:net"]
)
def test_arguments_that_an_architecture_does_not_take_are_reported(folder, architecture):
    say(folder, architecture=architecture, arguments={"widht": 3})
    reported = (
        "widht=3.*correct `arguments`" if "factory" in architecture else "'widht' is not one"
    )
    with pytest.raises(ClassifierError, match=reported):
        load_classifier(folder, device="cpu")


def test_torchvision_takes_no_grey(folder):
    say(folder, architecture="torchvision:resnet18", channels=1)
    with pytest.raises(ClassifierError, match=r"takes 3 channels.*factory"):
        load_classifier(folder, device="cpu")


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


def test_a_lone_file_is_described_by_the_toml_beside_it(folder):
    save_file(state(), folder / "second.safetensors")
    it = load_classifier(folder / "second.safetensors", device="cpu")
    assert (it.labels, it.name) == (("a", "b"), "second")


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


def test_a_factory_file_runs_as_it_is_now_though_its_cache_has_the_same_size_and_second(tmp_path):
    """Python takes a compiled file of the same second and size for that of the file as it was."""
    source = (
        "from torch import nn\n"
        "def net():\n    return nn.Sequential(nn.Flatten(), nn.Linear({inputs}, 2))\n"
    )
    (tmp_path / "classifier.toml").write_text(
        'architecture = "factory:net:net"\nclasses = ["a", "b"]\nweights = "random"\n'
        "input_size = 8\nchannels = 3\nmean = 0.0\nstd = 1.0\n"
    )
    path = tmp_path / "net.py"
    path.write_text(source.format(inputs=192))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    py_compile.compile(str(path))
    path.write_text(source.format(inputs=193))  # does not fit 3 x 8 x 8 pixels
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with pytest.raises(ClassifierError):
        load_classifier(tmp_path)
