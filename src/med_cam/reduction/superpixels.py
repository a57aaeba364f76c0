"""Superpixels whose borders lie where the image is steepest: a watershed from a grid of markers.

Waterpixels (Machairas et al. 2015, doi 10.1109/TIP.2015.2451011) with next to no pull to their
regular grid: each cell has one marker, where it is flattest near its middle, and the regions that
grow from the markers meet on the ridges between them. What stays small is flooded by its
neighbours, across the lowest ridge. Rows of cells are shifted by half a cell, so that where the
image has no edges the regions come out as hexagons: no right angle that is not in the image.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

DENSE = 0.875  # sides of a cell in one of the mean area: some regions are flooded by others
SMALLEST = 0.4  # of the mean area
SMOOTH = 0.09  # of a side of the mean area
FAINT = 1e-6  # a pixel away from a marker: less than any edge

Slopes = Float[np.ndarray, "h w"]


def superpixels(
    slopes: Slopes, side: int, inside: Bool[Tensor, "h w"] | None = None
) -> Int[Tensor, "h w"]:
    """The superpixels of an image, numbered from 1; 0 outside of the part that is divided.

    Each is connected if that part is, and has at least two fifths of the mean area.

    Args:
        slopes: of the image, from `steepness`.
        side: of a square of the mean area, in pixels.
        inside: the part that is divided; all of it if not given.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import watershed

    part = np.ones(slopes.shape, bool) if inside is None else inside.cpu().numpy()
    markers = flattest(slopes, part, side)
    slopes = slopes + FAINT * distance_transform_edt(markers == 0)
    while True:
        labels = watershed(slopes, markers, mask=part)  # type: ignore[no-untyped-call]
        sizes = np.bincount(labels.ravel())[1:]
        there = sizes.nonzero()[0]
        small = there[sizes[there] < SMALLEST * side**2]
        if not len(small) or len(there) == 1:
            return renumbered(torch.from_numpy(labels))
        order = small[sizes[small].argsort(kind="stable")]
        gone = order[: min((len(order) + 1) // 2, len(there) - 1)] + 1  # the others grow by them
        markers = np.where(np.isin(markers, gone), 0, markers)


def renumbered(labels: Int[Tensor, "h w"]) -> Int[Tensor, "h w"]:
    """The same regions, numbered from 1 without gaps; 0 stays."""
    there = labels > 0
    found = torch.zeros(labels.shape, dtype=torch.int64)
    found[there] = labels[there].unique(return_inverse=True)[1] + 1
    return found


def steepness(pixels: Float[Tensor, "c h w"], side: int) -> Slopes:
    """The length of the gradient, of all channels together.

    Args:
        pixels: grey or RGB, in [0, 1].
        side: of a square of the mean area of a region, in pixels; finer edges are none.
    """
    from scipy.ndimage import gaussian_gradient_magnitude

    planes = pixels.cpu().double().numpy()
    each = [gaussian_gradient_magnitude(plane, SMOOTH * side) for plane in planes]
    slopes: Slopes = np.linalg.norm(each, axis=0)
    return slopes


def flattest(slopes: Slopes, part: Bool[np.ndarray, "h w"], side: int) -> Int[np.ndarray, "h w"]:
    """A marker a cell of a grid: its flattest pixel near the middle, numbered from 1."""
    markers = np.zeros(slopes.shape, np.int32)
    number = 0
    for row, rows in enumerate(cells(slopes.shape[0], side)):
        for columns in cells(slopes.shape[1], side, shifted=row % 2 == 1):
            window = np.where(part[rows, columns], slopes[rows, columns], np.inf)
            if window.size and np.isfinite(window.min()):
                number += 1
                place = np.unravel_index(window.argmin(), window.shape)
                markers[rows, columns][place] = number
    return markers


def cells(length: int, side: int, *, shifted: bool = False) -> list[slice]:
    """The middle third of each cell of a row; shifted by half a cell it has one more."""
    count = max(1, round(length / (DENSE * side)))
    width = length / count
    starts = [width * (i - shifted / 2 + 1 / 3) for i in range(count + shifted)]
    return [slice(max(0, round(s)), max(1, round(s + width / 3))) for s in starts]
