"""The check of consistency against a plain implementation, and on networks of a known kind."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.feather import feathered
from med_cam.verify.consistency import (
    BLURS,
    FADED,
    blurred_images,
    consistency,
    grain,
    in_all_ways,
    movement,
    moves_none,
    pictures,
    seen_in_itself,
)
from med_cam.verify.decision import Target
from med_cam.verify.laid_in import edges, in_its_tone

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
    shown = plain_blurs(x)
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


def plain_blurs(x):
    """The image by each blur; the first two with its own grain, which is cut where it is large."""
    shown = [plain_blur(x, share * SIDE) for share in BLURS]
    fine = x - plain_blur(x, SIDE / 80)
    size = sorted(abs(value) for value in fine.flatten().tolist() if abs(value) > 1e-7)
    most = 3 * size[(len(size) - 1) // 2]
    return [one + np.clip(fine, -most, most) for one in shown[:2]] + shown[2:]


def test_two_of_the_blurred_images_keep_the_grain_of_the_image():
    s = scene(others()[:0])
    plain = torch.from_numpy(np.stack(plain_blurs(s.x[0].numpy())))
    assert torch.allclose(blurred_images(s), plain, atol=1e-5)
    bare = plain_blur(s.x[0].numpy(), BLURS[0] * SIDE)
    assert (plain[0] - torch.from_numpy(bare)).abs().max() > 1e-4


def test_an_image_without_grain_is_blurred_and_nothing_else():
    s = scene(others()[:0])
    slope = torch.arange(SIDE) / SIDE
    s.x[:] = (slope[:, None] + slope)[None, None] / 4
    s.x[..., 6:12, 6:12] = 1.0  # its outline is no grain
    assert grain(s).abs().max() < 1e-3
    shown = np.stack([plain_blur(s.x[0].numpy(), share * SIDE) for share in BLURS])
    assert np.abs(blurred_images(s).numpy() - shown).max() < 2e-3


@settings(max_examples=10, deadline=None)
@given(st.floats(0.02, 0.2), st.integers(0, 9))
def test_the_grain_of_an_image_stays_and_its_outlines_do_not(strength, seed):
    s = scene(others()[:0])
    noise = torch.randn(s.x.shape, generator=torch.Generator().manual_seed(seed))
    s.x[:] = strength * noise
    rough = grain(s)
    s.x[..., :12] += 100 * strength  # a step
    stepped = grain(s)
    assert stepped.abs().max() < 2 * rough.abs().max()
    assert stepped[..., 14:].std().item() == pytest.approx(rough[..., 14:].std().item(), rel=0.2)
    assert rough.std() > 0.01 * strength


def test_padding_says_nothing_of_the_grain():
    s = scene(others()[:0])
    before = grain(s)
    s.valid[..., 18:] = False
    s.x[..., 18:] = torch.rand(SIDE, 6, generator=torch.Generator().manual_seed(3)) * 100
    assert grain(s)[..., :16].abs().max() < 1.5 * before.abs().max()


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


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 14), st.integers(0, 14), st.integers(3, 10))
def test_what_moves_in_the_image_itself_is_that_of_a_plain_implementation(top, left, size):
    def signed(x):  # light in one corner speaks against the label: that is a movement too
        seen = x[..., 9:15, 9:15].mean(dim=(1, 2, 3)) - 0.6
        return softmax(8 * seen - 2 * x[..., :6, :6].mean(dim=(1, 2, 3)))

    s, mask = scene(others()), box(top, left, size)
    view, wanted = View(signed, s), target(signed, s.x)
    among = pictures(view, wanted, RULES).beside
    check = seen_in_itself(view, mask, among, wanted)

    def odds(image):
        p = float(signed(torch.from_numpy(image)[None].float())[0, 1])
        return math.log(p / (1 - p))

    x, hard, moved = s.x[0].numpy(), mask[0].numpy(), 0
    for one in plain_blurs(x):
        for around in (one, plain_tone(x, hard[0], one)):
            gone = (odds(np.where(hard, x, around)) - odds(one)) / (odds(x) - odds(one))
            moved += abs(gone) >= 0.01
    assert check.value == moved / 10
    assert check.passed == (moved >= 9)


def plain_tone(x, mask, one):
    """Around a square: each pixel by the nearest one of it; 3 pixels away nothing is left."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    most, adapted = 0.5 * one.std(ddof=1), one.copy()
    for row, column in np.argwhere(~mask):
        r, c = np.clip(row, rows[0], rows[-1]), np.clip(column, columns[0], columns[-1])
        fade = max(0, 1 - math.hypot(row - r, column - c) / 3)
        adapted[0, row, column] += fade * np.clip(x[0, r, c] - one[0, r, c], -most, most)
    return adapted


def test_surroundings_in_the_tone_of_the_evidence_have_no_seam_but_outlines():
    dark = torch.full((1, 1, 64, 64), 0.2) + 0.05 * torch.rand(1, 1, 64, 64)
    x, mask = torch.full((1, 1, 64, 64), 0.22), torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    mask[..., 20:36, 20:36] = True
    x[..., 20:36, 20:28] = 1.0
    shown = torch.where(mask, x, in_its_tone(x, mask, dark))[0, 0]
    step = (shown[28, 35:45] - shown[28, 36:46]).abs()
    assert step.max() < 0.06  # content that differs by little: no step at the edge
    assert shown[28, 19] - dark[0, 0, 28, 19] <= 0.5 * dark.std() + 1e-6  # an outline stays
    assert torch.equal(shown[:12], dark[0, 0, :12])  # what is farther away stays as it is
    assert torch.equal(in_its_tone(x, mask & False, dark), dark)


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
