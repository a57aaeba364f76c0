"""Baselines are what their names say."""

import pytest
import torch

from masking.scenes import fresh, scene
from med_cam.config.baselines import FIXED
from med_cam.masking.samplers import SAMPLERS, baseline
from med_cam.masking.scene import Scene


def test_grey_and_black_are_two_baselines():
    s = scene()
    assert baseline("grey", s, fresh()).eq(0).all()
    assert baseline("black", s, fresh()).eq(-2).all()
    assert baseline("white", s, fresh()).eq(2.5).all()


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_the_same_generator_draws_the_same_baseline(name):
    s = scene()
    first, second = baseline(name, s, fresh(3)), baseline(name, s, fresh(3))
    torch.testing.assert_close(first, second, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"others"}))
def test_fixed_baselines_are_those_that_never_vary(name):
    s = scene()
    first, second = baseline(name, s, fresh(3)), baseline(name, s, fresh(4))
    assert torch.equal(first.nan_to_num(9), second.nan_to_num(9)) == (name in FIXED)


def test_gaussian_is_standard_normal_in_every_channel():
    s = scene(200, 200)
    noise = baseline("gaussian", s, fresh())
    assert noise.mean(dim=(0, 2, 3)).abs().max() < 0.02
    assert (noise.std(dim=(0, 2, 3)) - 1).abs().max() < 0.02
    correlation = torch.corrcoef(noise[0].flatten(1))
    assert (correlation - torch.eye(3)).abs().max() < 0.03


def test_uniform_lies_between_black_and_white():
    noise = baseline("uniform", scene(100, 100), fresh())
    assert noise.min() >= -2
    assert noise.max() <= 2.5
    assert noise.mean() == pytest.approx(0.25, abs=0.05)


def test_shuffled_keeps_every_pixel_and_no_place():
    s = scene()
    mixed = baseline("shuffled", s, fresh())
    rows = {tuple(p) for p in s.x[0].flatten(1).T.tolist()}
    assert {tuple(p) for p in mixed[0].flatten(1).T.tolist()} == rows
    assert mixed.eq(s.x).all(dim=1).float().mean() < 0.05


def test_mean_is_the_images_own_colour():
    s = scene()
    drawn = baseline("mean", s, fresh())
    torch.testing.assert_close(drawn[0, :, 5, 7], s.x.mean(dim=(0, 2, 3)))


def test_blur_keeps_what_is_coarse_and_loses_what_is_fine():
    x = torch.zeros(1, 1, 40, 40)
    x[..., ::2] = 1.0  # fine stripes
    x[..., :20, :] += 4.0  # one coarse step
    s = Scene(x, x.new_ones(1, 1, 40, 40).bool(), x[..., :1, :1], x[..., :1, :1], x[:0])
    drawn = baseline("blur", s, fresh())
    assert (drawn[..., :4, :] - 4.5).abs().max() < 0.3
    assert (drawn[..., -4:, :] - 0.5).abs().max() < 0.3


def test_padding_shows_the_same_on_every_baseline():
    valid = torch.ones(1, 1, 20, 30, dtype=torch.bool)
    valid[..., :4] = False
    s = scene(valid=valid)
    for name in SAMPLERS:
        assert torch.equal(baseline(name, s, fresh())[..., :4], s.x[..., :4])
