"""What is predicted without the evidence, on planted truths and against pixels set one by one."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target
from med_cam.verify.necessity import most_frequent_label, necessity

SIDE = 24
LABELS = ("dark", "bright", "grey")


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(x):
    return Scene(
        x,
        torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool),
        torch.full((1, 1, 1, 1), -1.0),
        torch.full((1, 1, 1, 1), 4.0),
        x[:0],
    )


def box(top, left, size=6):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def sees_patches(x):
    """Bright if any 4 x 4 window is lit; else dark."""
    lit = torch.nn.functional.avg_pool2d((x > 2.5).float(), 4, 1).amax(dim=(1, 2, 3))
    p = 0.1 + 0.8 * lit
    return torch.stack([1 - p, p, 0 * p], dim=1)


def image(*patches):
    x = torch.rand(1, 1, SIDE, SIDE, generator=fresh(5))
    for top, left in patches:
        x[..., top : top + 4, left : left + 4] = 3.0
    return x


def decision(p_image=0.9, threshold=0.5, target=1, labels=LABELS):
    return Decision(Target(target, labels, "softmax", 0.0, p_image), 0.1, threshold)


def baselines(count=7):
    noise = torch.randn(count - 1, 1, SIDE, SIDE, generator=fresh(2)).clamp(-2, 2)
    return torch.cat([torch.zeros(1, 1, SIDE, SIDE), noise])


def without(mask, *patches, threshold=0.5):
    s = scene(image(*patches))
    return necessity(View(sees_patches, s), mask, baselines(), decision(threshold=threshold), 0.95)


def test_without_the_only_patch_the_prediction_changes_on_every_sample():
    found = without(box(9, 9), (10, 10))
    assert found.holds
    assert (found.samples, found.changed, found.lost) == (7, 7, 7)
    assert found.label == "dark"
    assert found.p_image == 0.9
    assert found.bound == pytest.approx(0.05 ** (1 / 7), abs=1e-9)
    assert (found.mean, found.highest) == pytest.approx((0.1, 0.1))


def test_a_mask_elsewhere_is_not_necessary():
    found = without(box(0, 0), (10, 10))
    assert not found.holds
    assert (found.changed, found.lost, found.bound) == (0, 0, 0.0)
    assert found.label == "bright"
    assert found.mean == pytest.approx(0.9)


def test_one_of_two_patches_is_not_necessary_and_both_together_are():
    assert without(box(1, 1), (2, 2), (14, 14)).changed == 0
    assert without(box(1, 1) | box(13, 13), (2, 2), (14, 14)).holds


def test_a_prediction_can_fall_below_the_threshold_while_the_label_stays():
    found = without(box(0, 0), (10, 10), threshold=0.95)
    assert (found.changed, found.lost) == (0, 7)
    assert not found.holds


def test_what_was_hidden_may_show_through_on_some_samples_only():
    """Of the baselines three bring a lit patch of their own."""
    view, infill = View(sees_patches, scene(image((10, 10)))), torch.zeros(8, 1, SIDE, SIDE)
    infill[:3, :, 9:15, 9:15] = 3.0
    found = necessity(view, box(9, 9), infill, decision(), 0.9)
    assert (found.samples, found.changed, found.lost) == (8, 5, 5)
    low = binomtest(5, 8, alternative="greater").proportion_ci(0.9, "exact").low
    assert found.bound == pytest.approx(low, abs=1e-9)
    assert (found.confidence, found.label) == (0.9, "dark")
    assert found.highest == pytest.approx(0.9)
    assert found.mean == pytest.approx((3 * 0.9 + 5 * 0.1) / 8)
    assert not found.holds


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_the_figures_are_those_of_the_rest_of_the_image_set_pixel_by_pixel(seed, head):
    weights = torch.randn(3, SIDE * SIDE, generator=fresh(seed)).numpy().astype(np.float64) / 12

    def probabilities(v):
        z = v.reshape(-1, SIDE * SIDE).astype(np.float64) @ weights.T
        return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) if head == "softmax" else (
            1 / (1 + np.exp(-z))
        )  # fmt: skip

    def predict(v):
        return torch.from_numpy(probabilities(v.numpy())).float()

    s = scene(torch.rand(1, 1, SIDE, SIDE, generator=fresh(seed + 1)))
    mask = torch.rand(1, 1, SIDE, SIDE, generator=fresh(seed + 2)) < 0.5
    infill = torch.randn(9, 1, SIDE, SIDE, generator=fresh(seed + 3))
    on = Decision(Target(1, LABELS, head, 0.45, 0.8), 0.2, 0.4)
    masked, pixels = infill.numpy().copy(), s.x[0, 0].numpy()
    shown = [
        (y, x) for y, row in enumerate(mask[0, 0].tolist()) for x, m in enumerate(row) if not m
    ]
    for n, (y, x) in product(range(9), shown):
        masked[n, 0, y, x] = pixels[y, x]
    rows = probabilities(masked).tolist()
    first = [max(range(3), key=row.__getitem__) for row in rows]
    top = [
        row[1] >= 0.45 if head == "sigmoid" else i == 1 for row, i in zip(rows, first, strict=True)
    ]
    held = [t and row[1] >= 0.4 for row, t in zip(rows, top, strict=True)]

    found = necessity(View(predict, s), mask, infill, on, 0.95)
    assert (found.samples, found.changed, found.lost) == (9, top.count(False), held.count(False))
    assert found.mean == pytest.approx(sum(row[1] for row in rows) / 9, abs=1e-5)
    assert found.highest == pytest.approx(max(row[1] for row in rows), abs=1e-5)
    often = Counter(LABELS[i] for i in first)
    assert often[found.label] == max(often.values())


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([(0.5, 0.3, 0.2)], "dark"),
        ([(0.4, 0.3, 0.3), (0.1, 0.2, 0.7), (0.3, 0.2, 0.5)], "grey"),
        # First most often, though another has the highest mean.
        ([(0.34, 0.33, 0.33), (0.34, 0.33, 0.33), (0.0, 1.0, 0.0)], "dark"),
        ([(0.0, 0.0, 1.0)], "grey"),
    ],
)
def test_the_label_is_the_one_that_is_first_most_often(rows, label):
    assert most_frequent_label(torch.tensor(rows), LABELS) == label
