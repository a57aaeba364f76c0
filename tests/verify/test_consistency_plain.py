"""The check of consistency against a plain implementation: blurs, grain, halo and tone."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.settings import Verification
from med_cam.masking.view import View
from med_cam.removal.feather import feathered
from med_cam.verify.consistency import BLURS, blurred_images, grain, pictures, seen_in_itself
from med_cam.verify.laid_in import edges, in_its_tone
from verify.lit_middle import RULES, SIDE, box, checked, lit, others, scene, softmax, target


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
