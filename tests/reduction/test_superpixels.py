"""Superpixels lie along the image's edges, cover what is divided, and none of them is a speck."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.regions import squares
from med_cam.reduction.superpixels import steepness, superpixels

SIDE = 64


def noise(seed, height):
    """A little of it everywhere."""
    return np.random.default_rng(seed).normal(0, height, (SIDE, SIDE))


def halves(channels=1):
    """Dark and bright, divided by a slanted line, with a little noise."""
    i, j = np.mgrid[:SIDE, :SIDE]
    bright = (2 * j + i > 1.5 * SIDE).astype(float)
    pixels = torch.tensor(np.clip(0.2 + 0.6 * bright + noise(0, 0.01), 0, 1)).float()
    return pixels.expand(channels, -1, -1), torch.tensor(bright > 0)


def cells(seed, count=9):
    """Areas of different grey, each nearest to one of some random points, and their numbers."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, SIDE, (count, 2))
    i, j = np.mgrid[:SIDE, :SIDE]
    numbers = np.argmin([(i - y) ** 2 + (j - x) ** 2 for y, x in points], axis=0)
    grey = rng.permutation(np.linspace(0.1, 0.9, count))[numbers]
    return torch.tensor(np.clip(grey + noise(seed, 0.01), 0, 1))[None].float(), numbers


def borders(labels):
    """Pixels whose right or lower neighbour has another number."""
    found = np.zeros(labels.shape, bool)
    found[:, :-1] |= labels[:, 1:] != labels[:, :-1]
    found[:-1] |= labels[1:] != labels[:-1]
    return found


def found_of(true, labels):
    """The share of true borders within a pixel of those of the labels."""
    near = scipy.ndimage.binary_dilation(borders(labels), np.ones((3, 3)))
    return near[borders(true)].mean()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 16])
def test_borders_follow_an_edge_of_the_image(channels, side):
    pixels, bright = halves(channels)
    labels = superpixels(pixels, steepness(pixels, side), side)
    shares = [bright[labels == n].float().mean().item() for n in labels.unique().tolist()]
    assert all(min(share, 1 - share) < 0.1 for share in shares)  # on one side of it


def test_a_square_grid_does_not():
    _, bright = halves()
    labels = squares((SIDE, SIDE), 16)
    shares = [bright[labels == n].float().mean().item() for n in labels.unique().tolist()]
    assert any(min(share, 1 - share) > 0.25 for share in shares)


@pytest.mark.parametrize("seed", range(5))
def test_borders_of_planted_areas_are_found(seed):
    pixels, numbers = cells(seed)
    labels = superpixels(pixels, steepness(pixels, 12), 12).numpy()
    assert found_of(numbers, labels) > 0.8
    assert found_of(numbers, squares((SIDE, SIDE), 12).numpy()) < 0.5


def test_an_edge_of_colour_alone_is_followed():
    pixels, bright = halves()
    hue = torch.where(bright, 0.7, 0.3).float()
    pixels = torch.stack([hue, 1.0 - hue, torch.full_like(hue, 0.5)])  # the same mean everywhere
    labels = superpixels(pixels, steepness(pixels, 16), 16)
    shares = [bright[labels == n].float().mean().item() for n in labels.unique().tolist()]
    assert all(min(share, 1 - share) < 0.1 for share in shares)


def test_an_edge_weaker_than_another_is_given_up_first():
    # a thin stripe, too small for a region of its own: flooded from its fainter side
    pixels = torch.full((1, SIDE, SIDE), 0.2)
    pixels[..., 30:33] = 0.3
    pixels[..., 33:] = 0.9
    labels = superpixels(pixels, steepness(pixels, 32), 32)
    left, right = labels[:, :29].unique().tolist(), labels[:, 36:].unique().tolist()
    assert not {*left} & {*right}
    assert {*labels[:, 31].unique().tolist()} <= {*left}


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), side=st.sampled_from([6, 8, 13, 16]), rough=st.booleans())
def test_they_cover_all_are_connected_and_none_is_a_speck(seed, side, rough):
    pixels = torch.rand(1, SIDE, SIDE - 7, generator=torch.Generator().manual_seed(seed))
    pixels = pixels if rough else pixels.cumsum(2) / SIDE
    labels = superpixels(pixels, steepness(pixels, side), side).numpy()
    assert set(np.unique(labels)) == set(range(1, labels.max() + 1))
    for number in np.unique(labels):
        assert scipy.ndimage.label(labels == number)[1] == 1
        assert (labels == number).sum() >= 0.5 * side**2


@pytest.mark.parametrize("side", [6, 8])
def test_parts_of_a_region_lie_within_it_and_cover_it(side):
    pixels, bright = halves()
    i, j = np.mgrid[:SIDE, :SIDE]
    there = torch.tensor((abs(i - SIDE / 2) < 14) & (abs(j - SIDE / 2) < 14))
    parts = superpixels(pixels, steepness(pixels, 16), side, there)
    assert ((parts > 0) == there).all()
    assert 6 <= parts.max() <= 27 * 27 / side**2 * 1.5
    shares = [bright[parts == n].float().mean().item() for n in range(1, int(parts.max()) + 1)]
    assert np.mean([min(share, 1 - share) < 0.15 for share in shares]) > 0.9


def test_a_region_too_small_stays_one():
    there = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    there[20:30, 20:30] = True
    pixels = halves()[0]
    assert superpixels(pixels, steepness(pixels, 16), 12, there).max() == 1
