"""Outlines as SVG paths along the edges of pixels, in few characters."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.report.outline import Corner, divisions, loops
from med_cam_studies.report.shrunk import middles

LONGEST = 768  # pixels per side that a path follows one by one; of a larger mask two or more


def outline_path(mask: Bool[Tensor, "h w"]) -> str:
    """Closed lines around a mask, in the units of `box_of`; empty for an empty mask.

    Every speck of the mask keeps its outline.
    """
    k = _factor(mask)
    if k > 1:
        mask = F.max_pool2d(mask.float()[None, None], k, ceil_mode=True)[0, 0] > 0
    return "".join(f"{_line(line)}z" for line in loops(mask))


def divisions_path(parts: Int[Tensor, "h w"]) -> str:
    """Lines between the parts of a mask, in the same units."""
    return "".join(map(_line, divisions(middles(parts, _factor(parts)))))


def box_of(mask: Tensor) -> tuple[int, int]:
    """Width and height of a mask in the units of its paths."""
    k = _factor(mask)
    height, width = (-(-side // k) for side in mask.shape)
    return width, height


def _line(corners: Sequence[Corner]) -> str:
    """From corner to corner, along rows and columns in turn."""
    (x, y), *_ = corners
    return f"M{x} {y}" + "".join(_steps(corners))


def _steps(corners: Sequence[Corner]) -> Iterator[str]:
    for (x, y), (x1, y1) in pairwise(corners):
        yield f"h{x1 - x}" if y1 == y else f"v{y1 - y}"


def _factor(mask: Tensor) -> int:
    return -(-max(mask.shape) // LONGEST)
