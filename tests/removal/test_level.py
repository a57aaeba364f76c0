"""What a mask shows of maps of other sizes."""

import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from med_cam.removal.level import largest_along


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 23), st.integers(1, 23)),
    to=st.tuples(st.integers(1, 23), st.integers(1, 23)),
    seed=st.integers(0, 99),
)
def test_largest_values_by_rows_and_columns_are_those_of_windows_and_so_is_their_gradient(
    sizes, to, seed
):
    x = torch.rand(2, 1, *sizes, generator=torch.Generator().manual_seed(seed))
    weight = torch.rand(2, 1, *to, generator=torch.Generator().manual_seed(seed + 1))
    gradients = []
    for pooled in (
        lambda x: F.adaptive_max_pool2d(x, to),
        lambda x: largest_along(largest_along(x, 2, to[0]), 3, to[1]),
    ):
        each = x.clone().requires_grad_()
        out = pooled(each)
        (gradient,) = torch.autograd.grad((out * weight).sum(), each)
        gradients.append((out, gradient))
    assert torch.equal(gradients[0][0], gradients[1][0])
    torch.testing.assert_close(gradients[0][1], gradients[1][1])
