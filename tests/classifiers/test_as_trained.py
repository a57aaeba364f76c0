"""Blue first and standardisation image by image: what comes in at the module's door."""

import pytest
import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.colours import ASSUMED, DECLARED
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.standardised import standardised
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.image import Image

SIDE = 6
NET = """
from torch import nn
def net():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
"""


class Recording(nn.Module):
    """Keeps what comes in at its door."""

    def forward(self, x):
        self.seen = x
        return x.mean(dim=(2, 3))[:, :2]


def picture():
    return torch.rand(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def classifier(**fields):
    return Classifier(Recording(), ("a", "b"), (SIDE, SIDE), **fields)


def at_the_door(it, pixels):
    with hooks_attached(it) as forward:
        forward(it.prepare(Image(pixels)))
    return it.module.seen[0]


@pytest.mark.parametrize(
    ("mean", "std", "white", "source"),
    [
        ((0.4, 0.5, 0.6), (0.2, 0.25, 0.3), 1.0, DECLARED),
        ((103.9, 116.8, 123.7), (60.0, 61.0, 62.0), 255.0, DECLARED),
        ((103.9, 116.8, 123.7), (1.0, 1.0, 1.0), 255.0, ASSUMED),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 1.0, ASSUMED),
    ],
)
def test_blue_enters_first_with_the_first_mean(mean, std, white, source):
    pixels = picture()
    it = classifier(mean=mean, std=std, value_range=white, channel_order="bgr")
    by_hand = [
        (pixels[2 - k] * white - mean[k]) / std[k]
        for k in range(3)  # blue, green, red
    ]
    torch.testing.assert_close(at_the_door(it, pixels), torch.stack(by_hand), atol=1e-4, rtol=1e-4)
    x = it.prepare(Image(pixels))
    torch.testing.assert_close(it.pixels_of(x)[0], pixels)  # red first, as it is shown
    assert it.painted.source == source
    if source == DECLARED:
        assert it.painted.grey == tuple(m / white for m in mean[::-1])


@pytest.mark.parametrize(("standardise", "axes"), [("image", (0, 1, 2)), ("channel", (1, 2))])
def test_each_input_has_mean_0_and_deviation_1_at_the_door(standardise, axes):
    pixels = picture() * torch.tensor([0.75, 0.85, 1.0]).view(3, 1, 1)
    it = classifier(standardise=standardise, value_range=255.0)  # of no effect but on plain ones
    seen = at_the_door(it, pixels)
    by_hand = (pixels - pixels.mean(axes, keepdim=True)) / pixels.std(
        axes, keepdim=True, correction=0
    )
    torch.testing.assert_close(seen, by_hand, atol=1e-4, rtol=1e-4)
    assert (it.painted.source, it.painted.grey) == (ASSUMED, (0.5,) * 3)


def test_inputs_of_a_batch_are_standardised_apart_and_one_colour_becomes_zero():
    x = torch.stack([picture(), torch.full((3, SIDE, SIDE), 0.7)])
    together = standardised(x, of_each_channel=False)
    torch.testing.assert_close(together[:1], standardised(x[:1], of_each_channel=False))
    torch.testing.assert_close(together[1], torch.zeros(3, SIDE, SIDE), atol=1e-5, rtol=0)


@pytest.mark.parametrize("of_each_channel", [True, False])
def test_the_gradient_goes_through_the_standardisation(of_each_channel):
    x = picture().double()[None].requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: standardised(x, of_each_channel=of_each_channel), (x,)
    )


def test_blue_first_needs_three_channels():
    with pytest.raises(ClassifierError, match="channel_order belongs to classifiers of 3 channel"):
        classifier(channels=1, mean=(0.5,), std=(0.25,), channel_order="bgr")


def said(folder, text):
    (folder / "net.py").write_text(NET)
    (folder / "classifier.toml").write_text(
        f'architecture = "factory:net:net"\nweights = "own"\ninput_size = 8\n{text}'
    )
    return folder


def test_a_description_says_how_images_were_brought_in(tmp_path, caplog):
    text = """
        antialias = false
        channel_order = "bgr"
        standardise = "image"
        baseline_mean = [0.2, 0.3, 0.4]
        baseline_std = 0.25
    """
    it = load_classifier(said(tmp_path, text), device="cpu")
    assert (it.antialias, it.channel_order, it.standardise) == (False, "bgr", "image")
    assert it.painted.grey == (0.4, 0.3, 0.2)
    assert not it.geometry(Image(picture())).antialias
    assert "ImageNet" not in caplog.text  # mean and std are not guessed: they are not used


def test_mean_and_standardisation_of_each_image_contradict_each_other(tmp_path):
    text = "mean = 0.5\nstd = 0.25\nstandardise = 'channel'"
    with pytest.raises(ConfigError, match="mean and std are not used where standardise"):
        load_classifier(said(tmp_path, text), device="cpu")
