"""A mask by the edges of its pixels: as polygons as large as it, and as lines to be drawn."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

Corner = tuple[int, int]  # x y, of pixels: (0, 0) is that of the first pixel


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
    rows, first, end = runs(across, down)
    columns, top, bottom = runs(down.T, across.T)
    level = np.stack([first, rows, end, rows], axis=1)
    upright = np.stack([columns, top, columns, bottom], axis=1)
    return np.concatenate([level, upright]).reshape(-1, 2, 2).astype(np.float64)


def loops(mask: Bool[Tensor, "h w"]) -> list[list[Corner]]:
    """Closed lines around the mask from corner to corner, x y; the last corner is not repeated.

    Of two pixels that touch only at a corner, one line goes around both.
    """
    ahead = _directed(mask.cpu().numpy())
    lines = []
    while ahead:
        line: list[Corner] = []
        at, facing = next(iter(ahead)), (0, 0)
        while not line or at != line[0]:
            line.append(at)
            left = (facing[1], -facing[0])  # where lines cross
            facing = left if left in ahead[at] else next(iter(ahead[at]))
            end = ahead[at].pop(facing)
            if not ahead[at]:
                del ahead[at]
            at = end
        lines.append(line)
    return lines


def divisions(parts: Int[Tensor, "h w"]) -> list[tuple[Corner, Corner]]:
    """Straight lines between the parts of a mask, from corner to corner.

    Args:
        parts: on each pixel the number of its part, from 1; 0 outside.
    """
    labels = parts.cpu().numpy()
    level, upright = _between(labels), _between(labels.T)
    return [
        *(((x, y + 1), (x1, y + 1)) for y, x, x1 in level),
        *(((x + 1, y), (x + 1, y1)) for x, y, y1 in upright),
    ]


def _between(labels: Int[np.ndarray, "m n"]) -> list[tuple[int, int, int]]:
    """Where a row of pixels is in other parts than the next: the row, first column and end."""
    along = (labels[:-1] != labels[1:]) & (labels[:-1] > 0) & (labels[1:] > 0)
    padded = np.pad(along, ((0, 0), (1, 1)))
    rows, first = np.nonzero(padded[:, 1:-1] & ~padded[:, :-2])
    end = np.nonzero(padded[:, 1:-1] & ~padded[:, 2:])[1] + 1
    return list(zip(rows.tolist(), first.tolist(), end.tolist(), strict=True))


def _directed(pixels: Bool[np.ndarray, "h w"]) -> dict[Corner, dict[Corner, Corner]]:
    """By corner and by direction the corner where that line ends, the mask on its right."""
    padded = np.pad(pixels, 1)
    across = padded[:-1, 1:-1] != padded[1:, 1:-1]  # h+1 w, edges that run along a row
    down = padded[1:-1, :-1] != padded[1:-1, 1:]  # h w+1, edges that run along a column
    rows, first, end = runs(across, down)
    columns, top, bottom = runs(down.T, across.T)
    below, right = padded[rows + 1, first + 1], padded[top + 1, columns + 1]
    ahead: dict[Corner, dict[Corner, Corner]] = {}
    for y, x, x1, forth in zip(*(v.tolist() for v in (rows, first, end, below)), strict=True):
        (x, x1), facing = ((x, x1), (1, 0)) if forth else ((x1, x), (-1, 0))
        ahead.setdefault((x, y), {})[facing] = (x1, y)
    for x, y, y1, back in zip(*(v.tolist() for v in (columns, top, bottom, right)), strict=True):
        (y, y1), facing = ((y1, y), (0, -1)) if back else ((y, y1), (0, 1))
        ahead.setdefault((x, y), {})[facing] = (x, y1)
    return ahead


def runs(
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
