"""Masks on outlined findings, against sets of pixels."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.errors import ConfigError
from med_cam_studies.evaluation.truth import (
    centre_scores,
    cut_to_area,
    overlap,
    pointing,
    share,
    usable,
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pixels_of(mask):
    return {(y, x) for y in range(mask.shape[0]) for x in range(mask.shape[1]) if mask[y, x]}


def drawn_mask(data, h, w):
    return torch.rand(h, w, generator=generator(data.draw(st.integers(0, 9999)))) < data.draw(
        st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
    )


sides = st.integers(1, 7)


@settings(max_examples=60, deadline=None)
@given(sides, sides, st.data())
def test_an_overlap_is_set_arithmetic(h, w, data):
    mask, finding = drawn_mask(data, h, w), drawn_mask(data, h, w)
    scores = torch.rand(h, w, generator=generator(data.draw(st.integers(0, 99))))
    found = overlap(mask, scores, finding)
    a, b = pixels_of(mask), pixels_of(finding)
    assert found.inside == (len(a & b) / len(a) if a else 0)
    assert found.covered == (len(a & b) / len(b) if b else 0)
    assert found.iou == (len(a & b) / len(a | b) if a | b else 1)
    assert found.share == len(b) / (h * w)
    top = max((scores[y, x].item(), (y, x)) for y in range(h) for x in range(w))
    assert found.pointing == (top[1] in b)


def test_a_random_mask_is_inside_as_far_as_the_share_says():
    finding = torch.zeros(200, 300, dtype=torch.bool)
    finding[20:90, 50:200] = True
    mask = torch.rand(200, 300, generator=generator()) < 0.3
    found = overlap(mask, torch.rand(200, 300, generator=generator()), finding)
    assert found.inside == pytest.approx(found.share, abs=0.01)


def test_of_equally_high_pixels_half_must_lie_in_the_finding():
    finding = torch.tensor([[True, True, False, False, False]])
    assert pointing(torch.tensor([[0.0, 1.0, 1.0, 0.5, 0.0]]), finding)
    assert not pointing(torch.tensor([[0.0, 1.0, 1.0, 1.0, 0.0]]), finding)
    assert not pointing(torch.zeros(1, 5), finding)  # a level map points nowhere
    assert not pointing(torch.full((1, 5), math.nan), finding)
    assert not pointing(torch.rand(1, 5, generator=generator()), finding & ~finding)


@pytest.mark.parametrize(("count", "useful"), [(0, False), (1, True), (98, True), (99, False)])
def test_outlines_of_nothing_or_nearly_everything_are_useless(count, useful):
    finding = (torch.arange(100) < count).view(10, 10)
    assert share(finding) == count / 100
    assert usable(finding) is useful


@settings(max_examples=100, deadline=None)
@given(sides, sides, st.floats(0, 1), st.booleans(), st.data())
def test_a_cut_takes_the_highest_scores_first_in_reading_order(h, w, area, partly, data):
    values = data.draw(st.lists(st.integers(-2, 3), min_size=h * w, max_size=h * w))
    scores = torch.tensor(values, dtype=torch.float32).view(h, w)
    valid = drawn_mask(data, h, w) if partly else None
    mask = cut_to_area(scores, area, valid=valid)
    allowed = [i for i in range(h * w) if valid is None or valid.flatten()[i]]
    ranked = sorted(allowed, key=lambda i: (-values[i], i))
    chosen = set(ranked[: round(area * h * w)])
    assert pixels_of(mask) == {divmod(i, w) for i in chosen}
    if not partly:
        assert mask.sum() == round(area * h * w)


@settings(max_examples=50, deadline=None)
@given(sides, sides, st.data())
def test_a_cut_to_the_area_of_a_mask_has_as_many_pixels(h, w, data):
    mask = drawn_mask(data, h, w)
    cut = cut_to_area(torch.rand(h, w, generator=generator()), mask.sum().item() / mask.numel())
    assert cut.sum() == mask.sum()


def test_cuts_of_one_map_are_nested():
    scores = torch.rand(9, 11, generator=generator(5)).mul(4).round()
    cuts = [cut_to_area(scores, area / 10) for area in range(11)]
    for small, large in pairwise(cuts):
        assert not (small & ~large).any()


@pytest.mark.parametrize("area", [-0.1, 1.1, math.nan])
def test_an_area_out_of_range_is_refused(area):
    with pytest.raises(ConfigError, match="must be a share"):
        cut_to_area(torch.zeros(2, 2), area)


@pytest.mark.parametrize(("h", "w"), [(1, 1), (1, 6), (5, 5), (6, 9)])
def test_the_centre_is_nearest_to_itself_and_alike_on_all_sides(h, w):
    scores = centre_scores(h, w)
    assert scores.shape == (h, w)
    assert scores.min() >= -1e-6
    assert scores.max() <= 1
    assert scores[h // 2, w // 2] == scores.max()
    for mirrored in (scores.flip(0), scores.flip(1)):
        torch.testing.assert_close(scores, mirrored, atol=0, rtol=0)
    if h * w > 1:
        assert scores[0, 0].item() == pytest.approx(0, abs=1e-6)


def test_cuts_of_the_centre_are_round_in_a_picture_that_is_not_square():
    h, w, area = 60, 90, 0.2
    mask = cut_to_area(centre_scores(h, w), area)
    radius = math.sqrt(area * h * w / math.pi)
    assert mask.any(dim=1).sum().item() == pytest.approx(2 * radius, abs=2)
    assert mask.any(dim=0).sum().item() == pytest.approx(2 * radius, abs=2)
