"""A mask as polygons along the edges of its pixels: as large as the mask, holes and parts kept."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor


def polygons(mask: Bool[Tensor, "h w"]) -> Any:  # noqa: ANN401  shapely has no types
    """The mask as one shapely geometry, a polygon or several; x to the right, y down, in pixels.

    The pixel in row i and column j covers [j, j + 1] x [i, i + 1]. Pixels that touch only at a
    corner are in different polygons.
    """
    import shapely

    pixels = mask.cpu().numpy()
    faces = shapely.get_parts(shapely.polygonize(shapely.linestrings(_edges(pixels))))
    corners = [min(face.exterior.coords, key=lambda at: (at[1], at[0])) for face in faces]
    inside = [bool(pixels[int(y), int(x)]) for x, y in corners]  # the pixel below and right of it
    filled = [face for face, kept in zip(faces, inside, strict=True) if kept]
    return shapely.normalize(filled[0] if len(filled) == 1 else shapely.MultiPolygon(filled))


def _edges(pixels: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "n 2 2"]:
    """Straight lines between true and false pixels, from corner to corner, as x y pairs."""
    padded = np.pad(pixels, 1)
    across = padded[:-1, 1:-1] != padded[1:, 1:-1]  # h+1 w, edges that run along a row
    down = padded[1:-1, :-1] != padded[1:-1, 1:]  # h w+1, edges that run along a column
    rows, first, end = _lines(across, down)
    columns, top, bottom = _lines(down.T, across.T)
    level = np.stack([first, rows, end, rows], axis=1)
    upright = np.stack([columns, top, columns, bottom], axis=1)
    return np.concatenate([level, upright]).reshape(-1, 2, 2).astype(np.float64)


def _lines(
    along: Bool[np.ndarray, "m n"], other: Bool[np.ndarray, "m1 n1"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of edges joined to lines, which end where an edge of the other direction meets them.

    Returns:
        The row of each line, where it begins and where it ends.
    """
    ends = np.pad(other, ((1, 0), (0, 0))) | np.pad(other, ((0, 1), (0, 0)))  # m n+1, at corners
    begins, stops = along & ends[:, :-1], along & ends[:, 1:]
    rows, first = np.nonzero(begins)
    return rows, first, np.nonzero(stops)[1] + 1
