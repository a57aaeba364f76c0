"""How alike masks are, against counts of pixels one by one and masks drawn at random."""

from itertools import combinations, product

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.images.overlap import chance_iou, iou, pairwise
from med_cam.pipeline.alternatives import agreement

H, W = 5, 7


def fresh(seed):
    return torch.Generator().manual_seed(seed)


def random_masks(seed, count, share=0.4):
    return [torch.rand(H, W, generator=fresh(seed + 1000 * i)) < share for i in range(count)]


def pixels(mask):
    rows = mask.tolist()
    return {(y, x) for y, x in product(range(H), range(W)) if rows[y][x]}


def plain_iou(a, b):
    union = pixels(a) | pixels(b)
    return len(pixels(a) & pixels(b)) / len(union) if union else 1.0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(2, 5), st.floats(0, 1))
def test_every_figure_is_that_of_pixels_counted_one_by_one(seed, count, share):
    masks = random_masks(seed, count, share)
    found = agreement(masks, range(7, 7 + count), verified=1)
    pairs = list(combinations(masks, 2))
    assert found.seeds == tuple(range(7, 7 + count))
    assert found.verified == 1
    assert found.areas == pytest.approx([len(pixels(m)) / (H * W) for m in masks])
    assert found.iou == pytest.approx(sum(plain_iou(a, b) for a, b in pairs) / len(pairs))
    held = [[sum(m[y, x].item() for m in masks) for x in range(W)] for y in range(H)]
    assert found.shares.flatten().tolist() == pytest.approx(
        [n / count for row in held for n in row]
    )
    assert pairwise(masks) == pytest.approx([plain_iou(a, b) for a, b in pairs])


def test_the_same_mask_twice_agrees_fully_and_disjoint_ones_not_at_all():
    (mask,) = random_masks(3, 1)
    assert iou(mask, mask) == 1.0
    assert iou(mask, ~mask) == 0.0
    assert agreement([mask, mask], (0, 1), verified=2).iou == 1.0
    assert agreement([mask, ~mask], (0, 1), verified=2).iou == 0.0


def test_empty_masks_agree_with_each_other_and_with_nothing_else():
    none, some = torch.zeros(H, W, dtype=torch.bool), torch.ones(H, W, dtype=torch.bool)
    assert iou(none, none) == 1.0
    assert iou(none, some) == 0.0
    assert chance_iou(0.0, 0.0) == 1.0


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.3, 0.6), (0.9, 0.5), (1.0, 0.25), (0.0, 0.4)])
def test_chance_is_what_masks_drawn_at_random_have(a, b):
    drawn = torch.rand(2, 100, 50, 50, generator=fresh(1))
    one, other = drawn[0] < a, drawn[1] < b
    found = (one & other).sum() / (one | other).sum()
    assert chance_iou(a, b) == pytest.approx(found.item(), abs=0.01)
    assert chance_iou(a, b) == chance_iou(b, a)


def test_chance_of_several_masks_is_the_mean_over_their_pairs():
    masks = [torch.zeros(10, 10, dtype=torch.bool) for _ in range(3)]
    for mask, rows in zip(masks, (2, 5, 10), strict=True):
        mask[:rows] = True
    expected = [0.1 / 0.6, 0.2 / 1.0, 0.5 / 1.0]  # areas 0.2, 0.5 and 1, overlap their product
    assert agreement(masks, (0, 1, 2), verified=3).chance == pytest.approx(sum(expected) / 3)
