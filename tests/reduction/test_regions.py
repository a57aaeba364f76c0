"""Scores are pooled over regions, and the highest make whole masks."""

import pytest
import torch
from hypothesis import example, given, settings, strategies as st

from med_cam.reduction.regions import divided, highest, pooled, squares, within

SIDE = 64


def test_a_square_grid_is_made_where_there_are_no_edges():
    for value in (0.0, 0.4):
        labels = divided(torch.full((1, SIDE, SIDE), value), 16)
        assert torch.equal(labels, squares((SIDE, SIDE), 16))


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
@example(share=0.49999999999999994, more=0.0, seed=0)  # a pixel less than half, but for rounding
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
    inside = highest(means, regions, share, whole=False)
    assert not (inside & ~mask).any()
    count = min(max(int(share * 16), 1), 15)  # no more than the share, and at least one
    assert inside.float().mean().item() == pytest.approx(count / 16)
    lowest = min(means[regions == unit].max() for unit in units)
    assert all(means[regions == n].max() <= lowest for n in set(range(1, 17)) - units if n != 1)
