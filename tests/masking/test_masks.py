"""Masks are moved by whole pixels."""

import torch
from hypothesis import given, settings, strategies as st

from masking.scenes import fresh
from med_cam.masking.masks import shifted


@given(st.integers(-4, 4), st.integers(-4, 4))
@settings(max_examples=30, deadline=None)
def test_a_shift_moves_every_pixel_and_brings_in_zeros(dy, dx):
    mask = (torch.rand(1, 1, 6, 7, generator=fresh()) > 0.4).float()
    moved = shifted(mask, dy, dx)
    for i in range(6):
        for j in range(7):
            inside = 0 <= i - dy < 6 and 0 <= j - dx < 7
            assert moved[0, 0, i, j] == (mask[0, 0, i - dy, j - dx] if inside else 0)
