"""A classifier is what its fields say."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from classifiers.small_net import Small, classifier, grey
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.hooks import device_of
from med_cam.errors import ClassifierError
from med_cam.images.image import Image

# -- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"input_size": (0, 8)}, "input_size"),
        ({"std": (1e-300,) * 3}, "std must be .* got .1e-300"),  # "nan -> nan", status 0
        ({"value_range": 1e300}, "value_range must be a number, 0.01 to 10000000"),
        ({"crop_share": 1e-9}, "crop_share must be a number, 0.1 to 1"),
        ({"input_size": (8, 10**9)}, "each a whole number, 1 to 4096"),
        ({"channels": 4}, "channels must be 1 or 3, got 4"),
        ({"mean": (0.5,)}, "mean must be 3"),
        ({"std": (0.5, 0.5)}, "std must be 3"),
        ({"mean": (0.5, 0.5, math.nan)}, "mean must be a list of finite numbers"),
        ({"std": (0.5, 0.0, 0.5)}, "std must be .*0.0001 to 1000000"),
        ({"value_range": 0.0}, "value_range"),
        ({"value_range": math.inf}, "value_range"),
        ({"crop_share": 1.5}, "crop_share"),
        ({"rule": "stretch"}, "squash, crop, pad, got 'stretch'"),
        ({"interpolation": "lanczos"}, "interpolation"),
        ({"head": "argmax"}, "head must be one of softmax, sigmoid"),
        ({"labels": ("a",)}, "1 labels"),
        ({"labels": ("a", "a")}, "labels must differ"),
        ({"labels": ("a", " ")}, "labels must differ and not be empty"),
        ({"thresholds": (0.5, 0.5)}, "thresholds belong to sigmoid"),
        ({"head": "sigmoid", "thresholds": (0.5,)}, "thresholds must be 2"),
        ({"head": "sigmoid", "thresholds": (0.5, 1.0)}, "each a number, 0.000001 to 0.999999"),
        ({"hooked_layers": ("cnov",)}, "no layer 'cnov'.*nearest name is 'conv'"),
    ],
)
def test_fields_that_cannot_be_meant_are_refused(fields, words):
    fields = {"module": Small(), "labels": ("a", "b"), "input_size": (8, 8)} | fields
    with pytest.raises(ClassifierError, match=words):
        Classifier(**fields)


def test_sigmoid_heads_decide_at_a_half_unless_set():
    assert classifier(head="sigmoid").thresholds == (0.5, 0.5)
    assert classifier(head="sigmoid", thresholds=(0.2, 0.9)).thresholds == (0.2, 0.9)
    assert classifier().thresholds == ()


# -- pixels ---------------------------------------------------------------------------------------


@given(pixel=st.floats(0, 1), white=st.sampled_from([1.0, 255.0]), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_normalised_pixels_are_scaled_shifted_and_divided_channel_by_channel(pixel, white, seed):
    draw = torch.Generator().manual_seed(seed)
    mean = tuple((white * torch.rand(3, generator=draw)).tolist())
    std = tuple((white * (0.1 + torch.rand(3, generator=draw))).tolist())
    it = classifier(mean=mean, std=std, value_range=white)
    out = it.at_the_door(it.prepare(grey(pixel)))
    black = it.at_the_door(it.black())
    for c in range(3):
        expected = (pixel * white - mean[c]) / std[c]
        assert out[0, c, 3, 5].item() == pytest.approx(expected, abs=2e-4)
        assert black[0, c, 0, 0].item() == pytest.approx(-mean[c] / std[c], abs=1e-4)


def test_padding_is_black_and_not_the_mean():
    it = classifier(rule="pad")
    frame = it.prepare(grey(1.0, size=(4, 8)))
    white = it.normalise(torch.ones(1, 3, 1, 1))
    torch.testing.assert_close(frame[:, :, :1], it.black().expand(1, 3, 1, 8))
    torch.testing.assert_close(frame[:, :, 3:5], white.expand(1, 3, 2, 8))


def test_grey_images_fit_colour_classifiers_and_the_other_way_round():
    three = classifier(mean=(0.0,) * 3, std=(1.0,) * 3)
    frame = three.at_the_door(three.prepare(grey(0.25, channels=1)))
    torch.testing.assert_close(frame, torch.full((1, 3, 8, 8), 0.25))
    one = Classifier(nn.Conv2d(1, 2, 8), ("a", "b"), (8, 8), channels=1, mean=(0.0,), std=(1.0,))
    colour = torch.tensor([1.0, 0.5, 0.25]).view(3, 1, 1).expand(3, 8, 8)
    luma = one.at_the_door(one.prepare(Image(colour)))
    assert luma[0, 0, 0, 0].item() == pytest.approx(0.299 + 0.587 * 0.5 + 0.114 * 0.25)
    white = one.at_the_door(one.prepare(grey(1.0)))
    torch.testing.assert_close(white, torch.ones(1, 1, 8, 8))


def test_the_source_geometry_is_the_images_own():
    geometry = classifier(rule="crop", crop_share=0.875).geometry(grey(0.5, size=(20, 30)))
    assert (geometry.source, geometry.input, geometry.rule) == ((20, 30), (8, 8), "crop")
    assert geometry.crop_share == 0.875


# -- devices --------------------------------------------------------------------------------------


def test_a_module_without_weights_is_on_the_cpu():
    assert device_of(nn.Flatten()) == torch.device("cpu")
    assert classifier().device == torch.device("cpu")
