"""The exported mask is the mask."""

import struct
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image as Picture

from med_cam.errors import ImageError
from med_cam.images.mask_file import mask_from_png, mask_png


def random_mask(height, width, seed, share=0.5):
    return torch.rand(height, width, generator=torch.Generator().manual_seed(seed)) < share


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**31), st.floats(0, 1))
def test_a_mask_survives_the_file_bit_for_bit(height, width, seed, share):
    mask = random_mask(height, width, seed, share)
    again = mask_from_png(mask_png(mask))
    assert again.dtype == torch.bool
    assert torch.equal(again, mask)


def test_the_file_is_a_one_bit_grey_png_of_the_same_size():
    header = mask_png(torch.zeros(5, 13, dtype=torch.bool))[:26]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:24]) == (13, 5)
    assert header[24] == 1  # bits a sample
    assert header[25] == 0  # grey


def test_white_is_true(tmp_path):
    (tmp_path / "m.png").write_bytes(mask_png(torch.tensor([[True, False]])))
    with Picture.open(tmp_path / "m.png") as picture:
        assert [picture.getpixel((0, 0)), picture.getpixel((1, 0))] == [255, 0]


def test_a_mask_that_is_a_view_is_saved_as_seen():
    mask = random_mask(20, 30, 1)[::2, 3:17].T
    assert torch.equal(mask_from_png(mask_png(mask)), mask)


def test_the_same_mask_gives_the_same_bytes():
    assert mask_png(random_mask(40, 50, 3)) == mask_png(random_mask(40, 50, 3))


def test_the_mask_read_can_be_changed_without_a_warning():
    mask = mask_from_png(mask_png(random_mask(4, 4, 0)))
    mask[0, 0] = True
    assert bool(mask[0, 0])


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", mask_png(random_mask(64, 64, 0))[:-60]]
)
def test_bytes_that_are_no_whole_png_are_refused_in_one_sentence(data):
    with pytest.raises(ImageError, match="not a complete PNG file"):
        mask_from_png(data)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_or_still_a_mask(data):
    good = bytearray(mask_png(random_mask(16, 16, 5)))
    good[data.draw(st.integers(8, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ImageError):
        assert mask_from_png(bytes(good)).dtype == torch.bool


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_more_than_one_bit_a_pixel_is_refused(mode, tmp_path):
    Picture.new(mode, (4, 4)).save(tmp_path / "m.png", bits=8)
    with pytest.raises(ImageError, match="1 bit"):
        mask_from_png((tmp_path / "m.png").read_bytes())


def test_an_empty_mask_is_refused():
    with pytest.raises(ImageError, match="0 x 3"):
        mask_png(torch.zeros(0, 3, dtype=torch.bool))
