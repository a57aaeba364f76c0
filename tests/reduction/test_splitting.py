"""Regions are split within themselves, and specks and holes are counted."""

import numpy as np
import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.splitting import flaws, split_region

SIDE = 48


def image():
    """Dark and bright, divided by a slanted line, and a region that it runs through."""
    i, j = np.mgrid[:SIDE, :SIDE]
    bright = 2 * j + i > 1.5 * SIDE
    noise = np.random.default_rng(0).normal(0, 0.01, (SIDE, SIDE))
    grey = np.clip(0.2 + 0.6 * bright + noise, 0, 1)
    there = (abs(i - SIDE / 2) < 14) & (abs(j - SIDE / 2) < 14)
    return np.repeat(grey[..., None], 3, axis=2), there, bright


def test_parts_lie_within_the_region_and_cover_it():
    pixels, there, _ = image()
    parts = split_region(pixels, there, 8).numpy()
    assert ((parts > 0) == there).all()
    assert set(np.unique(parts[there])) == set(range(1, parts.max() + 1))
    assert 6 <= parts.max() <= 20  # about 27 x 27 / 8 x 8


def test_parts_follow_the_edge_that_runs_through_the_region():
    pixels, there, bright = image()
    parts = split_region(pixels, there, 8).numpy()
    shares = np.array([bright[parts == n].mean() for n in range(1, parts.max() + 1)])
    assert (np.minimum(shares, 1 - shares) < 0.15).mean() > 0.9


def test_a_region_too_small_or_of_one_colour_stays_one():
    pixels, there, _ = image()
    assert split_region(pixels, there, 27).max() == 1
    assert split_region(np.full_like(pixels, 0.3), there, 8).max() == 1


def sizes_of(grid, *, corners):
    """Sizes of the connected parts of a grid, and whether each meets the rim; plain."""
    h, w = len(grid), len(grid[0])
    todo = {(i, j) for i in range(h) for j in range(w) if grid[i][j]}
    found = []
    while todo:
        queue, size, rim = [todo.pop()], 0, False
        while queue:
            i, j = queue.pop()
            size, rim = size + 1, rim or i in (0, h - 1) or j in (0, w - 1)
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    near = (i + a, j + b)
                    if near in todo and (corners or a == 0 or b == 0):
                        todo.remove(near)
                        queue.append(near)
        found.append((size, rim))
    return found


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=6, max_size=6))
def test_flaws_are_small_parts_and_small_holes(grid):
    least = 3
    expected = sum(size < least for size, _ in sizes_of(grid, corners=True))
    hidden = [[not shown for shown in row] for row in grid]
    expected += sum(size < least and not rim for size, rim in sizes_of(hidden, corners=False))
    assert flaws(torch.tensor(grid)[None, None], least) == expected
