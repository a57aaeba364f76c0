"""Specks and holes of a mask are counted."""

import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.splitting import flaws


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
