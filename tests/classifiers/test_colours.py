"""Grey and Gaussian noise are colours of pixels, wherever the normalisation is."""

import numpy as np
import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.case.references import painted_from, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.colours import ASSUMED, DECLARED, REFERENCES, Colours, fault_of
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.image import Image
from med_cam.masking.samplers import SAMPLERS

SIDE = 12


class Recording(nn.Module):
    """Keeps what comes in at its door."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return x.mean(dim=(2, 3))[:, :2]


def classifier(mean, std, white=1.0, **fields):
    return Classifier(
        Recording(),
        ("a", "b"),
        (SIDE, SIDE),
        mean=(mean,) * 3,
        std=(std,) * 3,
        value_range=white,
        **fields,
    )


def picture(seed, low=0.2, high=0.5):
    values = np.random.default_rng(seed).uniform(low, high, (3, SIDE, SIDE))
    return Image(torch.from_numpy(values).float())


def drawn(found, name, image, references=None):
    """A baseline as the module gets it, after the image itself."""
    found, references = painted_from(found, references)
    with hooks_attached(found) as forward:
        case = observed(forward, found, image, Config(), references=references)
        sample = SAMPLERS[name](case.scene, torch.Generator().manual_seed(3))
        forward(sample)
    return found.module.seen[0], found.module.seen[-1]


DOORS = {  # what a network takes: mean, std, white, and pixels in [0, 1] from what it takes
    "bytes": (0.0, 1.0, 255.0, lambda x: x / 255),
    "shares": (0.0, 1.0, 1.0, lambda x: x),
    "TorchXRayVision": (1024.0, 1.0, 2048.0, lambda x: (x + 1024) / 2048),
}


@pytest.mark.parametrize("door", DOORS)
def test_normalisation_inside_gets_the_baselines_of_the_same_network_normalised_outside(door):
    """Mean and std of the pictures are what a description would say."""
    mean, std, white, pixels = DOORS[door]
    pictures = [picture(seed) for seed in range(8)]
    stack = np.stack([p.pixels.numpy() for p in pictures]).astype(np.float64)
    average = stack.mean(axis=(0, 2, 3))[:, None, None]
    spread = stack.std(axis=(0, 2, 3))[:, None, None]
    inside = classifier(mean, std, white)
    references = prepare_references(inside, pictures)
    noise = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    for name, expected in (("grey", average), ("gaussian", average + spread * noise.numpy())):
        whole, found = drawn(classifier(mean, std, white), name, pictures[0], references)
        np.testing.assert_allclose(pixels(whole), pictures[0].pixels[None], atol=1e-6)
        np.testing.assert_allclose(
            pixels(found), np.broadcast_to(expected, found.shape), atol=1e-3
        )


@pytest.mark.parametrize("door", DOORS)
def test_without_pictures_grey_is_half_way_and_noise_a_quarter(door):
    mean, std, white, pixels = DOORS[door]
    noise = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    _, grey = drawn(classifier(mean, std, white), "grey", picture(0))
    _, gaussian = drawn(classifier(mean, std, white), "gaussian", picture(0))
    torch.testing.assert_close(pixels(grey), torch.full_like(grey, 0.5))
    torch.testing.assert_close(pixels(gaussian), 0.5 + 0.25 * noise, atol=1e-5, rtol=1e-5)
    assert classifier(mean, std, white).painted.source == ASSUMED


@pytest.mark.parametrize(("mean", "std", "white"), [(0.5, 0.25, 1.0), (120.0, 60.0, 255.0)])
def test_a_declared_standardisation_is_taken_bit_by_bit_and_references_change_nothing(
    mean, std, white
):
    image = picture(0)
    references = prepare_references(classifier(mean, std, white), [picture(1), picture(2)])
    whole, found = drawn(classifier(mean, std, white), "gaussian", image, references)
    noise = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    assert torch.equal(found, noise)
    assert torch.equal(whole, (image.pixels[None] * white - mean) / std)
    assert classifier(mean, std, white).painted.source == DECLARED


@pytest.mark.parametrize(
    ("grey", "spread", "said"),
    [
        (0.0, 0.25, "black"),
        (0.019, 0.25, "black"),
        (0.981, 0.25, "white"),
        (-0.5, 0.25, "beyond"),
        (0.5, 9.9 / 255, "standard deviation of 9.9 of 255"),
        (0.5, 1.01, "standard deviation"),
        (0.5, 10.1 / 255, ""),
        (0.021, 1.0, ""),
    ],
)
def test_what_hides_nothing_is_told_by_its_number(grey, spread, said):
    found = fault_of((grey,) * 3, (spread,) * 3)
    assert said in found if said else found == ""
    if said:
        with pytest.raises(ClassifierError, match="hides nothing"):
            classifier(0.5, 0.25, colours=Colours((grey,) * 3, (spread,) * 3, "a test"))


def test_pictures_that_are_nearly_black_or_all_alike_give_no_colours():
    for low, high in ((0.0, 0.03), (0.4, 0.45)):
        found = classifier(0.0, 1.0)
        references = prepare_references(found, [picture(s, low, high) for s in range(3)])
        assert painted_from(found, references)[0].painted.source == ASSUMED


def test_painting_twice_is_painting_once():
    first, references = painted_from(
        classifier(0.0, 1.0), prepare_references(classifier(0.0, 1.0), [picture(1), picture(2)])
    )
    second, again = painted_from(first, references)
    assert first.painted.source == REFERENCES
    assert second is first
    assert again is references


@pytest.mark.parametrize(
    ("name", "level"),
    [("grey", 0.5), ("mean", 0.3), ("blur", 0.3), ("black", 0.0), ("white", 1.0)],
)
def test_a_baseline_that_is_the_image_itself_is_refused(name, level):
    image = Image(torch.full((3, SIDE, SIDE), level))
    found = classifier(0.5, 0.25)
    config = relative_to(Config(), (name, "gaussian"))
    with (
        hooks_attached(found) as forward,
        pytest.raises(ConfigError, match=f"'{name}' is this image itself"),
    ):
        observed(forward, found, image, config)


def test_what_an_operator_of_conversion_is_compared_on_is_what_the_module_gets():
    """A converted graph is compared with onnxruntime on its own input, not on ours."""
    checked = []
    found = classifier(0.0, 1.0, 255.0, check=checked.append)
    with hooks_attached(found) as forward:
        observed(forward, found, picture(0), Config())
    torch.testing.assert_close(checked[0], found.module.seen[0])
