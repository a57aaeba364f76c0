"""Masked inputs, shifts and baselines against what their names say."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.baselines import FIXED
from med_cam.masking import SAMPLERS, Scene, baseline, masked_input, shifted


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(h=20, w=30, others=2, valid=None):
    x = torch.rand(1, 3, h, w, generator=fresh()) * 2 - 1
    return Scene(
        x=x,
        valid=torch.ones(1, 1, h, w, dtype=torch.bool) if valid is None else valid,
        black=torch.full((1, 3, 1, 1), -2.0),
        white=torch.full((1, 3, 1, 1), 2.5),
        others=torch.rand(others, 3, h, w, generator=fresh(1)),
    )


def test_a_masked_input_over_grey_is_the_papers_product():
    s, mask = scene(), torch.rand(1, 1, 20, 30)
    e = masked_input(s.x, mask, baseline("grey", s, fresh()))
    torch.testing.assert_close(e, mask * s.x)


def test_a_masked_input_shows_the_image_inside_and_the_baseline_outside():
    s = scene()
    mask = (torch.rand(1, 1, 20, 30) > 0.5).float()
    e = masked_input(s.x, mask, s.others[:1])
    inside = mask.bool().expand_as(e)
    assert torch.equal(e[inside], s.x[inside])
    assert torch.equal(e[~inside], s.others[:1][~inside])


@given(st.integers(-4, 4), st.integers(-4, 4))
@settings(max_examples=30, deadline=None)
def test_a_shift_moves_every_pixel_and_brings_in_zeros(dy, dx):
    mask = (torch.rand(1, 1, 6, 7, generator=fresh()) > 0.4).float()
    moved = shifted(mask, dy, dx)
    for i in range(6):
        for j in range(7):
            inside = 0 <= i - dy < 6 and 0 <= j - dx < 7
            assert moved[0, 0, i, j] == (mask[0, 0, i - dy, j - dx] if inside else 0)


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


def test_what_is_painted_in_goes_on_as_what_is_shown_and_leaves_it_as_it_is():
    s = scene(16, 16)
    x = torch.full_like(s.x, 0.7)
    x[..., 8:] = -0.4
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 6:10, 1:15] = 1.0
    shown = masked_input(x, mask, baseline("inpainted", s, fresh()))
    assert torch.equal(shown * mask, x * mask)
    assert shown[0, 0, 5, 3] > 0.4  # beside the one half
    assert shown[0, 0, 5, 12] < -0.1  # beside the other
    assert -0.1 < shown[0, 0, 0].mean() < 0.4  # far from both: something of both
    assert shown.amin() >= -0.4 - 1e-5
    assert shown.amax() <= 0.7 + 1e-5


def test_nothing_of_what_is_hidden_is_painted_in():
    s = scene(16, 20)
    mask = (torch.rand(1, 1, 16, 20, generator=fresh()) > 0.5).float()
    drawn = baseline("inpainted", s, fresh())
    other = torch.where(mask.bool(), s.x, torch.rand_like(s.x))
    assert torch.equal(masked_input(s.x, mask, drawn), masked_input(other, mask, drawn))
    assert masked_input(s.x, 0 * mask, drawn).eq(0).all()


def test_a_gradient_reaches_the_mask_through_what_is_painted_in():
    s = scene(8, 8)
    mask = torch.full((1, 1, 8, 8), 0.5, requires_grad=True)
    masked_input(s.x, mask, baseline("inpainted", s, fresh())).square().sum().backward()
    assert mask.grad.isfinite().all()
    assert mask.grad.abs().sum() > 0


def test_padding_shows_the_same_on_every_baseline():
    valid = torch.ones(1, 1, 20, 30, dtype=torch.bool)
    valid[..., :4] = False
    s = scene(valid=valid)
    for name in SAMPLERS:
        assert torch.equal(baseline(name, s, fresh())[..., :4], s.x[..., :4])
