"""Arrays give the values that they hold, or one sentence."""

import numpy as np
import pytest
import torch

from images.small_files import COLOUR, DEEP, GREY, unit
from med_cam.errors import ImageError
from med_cam.images.from_array import image_from_array


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("values", "white"),
    [(GREY, 255), (DEEP, 65535), (GREY.astype(np.float64) / 255, 1), (GREY > 127, 1)],
)
def test_arrays_are_scaled_by_their_type(kind, values, white):
    image = image_from_array(kind(values))
    torch.testing.assert_close(image.pixels, unit(values, white))
    assert (image.path, image.sha256) == ("", "")


def test_channels_may_be_first_or_last():
    expected = unit(COLOUR)
    torch.testing.assert_close(image_from_array(COLOUR).pixels, expected)
    torch.testing.assert_close(image_from_array(np.moveaxis(COLOUR, 2, 0)).pixels, expected)
    narrow = COLOUR[:3]  # 3 7 3: last in an array, first in a tensor
    torch.testing.assert_close(image_from_array(narrow).pixels, unit(narrow))
    as_tensor = torch.from_numpy(np.moveaxis(narrow, 2, 0).copy())  # 3 3 7
    torch.testing.assert_close(image_from_array(as_tensor).pixels, unit(narrow))
    both = torch.from_numpy(COLOUR[:3, :, :].copy())
    torch.testing.assert_close(image_from_array(both).pixels[0], both[0] / 255)


def test_arrays_of_odd_layout_and_number_are_read():
    torch.testing.assert_close(image_from_array(GREY[::-1, ::2]).pixels, unit(GREY[::-1, ::2]))
    swapped = image_from_array(DEEP.astype(">u2"))
    torch.testing.assert_close(swapped.pixels, unit(DEEP, 65535))
    half = torch.tensor([[0.5, 0.25]], dtype=torch.bfloat16, requires_grad=True)
    torch.testing.assert_close(image_from_array(half).pixels, torch.tensor([[[0.5, 0.25]]]))
    assert image_from_array(GREY, channels=3).pixels.shape == (3, 5, 7)
    assert image_from_array(COLOUR, channels=1).pixels.shape == (1, 5, 7)


def test_an_image_keeps_no_hold_of_its_array():
    values = np.zeros((4, 4), dtype=np.float32)
    image = image_from_array(values)
    values[:] = 1
    assert image.pixels.max() == 0


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((5, 7, 4), np.uint8), r"\(5, 7, 4\) has neither 1 nor 3 channels"),
        (np.zeros((2, 3, 5, 7), np.uint8), r"\(2, 3, 5, 7\) is no image"),
        (np.zeros((0, 7), np.uint8), r"\(0, 7\) is no image"),
        (np.zeros((5, 7), np.int64), "int64 has no known range"),
        (np.zeros((5, 7), np.complex64), "complex64 has no known range"),
        (np.full((5, 7), 1.5), r"from 1.5 to 1.5; scale them to \[0, 1\]"),
        (np.full((5, 7), -0.1), "from -0.1"),
        (np.full((5, 7), np.nan), "NaN"),
        (torch.full((5, 7), torch.inf), "infinite"),
    ],
)
def test_arrays_without_meaning_are_refused(array, sentence):
    with pytest.raises(ImageError, match=sentence):
        image_from_array(array)
