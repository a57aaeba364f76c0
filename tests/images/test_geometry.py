"""Masks are carried by pixel centres, exactly, and images as torchvision carries them."""

import dataclasses
import math
from fractions import Fraction

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import assume, example, given, settings, strategies as st

from med_cam.classifiers.compat import import_torchvision
from med_cam.errors import ConfigError, ImageError
from med_cam.images.geometry import Geometry
from med_cam.images.image import Image

SIDES = st.integers(1, 40)
SIZES = st.tuples(SIDES, SIDES)
RULES = st.sampled_from(["squash", "crop", "pad"])
SHARES = st.sampled_from([1.0, 0.9, 0.875, 0.5])


@st.composite
def geometries(draw, sizes=SIZES):
    """Any geometry that shows at least one pixel."""
    try:
        return Geometry(draw(sizes), draw(SIZES), draw(RULES), draw(SHARES))
    except ImageError:
        assume(False)


def random_mask(*size, seed=0):
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) < 0.5


def random_pixels(*size, seed=0):
    return torch.rand(size, generator=torch.Generator().manual_seed(seed))


def as_large_as_its_place(geometry):
    return all(axis.source >= axis.scaled for axis in geometry.axes())


def as_small_as_its_place(geometry):
    return all(axis.source <= axis.scaled for axis in geometry.axes())


def slow_restore(mask, geometry):
    """Each source pixel by itself, in fractions: scale its centre, find the frame pixel."""
    scale_y, scale_x, top, left = slow_layout(geometry)
    restored = torch.zeros(geometry.source, dtype=torch.bool)
    for y in range(geometry.source[0]):
        for x in range(geometry.source[1]):
            row = math.floor((y + Fraction(1, 2)) * scale_y + top)
            column = math.floor((x + Fraction(1, 2)) * scale_x + left)
            if 0 <= row < geometry.input[0] and 0 <= column < geometry.input[1]:
                restored[y, x] = mask[row, column]
    return restored


def slow_layout(geometry):
    """Scales and offsets from the words of the rules, with the sides as whole pixels."""
    (height, width), (h1, w1) = geometry.source, geometry.input
    goal_h, goal_w = math.floor(h1 / geometry.crop_share), math.floor(w1 / geometry.crop_share)
    if geometry.rule == "squash":
        new_h, new_w = goal_h, goal_w
    elif (goal_h * width >= goal_w * height) == (geometry.rule == "crop"):  # rows lead
        new_h, exact = goal_h, Fraction(width * goal_h, height)
        new_w = math.floor(exact) if geometry.rule == "crop" else round(exact)
    else:
        new_w, exact = goal_w, Fraction(height * goal_w, width)
        new_h = math.floor(exact) if geometry.rule == "crop" else round(exact)
    top, left = (
        (frame - new) // 2 if new <= frame else -round((new - frame) / 2)
        for new, frame in ((new_h, h1), (new_w, w1))
    )
    return Fraction(new_h, height), Fraction(new_w, width), top, left


@settings(deadline=None)
@given(geometries())
def test_restore_gives_each_source_pixel_the_frame_pixel_that_holds_its_centre(geometry):
    mask = random_mask(*geometry.input)
    restored = geometry.restore(mask[None, None])
    assert torch.equal(restored, slow_restore(mask, geometry))


@settings(deadline=None)
@given(geometries(sizes=st.tuples(st.integers(30, 200), st.integers(30, 200))))
def test_project_inverts_restore_where_the_source_is_large_enough(geometry):
    assume(as_large_as_its_place(geometry))
    mask = random_mask(1, 1, *geometry.input) & geometry.valid()
    assert torch.equal(geometry.project(geometry.restore(mask)), mask)


@settings(deadline=None)
@given(geometries())
def test_restore_inverts_project_where_the_source_is_small(geometry):
    assume(as_small_as_its_place(geometry))
    mask = random_mask(*geometry.source)
    assert torch.equal(geometry.restore(geometry.project(mask)), mask & geometry.seen())


@settings(max_examples=300, deadline=None)
@example(Geometry((3, 400), (32, 32), "crop", 0.875))
@example(Geometry((7, 90), (32, 16), "squash"))
@given(geometries())
def test_one_round_trip_settles_a_mask_for_good(geometry):
    restored = geometry.restore(random_mask(1, 1, *geometry.input))
    projected = geometry.project(restored)
    assert torch.equal(geometry.restore(projected), restored)
    assert torch.equal(geometry.project(geometry.restore(projected)), projected)


@settings(deadline=None)
@given(geometries())
def test_unseen_pixels_and_padding_are_never_evidence(geometry):
    everything = torch.ones(1, 1, *geometry.input, dtype=torch.bool)
    assert torch.equal(geometry.restore(everything), geometry.seen())
    assert geometry.seen().any()
    whole = torch.ones(geometry.source, dtype=torch.bool)
    assert torch.equal(geometry.project(whole), geometry.valid())


@settings(deadline=None)
@given(geometries())
def test_scores_go_back_as_masks_do_and_unseen_pixels_get_the_lowest(geometry):
    scores = random_pixels(1, 1, *geometry.input) + 1
    back, seen = geometry.restore_scores(scores), geometry.seen()
    for level in scores.flatten()[:3]:
        mask = geometry.restore(scores >= level)
        assert torch.equal((back >= level) & seen, mask)
    assert (back[~seen] == scores.min()).all()


@given(SIZES, SIZES, st.sampled_from(["squash", "pad"]))
def test_squash_and_pad_show_the_whole_image(source, frame, rule):
    try:
        assert Geometry(source, frame, rule).seen().all()
    except ImageError:
        assert rule == "pad"


@settings(deadline=None)
@given(geometries())
def test_padding_has_the_fill_and_the_image_its_own_colour(geometry):
    pixels = torch.full((3, *geometry.source), 0.25)
    frame = geometry.to_input(pixels, fill=0.75)
    expected = torch.where(geometry.valid(), 0.25, 0.75).expand(1, 3, -1, -1)
    torch.testing.assert_close(frame, expected, atol=1e-5, rtol=0)


def test_a_wide_image_is_padded_above_and_below():
    valid = Geometry((10, 20), (32, 32), "pad").valid()[0, 0]
    assert valid[8:24].all()
    assert not valid[:8].any()
    assert not valid[24:].any()


def test_a_centre_crop_sees_the_centre_only():
    seen = Geometry((64, 128), (28, 28), "crop", 0.875).seen()
    rows, columns = torch.nonzero(seen).aminmax(dim=0)
    assert (rows.tolist(), columns.tolist()) == ([4, 36], [59, 91])


@settings(deadline=None)
@given(st.tuples(st.integers(2, 60), st.integers(2, 60)), st.integers(4, 40), RULES)
def test_bright_pixels_lie_where_project_says(source, side, rule):
    """The frame of an image made of big blocks agrees with the projected mask of the blocks."""
    mask = random_mask(2, 2).repeat_interleave(64, 0).repeat_interleave(64, 1)
    geometry = Geometry(tuple(mask.shape), (side, source[0] % 20 + 4), rule)
    frame = geometry.to_input(mask[None].float(), fill=0.0)[0, 0]
    projected = geometry.project(mask)[0, 0]
    inner = (frame < 0.01) | (frame > 0.99)
    assert torch.equal(projected[inner], frame[inner] > 0.5)


def torchvision_crop(resize, interpolation):
    transforms = import_torchvision("torchvision.transforms")
    mode = transforms.InterpolationMode(interpolation)
    return transforms.Compose(
        [transforms.Resize(resize, mode, antialias=True), transforms.CenterCrop(224)]
    )


CROPPED = [(300, 200), (200, 301), (224, 224), (50, 90), (231, 1000)]


@pytest.mark.parametrize("size", CROPPED)
@pytest.mark.parametrize("resize", [224, 232, 256])
def test_crop_is_torchvision_resize_and_centre_crop(size, resize):
    pixels = random_pixels(3, *size)
    expected = torchvision_crop(resize, "bilinear")(pixels[None])
    found = Geometry(size, (224, 224), "crop", 224 / resize).to_input(pixels)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", CROPPED)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_crop_of_a_pillow_image_agrees_up_to_its_rounding(size, interpolation):
    values = (random_pixels(*size) * 255).round().to(torch.uint8)
    expected = torchvision_crop(256, interpolation)(PIL.Image.fromarray(values.numpy()))
    geometry = Geometry(size, (224, 224), "crop", 0.875, interpolation)
    difference = geometry.to_input(values[None] / 255)[0, 0] * 255 - as_tensor(expected)
    assert difference.abs().max() <= (1e-4 if interpolation == "nearest" else 1.6)


def as_tensor(picture):
    return torch.from_numpy(np.array(picture, dtype=np.float32))


@pytest.mark.parametrize("size", [(300, 200), (50, 90), (37, 37)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_squash_is_pillow_up_to_its_rounding(size, interpolation):
    values = (random_pixels(*size) * 255).round().to(torch.uint8)
    method = getattr(PIL.Image.Resampling, interpolation.upper())
    expected = PIL.Image.fromarray(values.numpy()).resize((40, 56), method)
    found = Geometry(size, (56, 40), interpolation=interpolation).to_input(values[None] / 255)
    difference = found[0, 0] * 255 - as_tensor(expected)
    assert difference.abs().max() <= (1e-4 if interpolation == "nearest" else 1.6)


def test_bicubic_stays_in_range():
    checkers = random_mask(1, 50, 50).float()
    frame = Geometry((50, 50), (224, 224), interpolation="bicubic").to_input(checkers)
    assert frame.min() == 0
    assert frame.max() == 1


def test_the_image_is_left_as_it_was():
    pixels = random_pixels(1, 8, 8)
    before = pixels.clone()
    Geometry((8, 8), (8, 8)).to_input(pixels).zero_()
    assert torch.equal(pixels, before)


@pytest.mark.parametrize("size", [(3, 5000), (5000, 3), (2, 2000), (1, 2001), (1, 1)])
@pytest.mark.parametrize("rule", ["squash", "crop"])
def test_extreme_shapes_are_shown(size, rule):
    geometry = Geometry(size, (224, 224), rule, 0.875 if rule == "crop" else 1.0)
    frame = geometry.to_input(random_pixels(1, *size))
    assert frame.shape == (1, 1, 224, 224)
    assert geometry.restore(geometry.valid()).any()


@pytest.mark.parametrize(
    "geometry",
    [
        ((1, 2000), (224, 224), "pad", 1.0),  # its height would be a ninth of a pixel
        ((5000, 3), (224, 224), "pad", 1.0),
        ((1, 2000), (224, 224), "crop", 0.875),  # the crop lies between two pixels' centres
        ((2, 2), (10, 10), "squash", 0.4),
    ],
)
def test_an_image_that_would_vanish_is_refused(geometry):
    with pytest.raises(ImageError, match=r"vanishes .* choose the rule 'squash'"):
        Geometry(*geometry)


def test_an_empty_image_is_refused():
    with pytest.raises(ImageError, match="no pixels"):
        Geometry((0, 5), (224, 224))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rule": "stretch"}, "'stretch'"),
        ({"interpolation": "lanczos"}, "'lanczos'"),
        ({"crop_share": 0.0}, "crop_share is 0.0"),
        ({"crop_share": 1.5}, "crop_share is 1.5"),
        ({"input": (0, 224)}, "0 x 224"),
    ],
)
def test_settings_out_of_range_are_named(change, named):
    with pytest.raises(ConfigError, match=named):
        dataclasses.replace(Geometry((10, 10), (20, 20)), **change)


def test_masks_and_images_of_another_size_are_refused():
    geometry = Geometry((10, 12), (20, 20))
    with pytest.raises(ImageError, match=r"20 x 21 .* expects 20 x 20"):
        geometry.restore(random_mask(1, 1, 20, 21))
    with pytest.raises(ImageError, match=r"12 x 10 .* expects 10 x 12"):
        geometry.project(random_mask(12, 10))
    with pytest.raises(ImageError, match=r"The image has 12 x 10"):
        geometry.to_input(random_pixels(3, 12, 10))


def test_an_image_made_in_memory_has_no_path():
    assert (Image(random_pixels(1, 2, 2)).path, Image(random_pixels(1, 2, 2)).sha256) == ("", "")


def as_opencv(values, size):
    """One row by two pixels of the source for each, whatever lies between: INTER_LINEAR."""
    found = []
    for i in range(size):
        place = (i + 0.5) * len(values) / size - 0.5
        low = math.floor(place)
        ends = [values[min(max(k, 0), len(values) - 1)] for k in (low, low + 1)]
        found.append(ends[0] + (ends[1] - ends[0]) * (place - low))
    return found


def as_covered(values, size):
    """One row by the mean of what each new pixel covers: INTER_AREA."""
    wide = len(values) / size
    shares = [
        [max(0.0, min(k + 1, (i + 1) * wide) - max(k, i * wide)) for k in range(len(values))]
        for i in range(size)
    ]
    return [np.dot(row, values) / wide for row in shares]


@pytest.mark.parametrize("size", [(3, 5), (7, 4), (1, 2), (12, 9)])
@pytest.mark.parametrize(
    ("settings", "slowly"),
    [({"antialias": False}, as_opencv), ({"interpolation": "area"}, as_covered)],
)
def test_as_opencv_makes_smaller(size, settings, slowly):
    values = np.random.default_rng(0).random((12, 9))
    rows = np.array([slowly(row, size[1]) for row in values])
    expected = np.array([slowly(column, size[0]) for column in rows.T]).T
    found = Geometry((12, 9), size, **settings).to_input(torch.from_numpy(values[None]))
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-6)


def test_fine_texture_keeps_its_spread_without_antialiasing_only():
    noise = torch.rand(1, 256, 256, generator=torch.Generator().manual_seed(0))
    spread = {
        antialias: float(Geometry((256, 256), (40, 40), antialias=antialias).to_input(noise).std())
        for antialias in (True, False)
    }
    assert spread[True] < 0.06 < 0.15 < spread[False]


def test_area_grows_as_bilinear_does():
    values = torch.rand(1, 5, 6, generator=torch.Generator().manual_seed(0))
    grown = [
        Geometry((5, 6), (9, 11), interpolation=name).to_input(values)
        for name in ("area", "bilinear")
    ]
    assert torch.equal(*grown)
