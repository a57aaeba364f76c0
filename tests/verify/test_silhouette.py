"""The filled mask: toys that answer by its outline are caught, ones that read content are not."""

from itertools import product

import pytest
import torch
from scipy.stats import binomtest

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target
from med_cam.verify.silhouette import own, silhouette

SIDE = 24
DECISION = Decision(Target(1, ("other", "target"), "softmax", 0.0, 0.9), 0.1, 0.5)
GREY = torch.zeros(1, 2, SIDE, SIDE)


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def box(top=6, left=6, size=9):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def scene():
    x = torch.rand(1, 2, SIDE, SIDE, generator=fresh(5))
    x[:, 0, 8:12, 8:12] = 3.0
    return Scene(
        x,
        torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool),
        torch.full((1, 2, 1, 1), -1.0),
        torch.full((1, 2, 1, 1), 4.0),
        x[:0],
    )


def noise(count=4):
    return torch.randn(count, 2, SIDE, SIDE, generator=fresh(2)).clamp(-2.0, 2.0)


def pair(p):
    return torch.stack([1 - p, p], dim=1)


def sees_the_outline(x):
    """Target where rows 5 and 6 differ all along the box's upper edge."""
    step = (x[:, 0, 6, 6:15] - x[:, 0, 5, 6:15]).abs()
    return pair(0.1 + 0.8 * (step > 0.01).float().mean(dim=1))


def sees_content(x):
    """Target where there is a lit patch with a dim surround, which no constant has."""
    lit = (x[:, 0, 8:12, 8:12] > 2.5).float().mean(dim=(1, 2))
    dim = (x[:, 0, 6:8, 6:15] < 1.5).float().mean(dim=(1, 2))
    return pair(0.1 + 0.8 * lit * dim)


def found_by(predict, infill, mask=None, confidence=0.95, on=DECISION):
    return silhouette(
        View(predict, scene()), box() if mask is None else mask, infill, on, confidence
    )


def test_the_toys_see_the_image_as_their_target():
    assert sees_content(scene().x)[0, 1] > 0.8
    assert sees_outline_of_evidence() > 0.8


def sees_outline_of_evidence():
    x, mask = scene().x, box()
    return sees_the_outline(torch.where(mask, x, GREY))[0, 1]


def test_an_answer_by_the_outline_is_caught():
    found = found_by(sees_the_outline, GREY)
    assert (found.trials, found.hits) == (4, 3)  # grey on grey has no outline
    found = found_by(sees_the_outline, noise())
    assert (found.trials, found.hits) == (16, 16)
    assert found.bound == 1.0


def test_a_prediction_by_the_content_is_not_caught_and_the_bound_says_how_surely():
    found = found_by(sees_content, torch.cat([GREY, noise()]))
    assert (found.trials, found.hits, found.confidence) == (20, 0, 0.95)
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-9)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bound_is_the_exact_one_from_above(confidence):
    found = found_by(sees_the_outline, GREY, confidence=confidence)
    exact = binomtest(3, 4, alternative="less").proportion_ci(confidence, "exact").high
    assert found.bound == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("name", ["black", "white", "grey", "own"])
def test_every_fill_is_tried_over_every_baseline(name):
    """One toy for each fill: the target is given for that colour alone."""
    s, mask = scene(), box()
    inside = s.x[0].flatten(1).T[mask.flatten()].tolist()
    colours = {
        "black": (-1.0, -1.0),
        "white": (4.0, 4.0),
        "grey": (0.0, 0.0),
        "own": tuple(sum(channel) / len(inside) for channel in zip(*inside, strict=True)),
    }
    wanted = torch.tensor(colours[name])

    def sees_a_colour(x):
        near = (x[:, :, 6:15, 6:15] - wanted[:, None, None]).abs().amax(dim=(1, 2, 3)) < 1e-3
        return pair(near.float())

    found = found_by(sees_a_colour, noise(3), mask)
    assert (found.trials, found.hits) == (12, 3)


def test_masked_inputs_are_one_colour_inside_and_the_baseline_outside():
    seen, infill = [], noise(4)  # as many as fills: taking turns would leave pairs out

    def noting(x):
        seen.append(x)
        return sees_content(x)

    ragged = torch.rand(1, 1, SIDE, SIDE, generator=fresh(9)) < 0.3
    found_by(noting, infill, ragged)
    masked = torch.cat(seen)
    pairs = set()
    for one in masked:
        inside = one[:, ragged[0, 0]]
        assert torch.equal(inside, inside[:, :1].expand_as(inside))
        same = [torch.equal(one[:, ~ragged[0, 0]], b[:, ~ragged[0, 0]]) for b in infill]
        assert same.count(True) == 1
        pairs.add((same.index(True), *inside[:, 0].tolist()))
    assert len(pairs) == 16


def test_what_is_first_but_below_the_threshold_is_no_hit():
    def weak(x):
        return pair(0.6 + 0 * x[:, 0, 0, 0])

    assert found_by(weak, GREY).hits == 4
    strict = Decision(DECISION.target, 0.1, 0.7)
    assert found_by(weak, GREY, on=strict).hits == 0


def test_the_own_colour_is_the_mean_of_the_evidence_alone():
    s, mask = scene(), torch.rand(1, 1, SIDE, SIDE, generator=fresh(9)) < 0.3
    total, count = [0.0, 0.0], 0
    for y, x in product(range(SIDE), range(SIDE)):
        if mask[0, 0, y, x]:
            total = [t + v for t, v in zip(total, s.x[0, :, y, x].tolist(), strict=True)]
            count += 1
    assert own(s, mask).flatten().tolist() == pytest.approx([t / count for t in total], abs=1e-5)
    assert own(s, torch.zeros_like(mask)).flatten().tolist() == [0.0, 0.0]


@pytest.mark.parametrize("size", [0, 1])
def test_the_colour_of_one_pixel_is_its_own_and_that_of_none_is_grey(size):
    s = scene()
    expected = s.x[:, :, 6:7, 6:7] if size else torch.zeros(1, 2, 1, 1)
    assert torch.equal(own(s, box(6, 6, size)), expected)
