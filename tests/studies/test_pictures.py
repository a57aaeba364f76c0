"""The pictures of a study are true to image, mask and map."""

import numpy as np
import pytest
import torch
from made_up import generator, shown

from med_cam.report.panels import OUTLINE
from med_cam_studies.report.pictures import (
    CUT_OUTLINE,
    FINDING_OUTLINE,
    alone,
    contours,
    cut,
    enlarged,
    legend,
    map_over,
    pictures,
    reduced,
    whole,
)


def test_the_evidence_alone_is_the_image_inside_and_neutral_grey_outside():
    item = shown()
    rgb = alone(item, longest=100)
    inside = item.mask
    assert torch.equal(rgb[inside], item.pixels.permute(1, 2, 0)[inside])
    assert (rgb[~inside] == 0.5).all()


def test_a_grey_image_is_shown_in_three_equal_channels():
    item = shown()
    grey = whole(type(item)(item.row, item.pixels[:1], item.mask, {}), longest=100)
    assert grey.shape == (30, 40, 3)
    assert torch.equal(grey[..., 0], grey[..., 2])


@pytest.mark.parametrize("size", [(30, 41), (8, 6), (3, 2)])
def test_the_cut_of_a_map_is_as_large_as_the_mask_and_holds_its_peak(size):
    item = shown(size=size)
    scores = torch.rand(5, 5, generator=generator(3))
    chosen = cut(scores, item.mask)
    assert chosen.sum() == item.mask.sum()
    fine = enlarged(scores, *size)
    assert fine[chosen].min() >= fine[~chosen].max()


def test_an_empty_mask_cuts_nothing():
    empty = torch.zeros(5, 5, dtype=torch.bool)
    assert not cut(torch.rand(5, 5, generator=generator()), empty).any()
    assert contours(empty) == []


def test_the_image_shows_through_where_a_map_is_low_and_not_where_it_is_high():
    rgb = torch.rand(6, 6, 3, generator=generator())
    scores = torch.zeros(6, 6)
    scores[:, 3:] = 1
    over = map_over(rgb, scores)
    grey = rgb @ torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(over[:, 0], grey[:, 0, None].expand(-1, 3))
    assert over[:, 5].std(dim=0).max() < rgb[:, 5].std()
    assert (over[:, 5].amin(dim=1) < over[:, 5].amax(dim=1) - 0.1).all()


def test_a_reduced_picture_keeps_shape_and_mean_and_a_small_one_is_left():
    rgb = torch.rand(90, 180, 3, generator=generator())
    small = reduced(rgb, 60)
    assert small.shape == (30, 60, 3)
    torch.testing.assert_close(small.mean(dim=(0, 1)), rgb.mean(dim=(0, 1)), atol=0.01, rtol=0)
    assert reduced(rgb, 180) is rgb
    assert reduced(torch.rand(1, 400, 3), 20).shape == (1, 20, 3)


def test_contours_are_shares_of_width_and_height_in_few_points():
    item = shown(size=(30, 40))
    (line,) = contours(item.mask)
    np.testing.assert_allclose(line.min(axis=0), (8 / 40, 5 / 30), atol=0.01)
    np.testing.assert_allclose(line.max(axis=0), (24 / 40, 15 / 30), atol=0.01)
    assert len(line) < 12


def test_a_single_pixel_keeps_its_contour():
    mask = torch.zeros(900, 900, dtype=torch.bool)
    mask[450, 3] = True
    (line,) = contours(mask)
    assert np.ptp(line, axis=0).min() > 0.5 / 900


def test_each_image_has_a_picture_a_method_and_a_blank_one_where_its_map_is_missing():
    panels = list(pictures(shown(finding=True), ("rise", "grad_cam")))
    assert [set(lines) for _, lines in panels] == [
        {FINDING_OUTLINE},
        {FINDING_OUTLINE, OUTLINE},
        set(),
        {CUT_OUTLINE},
    ]
    assert (panels[2][0] == 1).all()


def test_the_legend_names_only_what_is_drawn():
    assert list(legend([shown(maps=())])) == [OUTLINE]
    everything = legend([shown(maps=()), shown(1, finding=True)])
    assert set(everything) == {OUTLINE, FINDING_OUTLINE, CUT_OUTLINE}
