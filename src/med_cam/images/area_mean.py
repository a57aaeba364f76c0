"""An image made smaller: each pixel is the mean of what it covers, pixels cut by their share."""

import numpy as np
from jaxtyping import Float, UInt8


def area_mean(
    values: UInt8[np.ndarray, "h w c"],
    rows: Float[np.ndarray, " n"],
    columns: Float[np.ndarray, " m"],
) -> UInt8[np.ndarray, "n1 m1 c"]:
    """The means between borders, rounded to whole levels.

    Where borders are one pixel apart and whole, the pixels themselves.

    Args:
        values: the image.
        rows: borders of the new rows, ascending, in pixels from the upper edge; one more than
            there are rows.
        columns: borders of the new columns, from the left edge.
    """
    narrow = _means(values, columns, axis=1)
    return _means(narrow, rows, axis=0).round().clip(0, 255).astype(np.uint8)


def _means(
    values: np.ndarray, borders: Float[np.ndarray, " n"], *, axis: int
) -> Float[np.ndarray, "h w c"]:
    """Differences of the running sum at the borders, which may lie between pixels."""
    shape = list(values.shape)
    shape[axis] += 1
    sums = np.zeros(shape)  # up to each border of the image's pixels
    after = tuple(slice(1, None) if i == axis else slice(None) for i in range(values.ndim))
    np.cumsum(values, axis=axis, out=sums[after])
    whole = np.clip(np.floor(borders), 0, values.shape[axis] - 1).astype(np.int64)
    below, above = sums.take(whole, axis), sums.take(whole + 1, axis)
    column = (-1,) + (1,) * (values.ndim - 1 - axis)
    at = below + (above - below) * (borders - whole).reshape(column)
    means: np.ndarray = np.diff(at, axis=axis) / np.diff(borders).reshape(column)
    return means
