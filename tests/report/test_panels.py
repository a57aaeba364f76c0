"""The pictures: true to the pixels, every speck seen, whatever the image's shape."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.report.panels import LONGEST, display_mask, display_pixels, outline, panel_boxes


def enclosed(lines, x, y):
    """Even-odd rule: whether a ray to the right crosses the lines an odd number of times."""
    crossings = 0
    for line in lines:
        (x0, y0), (x1, y1) = line[:-1].T, line[1:].T
        crossed = (y0 > y) != (y1 > y)
        at = x0 + (y - y0) / np.where(crossed, y1 - y0, 1) * (x1 - x0)
        crossings += int((crossed & (at > x)).sum())
    return crossings % 2 == 1


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1000))
def test_the_outline_encloses_the_mask_and_nothing_else(height, width, seed):
    mask = torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) < 0.5
    lines = outline(mask)
    for y in range(height):
        for x in range(width):
            assert enclosed(lines, x + 0.013, y + 0.017) == bool(mask[y, x])


def test_the_outline_runs_along_pixel_edges():
    mask = torch.zeros(6, 8, dtype=torch.bool)
    mask[2:4, 3:6] = True
    (line,) = outline(mask)
    np.testing.assert_allclose(line.min(axis=0), (2.5, 1.5), atol=0.01)
    np.testing.assert_allclose(line.max(axis=0), (5.5, 3.5), atol=0.01)
    np.testing.assert_array_equal(line[0], line[-1])


def test_an_empty_mask_has_no_outline_and_a_full_one_the_frame():
    assert outline(torch.zeros(4, 4, dtype=torch.bool)) == []
    (line,) = outline(torch.ones(4, 6, dtype=torch.bool))
    np.testing.assert_allclose(line.max(axis=0), (5.5, 3.5), atol=0.01)


def test_a_single_pixel_of_a_large_image_is_still_shown():
    mask = torch.zeros(2601, 4000, dtype=torch.bool)
    mask[2600, 3999] = True
    shown = display_mask(mask)
    assert max(shown.shape) <= LONGEST
    assert shown[-1, -1]
    assert shown.sum() == 1
    assert len(outline(shown)) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_image_keeps_its_colours_and_matches_its_mask_in_size(channels):
    value = torch.linspace(0.2, 0.8, channels)[:, None, None]
    shown = display_pixels(value.expand(channels, 3, 2501))
    assert shown.shape == (*display_mask(torch.zeros(3, 2501, dtype=torch.bool)).shape, 3)
    torch.testing.assert_close(shown, value[:, 0, 0].expand(3).expand_as(shown))


def test_a_small_image_is_shown_as_it_is():
    pixels = torch.rand(3, 7, 5)
    assert torch.equal(display_pixels(pixels), pixels.permute(1, 2, 0))


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(450, 700))
def test_three_equal_places_of_the_right_shape_lie_apart_in_the_box(height, width, bottom):
    box = (44.0, 122.0, 1556.0, float(bottom))
    places = panel_boxes(height, width, box)
    (w, h), *others = [(r - x, b - t) for x, t, r, b in places]
    assert others == [pytest.approx((w, h), rel=0, abs=1e-6)] * 2
    assert w * height == pytest.approx(h * width, rel=1e-3, abs=1e-2)
    for left, top, right, low in places:
        assert left >= box[0] - 1e-6
        assert top >= box[1]
        assert right <= box[2] + 1e-6
        assert low <= box[3] + 1e-6
    for first, second in pairwise(places):
        assert second[0] > first[2] or second[1] > first[3]


@pytest.mark.parametrize("count", [2, 4])
def test_fewer_or_more_places_fill_the_box_too(count):
    box = (44.0, 122.0, 1556.0, 600.0)
    for size in ((100, 100), (100, 1000), (1000, 100)):
        places = panel_boxes(*size, box, count)
        assert len(places) == count
        for first, second in pairwise(places):
            assert second[0] > first[2] or second[1] > first[3]
        assert min(place[0] for place in places) >= box[0] - 1e-6
        assert max(place[2] for place in places) <= box[2] + 1e-6
        assert max(place[3] for place in places) <= box[3] + 1e-6


def test_wide_images_are_stacked_and_others_stand_side_by_side():
    box = (44.0, 122.0, 1556.0, 600.0)
    assert len({place[0] for place in panel_boxes(100, 1000, box)}) == 1
    assert len({place[1] for place in panel_boxes(100, 100, box)}) == 1
    assert len({place[1] for place in panel_boxes(1000, 100, box)}) == 1
