"""Each bad file gives one sentence."""

import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from images.small_files import COLOUR, DEEP, GREY, RANDOM, png, refusal, saved, tiff
from med_cam.errors import ConfigError, ImageError
from med_cam.images.read import read_image


def test_signed_sixteen_bits_are_refused_below_zero(tmp_path):
    path = tmp_path / "ct.tif"
    path.write_bytes(tiff(np.array([[-1000, 400]], dtype=np.int16), sample_format=2))
    assert "from -1000 to 400" in refusal(path)


@pytest.mark.parametrize(
    ("values", "kind", "bits", "key"),
    [
        (GREY, 0, 8, struct.pack(">H", GREY[1, 1])),
        (DEEP, 0, 16, struct.pack(">H", DEEP[1, 1])),
        (COLOUR, 2, 8, struct.pack(">HHH", *COLOUR[1, 1])),
    ],
)
def test_a_colour_declared_transparent_is_refused_if_it_occurs(tmp_path, values, kind, bits, key):
    path = tmp_path / "x.png"
    path.write_bytes(png(values, kind=kind, bits=bits, extra=key))
    assert "transparent" in refusal(path)
    absent = next(bytes([0, v]) for v in range(256) if v not in values) * (len(key) // 2)
    path.write_bytes(png(values, kind=kind, bits=bits, extra=absent))
    assert read_image(path).pixels.shape == (3, 5, 7)


def test_a_transparent_palette_is_refused_without_a_warning(tmp_path):
    palette = PIL.Image.fromarray(COLOUR // 128 * 255).quantize(8)
    path = saved(tmp_path / "x.png", palette, transparency=bytes([0, 10, 200, 255]))
    assert "transparent" in refusal(path)
    assert "transparent" in refusal(saved(tmp_path / "x.gif", palette, transparency=0))


def test_a_fourth_channel_without_meaning_is_refused(tmp_path):
    path = tmp_path / "x.tif"
    four = np.zeros((5, 7, 4), dtype=np.uint8)
    path.write_bytes(tiff(four, photometric=2, bits=8, samples=4, extra=0))
    assert "has 4 channels; save it as grey or RGB" in refusal(path)


def test_lab_is_refused_by_name(tmp_path):
    path = saved(tmp_path / "x.tif", PIL.Image.new("LAB", (4, 4)))
    assert "colour mode LAB" in refusal(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_animations_and_pages_are_counted_and_refused(tmp_path, suffix):
    pages = [PIL.Image.fromarray(np.full((8, 8, 3), 80 * i, dtype=np.uint8)) for i in range(3)]
    path = tmp_path / f"x.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert "has 3 frames" in refusal(path)


def test_what_is_no_file_is_refused(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.png")
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be opened" in refusal(tmp_path / ("x" * 5000))
    assert "cannot be opened" in refusal(Path(f"{tmp_path}/\0.png"))


def test_what_is_no_image_is_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"")
    assert "is empty (0 bytes)" in refusal(path)
    path.write_text("This is a text.\n" * 50)
    assert "is a text, which is not read" in refusal(path)
    path.write_bytes(bytes(range(200, 256)) * 9)
    assert "is none of PNG, JPEG, TIFF, BMP, WEBP, GIF" in refusal(path)
    path.write_bytes(bytes(128) + b"DICM" + bytes(400))
    assert "is a DICOM file" in refusal(path)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "is a PostScript file" in refusal(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_files_cut_short_are_refused(tmp_path, suffix, share):
    noise = RANDOM.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    path = saved(tmp_path / f"x.{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


def test_an_image_beyond_the_budget_is_refused(tmp_path):
    path = saved(tmp_path / "x.png", np.zeros((30, 30), dtype=np.uint8))
    assert read_image(path, budget=40_000).pixels.shape == (3, 30, 30)
    sentence = refusal(path, budget=30_000)
    assert "30 x 30 take about" in sentence
    assert "cut out the part to explain" in sentence


WHOLE = {}


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from(["png", "jpg", "tif", "bmp", "webp", "gif"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_damage_gives_an_image_or_an_image_error(tmp_path, suffix, changes):
    path = tmp_path / f"x.{suffix}"
    if suffix not in WHOLE:
        WHOLE[suffix] = saved(path, COLOUR).read_bytes()
    content = bytearray(WHOLE[suffix])
    for place, value in changes:
        content[int(place * place * len(content))] = value  # mostly near the header
    path.write_bytes(content)
    try:
        pixels = read_image(path).pixels
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert pixels.min() >= 0
        assert pixels.max() <= 1


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_numbers_of_channels_are_refused(tmp_path, channels):
    path = saved(tmp_path / "x.png", GREY)
    with pytest.raises(ConfigError, match=f"channels is {channels}"):
        read_image(path, channels=channels)
