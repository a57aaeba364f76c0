"""Counts of studies against slow derivations."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.images.overlap import chance_iou, iou, pairwise
from med_cam.masking.scene import Scene
from med_cam_studies.evaluation.metrics import EMPTY, accuracies, blank_predictions, confusion


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=40))
def test_confusion_and_accuracies_are_plain_counts(pairs):
    labels, answers = (torch.tensor(side) for side in zip(*pairs, strict=True))
    counts = confusion(labels, answers, 4)
    for row in range(4):
        for column in range(4):
            assert counts[row, column] == pairs.count((row, column))
    *by_class, overall = accuracies(counts)
    assert overall == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    for label in range(4):
        own = [b for a, b in pairs if a == label]
        if own:
            assert by_class[label] == pytest.approx(own.count(label) / len(own))
        else:
            assert math.isnan(by_class[label])


def test_iou_counts_pixels():
    a = torch.tensor([[True, True, False]])
    b = torch.tensor([[False, True, True]])
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(a, a) == 1
    assert iou(a, ~a) == 0
    assert iou(a & ~a, a & ~a) == 1
    assert pairwise([a, b, a]) == pytest.approx((1 / 3, 1, 1 / 3))


@settings(max_examples=10, deadline=None)
@given(st.floats(0.1, 0.9), st.floats(0.1, 0.9), st.integers(0, 999))
def test_random_masks_overlap_as_chance_says(a, b, seed):
    first, second = torch.rand(2, 300, 300, generator=generator(seed))
    assert iou(first < a, second < b) == pytest.approx(chance_iou(a, b), abs=0.02)


def test_nothing_overlaps_nothing_fully():
    assert chance_iou(0.0, 0.0) == 1
    assert chance_iou(1.0, 1.0) == 1


def test_blank_images_show_what_their_name_says_and_nothing_of_the_image():
    x = torch.full((1, 1, 16, 16), 0.3)
    one = torch.ones(1, 1, 1, 1)
    scene = Scene(x=x, valid=x > 0, black=-one, white=one, others=x[:0])
    seen = blank_predictions(lambda v: v.flatten(1), scene, samples=3, generator=generator())
    assert set(seen) == set(EMPTY)
    assert [len(seen[name]) for name in EMPTY] == [1, 1, 1, 3, 3]
    for name, value in (("grey", 0), ("black", -1), ("white", 1)):
        assert (seen[name] == value).all()
    assert abs(seen["gaussian"].std().item() - 1) < 0.1
    assert seen["uniform"].abs().max() <= 1
    assert abs(seen["uniform"].std().item() - 1 / math.sqrt(3)) < 0.05
    assert not any((values == 0.3).any() for values in seen.values())
