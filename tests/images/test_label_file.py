"""The parts of a mask come back from their file bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from med_cam.errors import ImageError
from med_cam.images.label_file import labels_from_png, labels_png
from med_cam.images.mask_file import mask_png


@given(
    arrays.arrays(
        np.int64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 65535)
    )
)
@settings(max_examples=30, deadline=None)
def test_numbers_come_back(numbers):
    labels = torch.from_numpy(numbers)
    assert torch.equal(labels_from_png(labels_png(labels)), labels)


def test_more_parts_than_a_file_holds_are_refused():
    with pytest.raises(ImageError, match="65536 parts"):
        labels_png(torch.tensor([[65536]]))


@pytest.mark.parametrize("content", [b"", b"no picture", labels_png(torch.ones(4, 4).long())[:45]])
def test_what_is_no_whole_file_is_refused(content):
    with pytest.raises(ImageError, match="not a complete PNG"):
        labels_from_png(content)


def test_a_mask_is_no_file_of_parts():
    with pytest.raises(ImageError, match="not 16 bits"):
        labels_from_png(mask_png(torch.ones(4, 4, dtype=torch.bool)))
