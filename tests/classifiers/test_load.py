"""What a folder says is what the classifier does."""

import hashlib
import logging
import os
import py_compile

import pytest
import torch
from safetensors.torch import load_file, save_file

from classifiers.factory_folder import FACTORY, TOML, Net, complete, say, state
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError


@pytest.fixture
def folder(tmp_path):
    """A classifier of a factory's, complete; tests break or change one thing of it."""
    return complete(tmp_path / "small")


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


def test_a_lone_file_is_described_by_the_toml_beside_it(folder):
    save_file(state(), folder / "second.safetensors")
    it = load_classifier(folder / "second.safetensors", device="cpu")
    assert (it.labels, it.name) == (("a", "b"), "second")


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
