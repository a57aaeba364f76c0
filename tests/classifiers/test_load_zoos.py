"""timm and torchvision build what a folder names, with the preprocessing that they know for it."""

import pytest
from safetensors.torch import save_file

from classifiers.factory_folder import complete, say
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError


@pytest.fixture
def folder(tmp_path):
    """A classifier of a factory's, complete; tests break or change one thing of it."""
    return complete(tmp_path / "small")


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
