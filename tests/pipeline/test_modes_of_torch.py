"""explain() gives the same result whatever modes of torch are on around the call."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import torch

from cli.corner import NET, QUICK, TOML
from med_cam.case.references import prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.load import load_classifier
from med_cam.config.presets import PRESETS
from med_cam.config.toml import config_from_toml
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.from_array import image_from_array
from med_cam.pipeline.explain import explain
from planted import CASES


@contextmanager
def switched(switch, value, back):
    switch(value)
    try:
        yield
    finally:
        switch(back)


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "grad disabled globally": lambda: switched(torch.set_grad_enabled, False, True),  # noqa: TID251  users do
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "default device": lambda: switched(torch.set_default_device, "meta", None),  # noqa: TID251
    "device as a with": lambda: torch.device("meta"),
    "deterministic": lambda: switched(torch.use_deterministic_algorithms, True, False),
}


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    """The folder of a tiny classifier that looks at one corner, and quick settings."""
    folder = tmp_path_factory.mktemp("corner")
    (folder / "net.py").write_text(NET)
    (folder / "classifier.toml").write_text(TOML + 'weights = "random"\n')
    (folder / "quick.toml").write_text(QUICK)
    return folder


def everything(corner):
    """A whole session: classifier, image, reference images, explanation."""
    classifier = load_classifier(corner, device="cpu")
    with torch.inference_mode(mode=False), torch.no_grad():
        classifier.module.get_parameter("conv.weight").fill_(0.3)
    noise = np.random.default_rng(0)
    dark = [image_from_array(noise.random((24, 24, 3)) * 0.1) for _ in range(3)]
    pixels = noise.random((30, 40, 3)) * 0.2
    pixels[:15, :20] = 0.9
    references = prepare_references(classifier, dark)
    settings = config_from_toml(corner / "quick.toml", PRESETS["default"])
    few = replace(settings.certification, patch=0, pool=0, reinsertion_trials=4)
    few = replace(settings, certification=replace(few, deletion_samples=1))
    found = explain(classifier, image_from_array(pixels), config=few, references=references)
    return found.mask, found.claim.p_image, found.area, references.probabilities


@pytest.fixture(scope="module")
def ordinary(corner):
    return everything(corner)


@pytest.mark.parametrize("mode", MODES)
def test_the_mode_around_the_call_changes_nothing(corner, ordinary, mode):
    mask, *numbers, p = ordinary
    with MODES[mode]():
        state = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        device, casting = torch.get_default_device(), torch.is_autocast_enabled("cpu")
        other_mask, *other_numbers, other_p = everything(corner)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == state
        assert (torch.get_default_device(), torch.is_autocast_enabled("cpu")) == (device, casting)
    assert torch.equal(mask, other_mask)
    assert numbers == other_numbers
    assert torch.equal(p, other_p)


def test_another_default_precision_is_refused_in_one_sentence():
    case = CASES["bright patch, convolutional"]
    image = case.plant((24, 24), torch.Generator().manual_seed(0)).image
    with (
        switched(torch.set_default_dtype, torch.float64, torch.float32),  # noqa: TID251
        pytest.raises(ConfigError, match=r"is torch\.float64.*set_default_dtype"),
    ):
        explain(case.classifier, image)


def test_weights_made_in_inference_mode_are_refused_in_one_sentence():
    with torch.inference_mode():
        module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
    classifier = Classifier(module, ("a", "b"), (4, 4))
    image = image_from_array(np.zeros((4, 4)))
    with pytest.raises(ClassifierError, match=r"torch\.inference_mode\(\).*outside of it"):
        explain(classifier, image)
