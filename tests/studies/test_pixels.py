"""Files of every kind as one square, and what the broken ones say."""

import contextlib
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image as Pillow

from med_cam.errors import ImageError
from med_cam.images.read import read_image
from med_cam_studies.data.pixels import square
from tiny_sets import noise

RED = np.full((10, 40, 3), (255, 0, 0), np.uint8)
ORIENTATION = 0x0112


def values(tensor):
    return set(tensor.flatten().tolist())


def test_a_picture_is_squashed_to_a_square(tmp_path):
    """Left half black and right half white stay so; nothing is cut off and nothing padded."""
    halves = np.zeros((10, 40), np.uint8)
    halves[:, 20:] = 255
    Pillow.fromarray(halves).save(tmp_path / "x.png")
    grey = square(tmp_path / "x.png", size=8, channels=1)
    assert grey.shape == (1, 8, 8)
    assert grey.dtype == torch.uint8
    assert values(grey[:, :, :3]) == {0}
    assert values(grey[:, :, 5:]) == {255}


def test_colour_becomes_grey_by_its_luma_and_grey_becomes_three_equal_channels(tmp_path):
    Pillow.fromarray(RED).save(tmp_path / "red.png")
    Pillow.fromarray(np.full((40, 10), 9, np.uint8)).save(tmp_path / "dark.png")
    assert values(square(tmp_path / "red.png", size=8, channels=1)) == {76}  # 0.299 * 255
    assert values(square(tmp_path / "dark.png", size=8, channels=1)) == {9}
    assert values(square(tmp_path / "dark.png", size=8, channels=3)) == {9}
    red = square(tmp_path / "red.png", size=8, channels=3)
    assert [values(channel) for channel in red] == [{255}, {0}, {0}]


MODES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16", "L turned", "RGB turned")


def of_mode(name):
    """A picture of 16 x 16 pixels and how it is saved."""
    mode, _, turned = name.partition(" ")
    if mode == "I;16":
        return Pillow.fromarray(noise(1, (16, 16))[..., 0].astype(np.uint16) * 257), {}
    exif = Pillow.Exif()
    exif[ORIENTATION] = 6
    return Pillow.fromarray(noise(1, (16, 16))).convert(mode), {"exif": exif} if turned else {}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_what_is_trained_on_is_what_is_explained(tmp_path, mode, channels):
    """At the picture's own size nothing is resized, and the two ways of reading must agree."""
    picture, options = of_mode(mode)
    path = tmp_path / ("x.tif" if mode in ("CMYK", "YCbCr") else "x.png")
    picture.save(path, **options)
    expected = read_image(path, channels=channels).pixels * 255
    difference = square(path, size=16, channels=channels) - expected
    assert difference.abs().max() <= (1 if channels == 1 else 0.01)  # luma in whole numbers


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_camera_says(tmp_path, orientation):
    """The bright corner is where the tag puts the first row and the first column."""
    quarter = np.zeros((16, 16), np.uint8)
    quarter[:8, :8] = 255
    exif = Pillow.Exif()
    exif[ORIENTATION] = orientation
    Pillow.fromarray(quarter).save(tmp_path / "x.jpg", exif=exif, quality=95)
    rows, columns = ("top", "top", "bottom", "bottom"), ("left", "right", "right", "left")
    corners = [*zip(rows, columns, strict=True), ("top", "left"), ("top", "right")]
    corners += [("bottom", "right"), ("bottom", "left")]  # TIFF 6.0, tag 274
    grey = square(tmp_path / "x.jpg", size=16, channels=1)[0].float()
    halves = {"top": grey[:8], "bottom": grey[8:]}
    row, column = corners[orientation - 1]
    corner = halves[row][:, :8] if column == "left" else halves[row][:, 8:]
    assert corner.mean() > 240
    assert grey.mean() == pytest.approx(255 / 4, abs=4)


def encoded(tmp_path, name, **options):
    Pillow.fromarray(noise(1, (40, 48))).save(tmp_path / name, **options)
    return (tmp_path / name).read_bytes()


BROKEN = {
    "empty": lambda _: b"",
    "text": lambda _: b"This is no picture.\n" * 50,
    "cut": lambda whole: whole[: len(whole) * 2 // 3],
    "head alone": lambda whole: whole[:20],
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_reported_by_its_name(tmp_path, kind, suffix):
    whole = encoded(tmp_path, f"x.{suffix}")
    (tmp_path / f"x.{suffix}").write_bytes(BROKEN[kind](whole))
    with pytest.raises(ImageError, match=rf"x\.{suffix} cannot be read as an image"):
        square(tmp_path / f"x.{suffix}", size=8, channels=3)


@pytest.mark.parametrize("name", ["gone.jpg", "folder.jpg"])
def test_what_is_no_file_is_reported_by_its_name(tmp_path, name):
    (tmp_path / "folder.jpg").mkdir()
    with pytest.raises(ImageError, match=name):
        square(tmp_path / name, size=8, channels=3)


def test_a_file_is_read_by_its_content_whatever_its_name_says(tmp_path):
    Pillow.fromarray(RED).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    assert values(square(tmp_path / "x.jpg", size=8, channels=3)[0]) == {255}
    Pillow.fromarray(RED).save(tmp_path / "y.eps")  # which Pillow would have a program draw
    (tmp_path / "y.eps").rename(tmp_path / "y.jpg")
    with pytest.raises(ImageError, match=r"y\.jpg"):
        square(tmp_path / "y.jpg", size=8, channels=3)


@settings(max_examples=60, deadline=None)
@given(
    suffix=st.sampled_from(["jpg", "png", "tif"]),
    changes=st.lists(st.tuples(st.integers(0, 299), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_with_any_damage_to_its_head_a_file_is_read_or_refused(tmp_path_factory, suffix, changes):
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(encoded(folder, f"x.{suffix}"))
    for place, value in changes:
        content[place] = value
    (folder / f"x.{suffix}").write_bytes(content)
    with contextlib.suppress(ImageError):
        assert square(folder / f"x.{suffix}", size=8, channels=3).shape == (3, 8, 8)


def test_more_pixels_than_pillow_takes_are_reported(tmp_path):
    content = bytearray(encoded(tmp_path, "x.png"))
    header = content[12:16] + (20_000).to_bytes(4) * 2 + content[24:29]
    content[16:33] = header[4:] + zlib.crc32(header).to_bytes(4)
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"x\.png"):
        square(tmp_path / "x.png", size=8, channels=3)
