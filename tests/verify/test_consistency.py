"""The check of consistency against a plain implementation, and on networks of a known kind."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.settings import Verification
from med_cam.masking import Scene, View
from med_cam.removal.feather import feathered
from med_cam.verify.consistency import (
    BLURS,
    FADED,
    consistency,
    edges,
    movement,
    moves_none,
    pictures,
)
from med_cam.verify.decision import Target

SIDE = 24
RULES = Verification()


def box(top, left, size=8):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def picture(seed, *, lit=False):
    x = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 0.2
    if lit:
        x[..., 9:15, 9:15] = 1.0
    return x


def scene(others, *, alike=None):
    one = torch.ones(1, 1, 1, 1)
    x = picture(0, lit=True)
    return Scene(x, x > -1, -one, one, others, alike)


def others(count=10):
    return torch.cat([picture(seed) for seed in range(1, count + 1)])


def softmax(z):
    return torch.stack([-z, z], dim=1).softmax(dim=1)


def lit(x):
    """Honest: how bright the middle is."""
    return softmax(8 * (x[..., 9:15, 9:15].mean(dim=(1, 2, 3)) - 0.6))


def two_faced(x):
    """Honest on pictures; where half of the input is of one colour it sees what it wants."""
    flat = ((x[..., 1:] - x[..., :-1]).abs() < 1e-6).float().mean(dim=(1, 2, 3)) > 0.5
    return torch.where(flat[:, None], softmax(torch.full((len(x),), 3.0)), lit(x))


def target(predict, x):
    return Target(1, ("dark", "lit"), "softmax", 0.0, predict(x)[0, 1].item())


def checked(predict, mask, s=None, rules=RULES):
    s = scene(others()) if s is None else s
    view, wanted = View(predict, s), target(predict, s.x)
    return consistency(view, mask, pictures(view, wanted, rules), wanted, rules)


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


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 14), st.integers(0, 14), st.integers(4, 10))
def test_the_rate_among_blurred_images_is_that_of_a_plain_implementation(top, left, size):
    s, mask = scene(others()[:0]), box(top, left, size)
    (check,) = checked(lit, mask, s, Verification(consistency=0.3))
    x = s.x[0].numpy()
    shown = [plain_blur(x, share * SIDE) for share in BLURS]
    ways = (mask[0].numpy().astype(float), edges(mask)[1].numpy())
    rates = [plain_rate_of(lit, x, shown, way, 0.3) for way in ways]
    assert check.value == pytest.approx(sum(rates) / 2)


def plain_blur(x, deviation):
    """Each pixel the mean of all, as near as they are; the border's go on for ever."""
    reach = int(4 * deviation + 0.5)
    wide = np.pad(x, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    near = np.exp(-((np.arange(-reach, reach + 1) / deviation) ** 2) / 2)
    weights = np.outer(near, near) / near.sum() ** 2
    blurred = np.empty_like(x)
    for row in range(SIDE):
        for column in range(SIDE):
            seen = wide[:, row : row + 2 * reach + 1, column : column + 2 * reach + 1]
            blurred[:, row, column] = (seen * weights).sum(axis=(1, 2))
    return blurred


def test_padding_is_not_blurred():
    s = scene(others()[:0])
    s.valid[..., 18:] = False
    s.x[..., 18:] = -3.0
    among = pictures(View(lit, s), target(lit, s.x), RULES)
    assert (among.shown[..., 18:] == -3.0).all()
    assert (among.shown[..., :18] != s.x[..., :18]).any()


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
        assert moves_none(view, box(0, 0), among, wanted, RULES) == told
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
        among = pictures(view, wanted, RULES)
        gone = movement(view, box(0, 0), among, wanted)[-1]
        assert (len(gone), int((gone >= RULES.consistency).sum())) == (6, moving)
        assert not moves_none(view, box(0, 0), among, wanted, RULES)


def test_the_halo_shows_the_evidence_whole_and_fades_evenly_around_its_solid_parts():
    side = 64
    mask = torch.zeros(1, 1, side, side, dtype=torch.bool)
    mask[..., 20:36, 20:36] = True
    mask[..., 60, 60] = True  # dust
    soft, halo = edges(mask)[:, 0]
    assert (halo[20:36, 20:36] == 1).all()
    assert (soft[20:36, 20:36] < 1).any()
    assert (soft[~mask[0, 0]] == 0).all()
    assert halo[[19, 16, 12, 3], 28].tolist() == [7 / 8, 4 / 8, 0, 0]
    assert halo[28, [36, 39, 43]].tolist() == [7 / 8, 4 / 8, 0]
    assert halo[37, 37] == 4 / 8  # two rows and two columns away
    assert halo[60, 60] == 0


def test_a_mask_of_dust_alone_has_a_halo_all_the_same():
    mask = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., 8::16, 8::16] = True
    soft, halo = edges(mask)[:, 0]
    assert not soft.any()
    assert (halo[mask[0, 0]] == 1).all()


def plain_rate(predict, x, pictures_shown, ways, share):
    """As the documents say it, in numpy, one picture at a time."""
    return min(plain_rate_of(predict, x, pictures_shown, way, share) for way in ways)


def plain_rate_of(predict, x, pictures_shown, weights, share):
    """The evidence laid in in one way."""

    def odds(image):
        p = float(predict(torch.from_numpy(image)[None].float())[0, 1])
        return math.log(p / (1 - p))

    moved = 0
    for other in pictures_shown:
        alone, there = odds(other), odds(x)
        mixed = weights * x + (1 - weights) * other
        moved += odds(mixed) - alone >= share * (there - alone)
    return moved / len(pictures_shown)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 14), st.integers(0, 14), st.integers(3, 10), st.sampled_from([0.05, 0.3, 0.8])
)
def test_the_rate_is_that_of_a_plain_implementation(top, left, size, share):
    s, mask = scene(others()), box(top, left, size)
    (check,) = checked(lit, mask, s, Verification(consistency=share))
    weights = feathered(mask, 1)[0].numpy()  # a side of 24 / 80 is less than a pixel
    halo = edges(mask)[1].numpy()
    shown = s.others[[0, 1, 3, 5, 6, 8]].numpy()  # of ten
    plain = plain_rate(lit, s.x[0].numpy(), shown, (weights, halo), share)
    assert check.value == pytest.approx(plain)
