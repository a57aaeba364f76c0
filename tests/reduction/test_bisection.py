"""The bisection against judges whose threshold is known."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.masking.masks import keep_most
from med_cam.reduction.bisection import passing, smallest_passing

SIDE = 64
PIXELS = SIDE * SIDE


def scores(seed=0):
    """Every pixel has a rank of its own."""
    order = torch.randperm(PIXELS, generator=torch.Generator().manual_seed(seed))
    return order.float().view(1, 1, SIDE, SIDE)


def origin(mask):
    """Which of the first three maps a mask was cut from: it holds the hundredth it ranks first."""
    tops = [keep_most(scores(seed), 0.01) for seed in range(3)]
    (found,) = [i for i, top in enumerate(tops) if not (top & ~mask).any()]
    return found


@given(st.floats(0.011, 0.99), st.integers(4, 12))
@settings(max_examples=60, deadline=None)
def test_bisection_finds_the_frontier_within_its_resolution(threshold, rounds):
    tried = []

    def passes(mask):
        tried.append(mask.float().mean().item())
        return tried[-1] >= threshold

    index, share = smallest_passing(scores(), passes, smallest=0.01, rounds=rounds)
    assert index == 0
    assert len(tried) == rounds
    step = 100 ** (1 / 2**rounds)  # of the ratio between the bounds, 0.01 and 1
    quantum = 0.5 / PIXELS
    if share is None:
        assert threshold > 1 / step - quantum  # nothing below the whole was left to try
    else:
        assert threshold - quantum <= share <= (threshold + quantum) * step
        passed = keep_most(scores(), share)
        assert passed.float().mean().item() >= threshold


def test_the_map_that_passes_with_the_smallest_mask_wins():
    wanted = [0.5, 0.1, 0.3]
    maps = torch.cat([scores(seed) for seed in range(3)])

    def passes(mask):
        return mask.float().mean().item() >= wanted[origin(mask)]

    index, share = smallest_passing(maps, passes, smallest=0.01, rounds=8)
    assert index == 1
    assert share == pytest.approx(0.1, rel=0.02)


def test_the_map_that_passed_last_is_asked_first():
    maps = torch.cat([scores(seed) for seed in range(3)])
    asked = []

    def passes(mask):
        asked.append(origin(mask))
        return asked[-1] == 2

    index, share = smallest_passing(maps, passes, smallest=0.01, rounds=3)
    assert asked[:4] == [0, 1, 2, 2]
    assert index == 2
    assert share is not None


def test_a_map_that_failed_at_a_share_is_not_asked_at_smaller_ones():
    maps = torch.cat([scores(seed) for seed in range(3)])
    wanted, asked = (0.9, 0.02, 0.05), []

    def passes(mask):
        asked.append(origin(mask))
        return mask.float().mean().item() >= wanted[asked[-1]]

    index, _ = smallest_passing(maps, passes, smallest=0.01, rounds=6)
    assert index == 1
    assert asked[:2] == [0, 1]
    assert 0 not in asked[1:]
    assert 2 in asked  # untried until the map before it fails


@given(st.integers(0, 2**30), st.integers(1, 7))
@settings(max_examples=60, deadline=None)
def test_all_that_passed_on_the_way_are_told_the_smallest_first(seed, rounds):
    """Of a judge without any order: what is told has passed, and nothing else that was asked."""
    maps, coin = torch.cat([scores(0), scores(1)]), torch.Generator().manual_seed(seed)
    kept = []

    def passes(mask):
        lucky = bool(torch.rand((), generator=coin) < 0.4)
        kept.extend([mask] if lucky else [])
        return lucky

    found = passing(maps, passes, smallest=0.01, rounds=rounds)
    shares = [share for _, share in found]
    assert shares == sorted(shares)
    masks = [keep_most(maps[index : index + 1], share) for index, share in found]
    assert len(masks) == len(kept)
    for told, mask in zip(masks, reversed(kept), strict=True):
        assert torch.equal(told, mask)


def test_where_nothing_passes_there_is_no_share():
    maps = torch.cat([scores(0), scores(1)])
    assert smallest_passing(maps, lambda _: False, smallest=0.01, rounds=6) == (0, None)


def test_where_everything_passes_the_smallest_tried_is_near_the_bound():
    _, share = smallest_passing(scores(), lambda _: True, smallest=0.02, rounds=6)
    assert share is not None
    assert 0.02 < share <= 0.02 * 50 ** (1 / 64) * 1.0001


def test_what_is_returned_has_passed_even_where_passing_is_not_monotone():
    shares = []

    def passes(mask):
        share = mask.float().mean().item()
        if 0.05 < share < 0.15 or share > 0.6:
            shares.append(share)
            return True
        return False

    _, share = smallest_passing(scores(), passes, smallest=0.01, rounds=10)
    assert keep_most(scores(), share).float().mean().item() == shares[-1]


@given(st.floats(0.0, 1.0), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_the_kept_share_is_exact_to_half_a_pixel(share, seed):
    mask = keep_most(scores(seed), share)
    count = int(mask.sum())
    assert abs(count - share * PIXELS) <= 0.5 or count == 1
    assert count >= 1
    kept, left = scores(seed)[mask], scores(seed)[~mask]
    assert len(left) == 0 or kept.min() > left.max()


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_masks_of_one_map_are_nested_even_where_scores_are_equal(first, second):
    tied = (scores() / 100).floor()
    small, large = (keep_most(tied, share) for share in sorted((first, second)))
    assert not (small & ~large).any()
    assert int(small.sum()) == max(1, round(min(first, second) * PIXELS))


def test_bisection_halves_the_ratio_not_the_difference():
    tried = []

    def passes(mask):
        tried.append(mask.float().mean().item())
        return True

    smallest_passing(scores(), passes, smallest=0.01, rounds=3)
    assert tried == pytest.approx([0.1, 0.1**1.5, 0.1**1.75], abs=0.5 / PIXELS)
