"""The network that draws the scores: its sizes, its start, where its weights come from."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.config.presets import preset
from med_cam.search.unet import UNet

PAPER = (32, 64, 128, 256, 512)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def unet(widths=(4, 8), *, channels=3, seed=0, transposed=False):
    return UNet(channels, widths, generator(seed), transposed=transposed)


SIDES = st.integers(8, 33)


@given(SIDES, SIDES, st.integers(1, 4), st.booleans(), st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_there_is_one_score_a_pixel_at_any_size(h, w, levels, transposed, channels):
    net = unet((2, 4, 4, 8)[:levels], channels=channels, transposed=transposed)
    nn.init.ones_(net.exit.weight)
    x = torch.rand(2, channels, h, w, generator=generator(1))
    scores = net(x)
    assert scores.shape == (2, 1, h, w)
    assert torch.isfinite(scores).all()
    assert scores.std() > 0


@pytest.mark.parametrize("transposed", [False, True])
def test_no_place_is_favoured_before_the_first_step(transposed):
    x = torch.randn(1, 3, 17, 22, generator=generator(1))
    assert unet((8, 16, 32), transposed=transposed)(x).eq(0).all()


def test_every_weight_learns_once_the_exit_has_moved():
    net = unet((8, 16))
    nn.init.normal_(net.exit.weight, generator=generator(3))
    x = torch.randn(1, 3, 16, 16, generator=generator(1))
    net(x).square().sum().backward()
    still = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_the_exit_learns_in_the_first_step():
    net = unet((8, 16))
    x = torch.randn(1, 3, 16, 16, generator=generator(1))
    (net(x) * torch.randn(1, 1, 16, 16, generator=generator(2))).sum().backward()
    assert net.exit.weight.grad.abs().max() > 0


@pytest.mark.parametrize("transposed", [False, True])
def test_weights_come_from_the_generator_alone(transposed):
    first = unet(seed=3, transposed=transposed).state_dict()
    torch.rand(3)  # whatever the global generator has been used for
    again = unet(seed=3, transposed=transposed).state_dict()
    other = unet(seed=4, transposed=transposed).state_dict()
    assert all(torch.equal(first[k], again[k]) for k in first)
    drawn = [k for k in first if first[k].ndim > 1 and not k.startswith("exit")]
    assert drawn
    assert not any(torch.equal(first[k], other[k]) for k in drawn)


def test_the_global_generator_is_left_as_it_was():
    before = torch.get_rng_state()
    unet(transposed=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_papers_widths_are_the_papers_network():
    net = unet(preset("paper-histology").search.widths, transposed=True)
    convolutions = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    down = [m.out_channels for block in net.down for m in block if isinstance(m, nn.Conv2d)]
    assert down == [w for w in PAPER for _ in range(2)]  # two a level, 512 in the bottleneck
    rising = [m for m in net.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [m.out_channels for m in rising] == [256, 128, 64, 32]
    assert len(convolutions) == 2 * 5 + 2 * 4 + 1
    assert 7e6 < sum(p.numel() for p in net.parameters()) < 9e6  # a U-Net of these widths: 7.8 M


def test_ours_is_light():
    net = unet(preset("default").search.widths)
    weights = sum(p.numel() for p in net.parameters())
    assert weights < sum(p.numel() for p in unet(PAPER, transposed=True).parameters()) / 50
    assert not any(isinstance(m, nn.ConvTranspose2d) for m in net.modules())  # no comb
