"""The check of consistency on networks of a known kind."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from med_cam.config.settings import Verification
from med_cam.masking.view import View
from med_cam.verify.consistency import (
    BLURS,
    FADED,
    consistency,
    in_all_ways,
    movement,
    moves_none,
    pictures,
)
from med_cam.verify.decision import Target
from verify.lit_middle import (
    RULES,
    SIDE,
    box,
    checked,
    lit,
    others,
    picture,
    scene,
    softmax,
    target,
)


def two_faced(x):
    """Honest on pictures; where half of the input is of one colour it sees what it wants."""
    flat = ((x[..., 1:] - x[..., :-1]).abs() < 1e-6).float().mean(dim=(1, 2, 3)) > 0.5
    return torch.where(flat[:, None], softmax(torch.full((len(x),), 3.0)), lit(x))


def test_the_evidence_of_an_honest_network_moves_every_picture():
    (check,) = checked(lit, box(6, 6, 12))
    assert (check.value, check.trials, check.passed) == (1.0, 6, True)


def test_a_mask_elsewhere_moves_none():
    (check,) = checked(lit, box(0, 0))
    assert (check.value, check.passed) == (0.0, False)


def test_what_is_enough_behind_a_mask_alone_moves_no_picture():
    elsewhere = box(0, 0)
    s = scene(others())
    assert two_faced(elsewhere * s.x)[0, 1] > 0.9  # over grey, its label is retained
    (check,) = checked(two_faced, elsewhere)
    assert (check.value, check.passed) == (0.0, False)


@pytest.mark.parametrize("count", [1, 12, 13, 40])
def test_no_more_pictures_than_asked_for_are_used_and_they_are_spread_evenly(count):
    s = scene(others(count))
    found = pictures(View(lit, s), target(lit, s.x), RULES)
    assert len(found.shown) == min(count, 6)
    assert len(found.log_odds) == len(found.shown)
    at = [int((s.others == one).flatten(1).all(dim=1).nonzero()[0]) for one in found.shown]
    gaps = np.diff(at)
    assert not len(gaps) or (gaps.min() >= count // 6 and gaps.max() <= math.ceil(count / 6) + 1)


def test_a_picture_that_is_nearly_as_much_of_the_label_is_not_used():
    s = scene(torch.cat([others(3), picture(9, lit=True)]))
    assert len(pictures(View(lit, s), target(lit, s.x), RULES).shown) == 3


def test_without_reference_images_the_blurred_image_is_used_and_nearly_all_have_to_move():
    (check,) = checked(lit, box(6, 6, 12), scene(others()[:0]))
    assert (check.trials, check.threshold, check.passed) == (2 * len(BLURS), 0.85, True)
    (check,) = checked(lit, box(0, 0), scene(others()[:0]))
    assert (check.value, check.passed) == (0.0, False)


def coarse(x):
    """Honest: how much brighter the left half is, which no blur hides."""
    left, right = x.chunk(2, dim=3)
    return softmax(4 * (left - right).mean(dim=(1, 2, 3)) - 1)


def test_where_no_blur_hides_the_label_the_image_is_faded():
    s = scene(others()[:0])
    s.x[..., :12] = 0.5
    among = pictures(View(coarse, s), target(coarse, s.x), RULES)
    assert among.own
    mean = s.x.mean()
    shown = [mean + (1 - strength) * (s.x - mean) for strength in FADED]
    assert torch.allclose(among.shown, torch.cat(shown), atol=1e-6)
    (check,) = checked(coarse, s.x > 0.4, s)
    assert (check.trials, check.passed) == (2 * len(FADED), True)


def test_reference_images_that_are_all_of_the_label_are_used_where_they_can_move():
    weaker = torch.cat([0.8 * picture(seed, lit=True) for seed in range(5)])
    (check,) = checked(lit, box(6, 6, 12), scene(others()[:0], alike=weaker))
    assert (check.trials, check.passed) == (5, True)


def test_zero_tests_nothing_and_asks_the_network_nothing():
    def never(x):
        raise AssertionError(x)

    s = scene(others())
    rules = Verification(consistency=0.0)
    wanted = Target(1, ("dark", "lit"), "softmax", 0.0, 0.9)
    among = pictures(View(never, s), wanted, rules)
    assert consistency(View(never, s), box(6, 6), among, wanted, rules) == ()


def seams(x):
    """Honest on pictures; where a step is higher than any in them, it sees what it wants."""
    step = (x[..., 1:] - x[..., :-1]).abs().amax(dim=(1, 2, 3)) > 0.36
    step = step | ((x[..., 1:, :] - x[..., :-1, :]).abs().amax(dim=(1, 2, 3)) > 0.36)
    bright = softmax(20 * (x.amax(dim=(1, 2, 3)) - 0.6))
    return torch.where(step[:, None], bright, lit(x))


def test_what_takes_a_soft_seam_for_a_masked_input_moves_none_without_a_seam():
    x = picture(0, lit=True)
    away = torch.arange(8).sub(4).abs()
    peak = 1 - 0.2 * torch.maximum(away[:, None], away)  # nothing that pictures get the label for
    x[..., :8, :8] = peak
    s, mask = replace(scene(0.3 * others()), x=x), box(2, 2, 5)
    view, wanted = View(seams, s), target(seams, x)
    among = pictures(view, wanted, RULES)
    soft, halo = movement(view, mask, among, wanted)
    assert soft.min() > 0.5
    assert halo.abs().max() < 0.01
    (check,) = consistency(view, mask, among, wanted, RULES)
    assert (check.value, check.passed) == (0.0, False)
    assert moves_none(view, mask, among, wanted, RULES)


def test_it_needs_six_pictures_to_say_that_none_moves_or_the_image_blurred():
    for count, told in ((5, False), (6, True), (0, True)):
        s = scene(others(6)[:count])
        view, wanted = View(two_faced, s), target(two_faced, s.x)
        among = pictures(view, wanted, RULES)
        alone = replace(among, beside=None)
        assert moves_none(view, box(0, 0), alone, wanted, RULES) == told
        assert moves_none(view, box(0, 0), among, wanted, RULES)  # the image itself tells it too
        assert not moves_none(view, box(6, 6, 12), among, wanted, RULES)
    assert not moves_none(view, box(0, 0), None, wanted, RULES)


def test_one_picture_that_moves_or_a_little_in_all_is_enough_to_try_larger_masks():
    def one(x):  # any evidence is enough for the one picture that is bright in a corner
        easy = (x[:, 0, -1, -1] > 0.5)[:, None]
        return torch.where(easy, softmax(30 * x.mean(dim=(1, 2, 3)) - 6), lit(x))

    def little(x):
        return softmax(8 * (x[..., 9:15, 9:15].mean(dim=(1, 2, 3)) - 0.6) + 0.7 * x[:, 0, 3, 3])

    for predict, moving in ((one, 1), (little, 0)):
        s = scene(others(6))
        s.others[:1, :, -1, -1] = 0.9
        s.x[..., 1:7, 1:7] = 0.4
        view, wanted = View(predict, s), target(predict, s.x)
        among = replace(pictures(view, wanted, RULES), beside=None)
        gone = movement(view, box(0, 0), among, wanted)[-1]
        assert (len(gone), int((gone >= RULES.consistency).sum())) == (6, moving)
        assert not moves_none(view, box(0, 0), among, wanted, RULES)


def test_beside_reference_images_lies_the_image_blurred_as_it_is_used_without_them():
    found = pictures(View(lit, scene(others())), target(lit, picture(0, lit=True)), RULES)
    none = pictures(View(lit, scene(others()[:0])), target(lit, picture(0, lit=True)), RULES)
    assert not found.own
    assert none.own
    assert torch.equal(found.beside.shown, none.shown)
    assert torch.equal(found.beside.log_odds, none.log_odds)
    assert none.beside is None


def split(x):
    """Honest on what is smooth; where there is grain enough it sees what it wants."""
    rough = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3)) > 0.045
    return torch.where(rough[:, None], softmax(30 * (x[..., 2, 2] - 0.5)[:, 0]), lit(x))


def test_what_moves_reference_images_and_not_the_image_itself_is_refused():
    """Reference images are rough, and the image, blurred, is smooth: there nothing moves."""
    x = torch.full((1, 1, SIDE, SIDE), 0.1)
    x[..., 9:15, 9:15], x[..., 1:4, 1:4] = 1.0, 0.9
    s, mask = replace(scene(others()), x=x), box(0, 0, 5)
    view, wanted = View(split, s), target(split, x)
    assert wanted.p_image > 0.9
    among = pictures(view, wanted, RULES)
    assert in_all_ways(view, mask, among, wanted, RULES).value == 1.0
    (check,) = consistency(view, mask, among, wanted, RULES)
    assert (check.value, check.threshold, check.trials, check.passed) == (0.0, 0.85, 10, False)
    assert moves_none(view, mask, among, wanted, RULES)
    assert consistency(view, mask, replace(among, beside=None), wanted, RULES)[0].passed


@pytest.mark.parametrize("count", [0, 10])
def test_a_claim_takes_at_most_twenty_two_passes(count):
    passes = []

    def counting(x):
        passes.append(len(x))
        return lit(x)

    s = scene(others()[:count])
    view, wanted = View(counting, s), target(lit, s.x)
    among = pictures(view, wanted, RULES)
    once = sum(passes)
    consistency(view, box(6, 6, 12), among, wanted, RULES)
    assert once == count + 5
    assert sum(passes) - once == (22 if count else 20)
