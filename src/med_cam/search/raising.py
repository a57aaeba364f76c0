"""A coarse grid of scores raised smoothly to the size of an image."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def raised(raw: Float[Tensor, "1 1 g g"], size: tuple[int, int]) -> Float[Tensor, "1 1 h w"]:
    """A coarse grid raised smoothly to a size (bicubic).

    On a GPU by two matrices, which is the same: torch's own gradient adds there in any order, so
    that the same seed would give another mask.
    """
    if raw.device.type == "cpu":
        return F.interpolate(raw, size=size, mode="bicubic", align_corners=False)
    rows, columns = (raising(*sides) for sides in zip(raw.shape[2:], size, strict=True))
    return rows.to(raw) @ raw @ columns.to(raw).T


def raising(coarse: int, fine: int) -> Float[Tensor, "fine coarse"]:
    """The matrix that raises a column of so many values to so many (bicubic)."""
    each = torch.eye(coarse)[:, None, :, None]  # one column a value
    columns = F.interpolate(each, size=(fine, 1), mode="bicubic", align_corners=False)
    return columns[:, 0, :, 0].T
