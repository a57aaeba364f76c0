"""The polygons of a mask are valid, as large as it, and true where it is true."""

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from med_cam.report.outline import divisions, loops, polygons

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 7), st.integers(1, 7))).filter(np.any)


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_it_covers_the_pixels_of_the_mask_and_no_others(pixels):
    outline = polygons(torch.from_numpy(pixels))
    assert outline.is_valid
    assert outline.area == pixels.sum()
    rows, columns = np.indices(pixels.shape)
    centres = shapely.points(columns + 0.5, rows + 0.5)
    assert (shapely.contains(outline, centres) == pixels).all()


def test_a_ring_has_a_hole_and_what_lies_in_it_is_a_part_of_its_own():
    mask = torch.ones(7, 7, dtype=torch.bool)
    mask[1:6, 1:6] = False
    mask[3, 3] = True
    outline = polygons(mask)
    assert sorted((len(one.interiors), one.area) for one in outline.geoms) == [(0, 1), (1, 24)]


def test_pixels_that_touch_at_a_corner_are_two_polygons():
    assert len(polygons(torch.eye(2, dtype=torch.bool)).geoms) == 2


@pytest.mark.parametrize("rows", [3, 300])
def test_lines_have_no_more_points_than_corners(rows):
    assert len(polygons(torch.ones(rows, 4, dtype=torch.bool)).exterior.coords) == 5


def crossed(lines, x, y):
    """How often a ray from the middle of a pixel to the right crosses closed lines."""
    return sum(
        x0 == x1 and x0 > x and min(y0, y1) <= y < max(y0, y1)
        for line in lines
        for (x0, y0), (x1, y1) in zip(line, line[1:] + line[:1], strict=True)
    )


@given(MASKS)
@settings(max_examples=60, deadline=None)
def test_lines_around_a_mask_enclose_its_pixels_and_no_others(pixels):
    lines = loops(torch.from_numpy(pixels))
    for (y, x), inside in np.ndenumerate(pixels):
        assert crossed(lines, x, y) % 2 == inside
    for line in lines:
        for (x0, y0), (x1, y1), (x2, y2) in zip(
            line, line[1:] + line[:1], line[2:] + line[:2], strict=True
        ):
            assert (x0 == x1) != (y0 == y1)
            assert (x0 == x1) != (x1 == x2)  # corners only
            assert (y0 == y1) != (y1 == y2)


def test_one_line_goes_around_pixels_that_touch_at_a_corner_and_one_around_a_hole():
    assert len(loops(torch.eye(3, dtype=torch.bool))) == 1
    assert len(loops(torch.eye(3, dtype=torch.bool).flip(0))) == 1
    ring = torch.ones(3, 3, dtype=torch.bool)
    ring[1, 1] = False
    assert sorted(map(len, loops(ring))) == [4, 4]
    assert loops(torch.zeros(2, 2, dtype=torch.bool)) == []


@given(
    arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 6)), elements=st.integers(0, 3))
)
@settings(max_examples=60, deadline=None)
def test_parts_are_divided_where_two_of_them_meet_and_nowhere_else(parts):
    steps = set()
    for (x0, y0), (x1, y1) in divisions(torch.from_numpy(parts)):
        steps |= {(x, y0, x + 1, y0) for x in range(x0, x1)}
        steps |= {(x0, y, x0, y + 1) for y in range(y0, y1)}
    expected = set()
    for (y, x), number in np.ndenumerate(parts):
        if y and 0 < number != parts[y - 1, x] > 0:
            expected.add((x, y, x + 1, y))
        if x and 0 < number != parts[y, x - 1] > 0:
            expected.add((x, y, x, y + 1))
    assert steps == expected
