"""A coarse grid raised by matrices, as on a GPU, is what bicubic interpolation raises it to."""

import pytest
import torch
import torch.nn.functional as F

from med_cam.search.train import raising


@pytest.mark.parametrize(
    ("grid", "size"), [((8, 8), (32, 32)), ((5, 7), (33, 20)), ((4, 4), (4, 9))]
)
def test_two_matrices_raise_a_grid_as_bicubic_interpolation_does(grid, size):
    values = torch.rand(1, 1, *grid, generator=torch.Generator().manual_seed(2))
    rows, columns = (raising(*sides) for sides in zip(grid, size, strict=True))
    expected = F.interpolate(values, size=size, mode="bicubic", align_corners=False)
    assert torch.allclose(rows @ values @ columns.T, expected, atol=1e-6)
    assert rows.shape == (size[0], grid[0])
