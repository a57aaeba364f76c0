"""More than 8 bits: what is white is known, or is asked for."""

import numpy as np
import pytest
import torch

from images.bytes_of import deep_png, encoded, page, png_chunk, tiff
from med_cam.errors import ConfigError, ImageError
from med_cam.images.from_array import image_from_array
from med_cam.images.read import read_image
from med_cam.images.white import white_of, white_text

TWELVE = np.random.default_rng(0).integers(0, 4096, (6, 8), dtype=np.uint16)
TWELVE[0, :2] = 0, 4095


def written(tmp_path, content, name="x.bin"):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def expected(values, white):
    return torch.tensor([[[float(v) / white for v in row] for row in values.tolist()]])


@pytest.mark.parametrize(
    "content",
    [deep_png(TWELVE), tiff(page(TWELVE)), tiff(page(TWELVE, order=">"), order=">", big=True)],
    ids=["png", "tiff", "bigtiff"],
)
def test_twelve_bits_in_sixteen_are_refused_until_white_is_declared(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(ImageError, match=r"largest value is 4095, 6\.2% of the 65535") as caught:
        read_image(path)
    assert "--white VALUE" in str(caught.value)
    found = read_image(path, channels=1, white=4095)
    torch.testing.assert_close(found.pixels, expected(TWELVE, 4095))
    assert found.white == 4095
    assert found.notes == (
        "the image was read with 4095 as white, where 16-bit values reach 65535",
    )
    dark = read_image(path, channels=1, white="file")
    torch.testing.assert_close(dark.pixels, expected(TWELVE, 65535))
    assert (dark.white, dark.notes) == ("file", ())


def test_a_few_hot_pixels_make_no_range(tmp_path):
    """One value of two thousand at the top of the range: the others are as dark as before."""
    values = np.tile(TWELVE.max() * np.arange(2000) // 2000, (1, 1)).astype(np.uint16)
    values[0, 7] = 65535
    path = written(tmp_path, deep_png(values))
    with pytest.raises(ImageError, match="nearly all values are at most 409"):
        read_image(path)
    found = read_image(path, channels=1, white=4095)
    torch.testing.assert_close(found.pixels, expected(values.clip(max=4095), 4095))
    assert found.notes[0].endswith("1 of its 2000 values lie above and are shown white")
    values[0, :200] = 65535  # a tenth is no hot pixel
    bright = written(tmp_path, deep_png(values))
    assert read_image(bright, channels=1).pixels.max() == 1.0
    with pytest.raises(ImageError, match="above the 4095 that was declared white"):
        read_image(bright, white=4095)


@pytest.mark.parametrize("bits", [9, 10, 11, 12, 13])
def test_up_to_an_eighth_of_the_range_is_refused(tmp_path, bits):
    values = np.array([[0, 2**bits - 1]], dtype=np.uint16)
    with pytest.raises(ImageError, match="almost black"):
        read_image(written(tmp_path, deep_png(values)))


def test_fourteen_bits_and_an_eighth_are_read(tmp_path):
    for value in (2**14 - 1, 8192):
        values = np.array([[0, value]], dtype=np.uint16)
        found = read_image(written(tmp_path, deep_png(values)), channels=1)
        assert found.pixels.max() == pytest.approx(value / 65535)


def test_a_dark_image_of_eight_bits_is_read_whatever_is_declared(tmp_path):
    values = np.array([[0, 3]], dtype=np.uint8)
    for white in (None, 4095, "file"):
        found = read_image(written(tmp_path, encoded(values, "PNG")), channels=1, white=white)
        torch.testing.assert_close(found.pixels, expected(values, 255))
        assert found.notes == ()


def test_a_value_above_the_declared_white_is_refused(tmp_path):
    path = written(tmp_path, deep_png(TWELVE))
    with pytest.raises(ImageError, match="above the 1023 that was declared white"):
        read_image(path, white=1023)


def test_colour_of_sixteen_bits_is_held_to_the_same(tmp_path):
    colour = np.stack([TWELVE] * 3, axis=2)
    path = written(tmp_path, deep_png(colour))
    with pytest.raises(ImageError, match="almost black"):
        read_image(path)
    with pytest.raises(ImageError, match="only the upper 8 bits are read"):
        read_image(path, white=4095)
    assert read_image(path, white="file").pixels.max() == pytest.approx(15 / 255)
    tags = page(TWELVE) | {
        258: ("H", (16, 16, 16)), 262: ("H", 2), 277: ("H", 3), "data": colour.tobytes(),
    }  # fmt: skip
    del tags[339]
    path = written(tmp_path, tiff(tags))
    with pytest.raises(ImageError, match="almost black"):
        read_image(path)
    found = read_image(path, white=4095).pixels
    torch.testing.assert_close(found, expected(TWELVE, 4095).expand(3, -1, -1))


def test_what_a_file_says_of_its_white_is_used_or_named(tmp_path):
    known = tiff(page(TWELVE, t281=("H", 4095)))
    found = read_image(written(tmp_path, known), channels=1)
    torch.testing.assert_close(found.pixels, expected(TWELVE, 4095))
    assert "4095 as white" in found.notes[0]
    again = read_image(written(tmp_path, known), channels=1, white=4095)
    assert again.notes == found.notes
    torch.testing.assert_close(again.pixels, found.pixels)
    odd = tiff(page(TWELVE, t281=("H", 4090)))
    with pytest.raises(ImageError, match="MaxSampleValue is 4090"):
        read_image(written(tmp_path, odd))
    significant = deep_png(TWELVE, extra=png_chunk(b"sBIT", b"\x0c"))
    with pytest.raises(ImageError, match="its sBIT says that 12 bits are significant: 4095"):
        read_image(written(tmp_path, significant))


def test_floats_are_held_to_the_same(tmp_path):
    values = np.array([[0, 0.06]], dtype=np.float32)
    with pytest.raises(ImageError, match=r"largest value is 0\.06, 6\.0% of the 1 that floats"):
        read_image(written(tmp_path, tiff(page(values))))
    wide = np.array([[0, 4095]], dtype=np.float32)
    assert read_image(written(tmp_path, tiff(page(wide))), white=4095).pixels.max() == 1


def test_arrays_of_sixteen_bits_are_held_to_the_same():
    with pytest.raises(ImageError, match="almost black"):
        image_from_array(TWELVE)
    torch.testing.assert_close(image_from_array(TWELVE, white=4095).pixels, expected(TWELVE, 4095))
    assert image_from_array(TWELVE, white="file").pixels.max() == pytest.approx(4095 / 65535)
    assert image_from_array(np.full((2, 2), 1 / 255)).pixels.max() < 0.01  # floats say their range


def test_white_is_written_as_a_number_or_as_file():
    assert white_of("4095") == 4095
    assert white_of("file") == "file"
    for white in (None, "file", 4095, 65535.0, 0.5, 1e9):
        text = white_text(white)
        assert (None if text is None else white_of(text)) == white
    for text in ("0", "-1", "nan", "inf", "white", ""):
        with pytest.raises(ConfigError, match="grey value above 0"):
            white_of(text)
