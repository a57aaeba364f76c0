"""The polygons of a mask are valid, as large as it, and true where it is true."""

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from med_cam.report.outline import polygons

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
