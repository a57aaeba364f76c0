"""Regions follow the image's edges, partition what is open, and make masks without specks."""

import numpy as np
import pytest
import scipy.ndimage
import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.regions import highest, pooled, squares, superpixels, within

SIDE = 64


def halves(channels=1):
    """Dark and bright, divided by a slanted line, with a little noise."""
    i, j = np.mgrid[:SIDE, :SIDE]
    bright = (2 * j + i > 1.5 * SIDE).astype(float)
    noise = np.random.default_rng(0).normal(0, 0.01, (SIDE, SIDE))
    pixels = torch.tensor(np.clip(0.2 + 0.6 * bright + noise, 0, 1)).float()
    return pixels.expand(channels, -1, -1), torch.tensor(bright > 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 16])
def test_borders_follow_an_edge_of_the_image(channels, side):
    pixels, bright = halves(channels)
    labels = superpixels(pixels, side)
    shares = [bright[labels == n].float().mean().item() for n in labels.unique().tolist()]
    assert all(min(share, 1 - share) < 0.1 for share in shares)  # on one side of it


def test_a_square_grid_does_not():
    _, bright = halves()
    labels = squares((SIDE, SIDE), 16)
    shares = [bright[labels == n].float().mean().item() for n in labels.unique().tolist()]
    assert any(min(share, 1 - share) > 0.25 for share in shares)


@pytest.mark.parametrize("side", [8, 16])
def test_regions_are_connected_and_none_is_a_speck(side):
    labels = superpixels(halves()[0], side).numpy()
    assert labels.min() == 1
    for number in np.unique(labels):
        assert scipy.ndimage.label(labels == number)[1] == 1
        assert (labels == number).sum() >= 0.5 * side**2 * 0.9


@pytest.mark.parametrize("value", [0.0, 0.4])
def test_an_image_without_edges_is_divided_all_the_same(value):
    labels = superpixels(torch.full((1, SIDE, SIDE), value), 16)
    assert labels.unique().numel() == 16


def test_scores_are_pooled_over_regions():
    regions = squares((8, 8), 4)[None, None]
    scores = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    means = pooled(scores, regions)
    for number in (1, 2, 3, 4):
        inside = regions == number
        assert torch.allclose(means[inside], scores[inside].mean())


def test_outside_of_all_regions_scores_are_below_all_others():
    regions = squares((8, 8), 4)[None, None].clone()
    regions[regions == 1] = 0
    means = pooled(torch.rand(1, 1, 8, 8), regions)
    assert means[regions == 0].max() < means[regions > 0].min()


@given(share=st.floats(0.01, 0.99), more=st.floats(0, 0.5), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_masks_of_the_highest_regions_are_whole_nested_and_as_large_as_asked_for(
    share, more, seed
):
    regions = squares((32, 32), 8)[None, None].clone()
    regions[..., :8, :8] = 0  # closed
    scores = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(seed))
    means = pooled(scores, regions)
    mask, larger = (highest(means, regions, s) for s in (share, min(1.0, share + more)))
    assert not (mask & ~larger).any()
    assert not mask[regions == 0].any()
    units = within(mask, regions)
    assert mask.sum() == sum((regions == unit).sum() for unit in units)  # whole
    area = mask.float().mean().item()
    assert area >= min(share, 15 / 16) - 1e-6
    assert area - 1 / 16 < share
    lowest = min(means[regions == unit].max() for unit in units)
    assert all(means[regions == n].max() <= lowest for n in set(range(1, 17)) - units if n != 1)
