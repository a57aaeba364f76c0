"""An explained image with fewer pixels, none of its parts moved by more than one of them."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from med_cam_studies.evaluation.rows import Shown

LONGEST = 1200  # pixels per side at most in figures and report; sources may have twelve million


def within(shown: Shown, longest: int) -> Shown:
    """The same with at most so many pixels per side."""
    k = -(-max(shown.mask.shape) // longest)
    return shown if k == 1 else shrunk(shown, k)


def shrunk(shown: Shown, k: int) -> Shown:
    """The same with k by k pixels as one: the mean of images and maps, most of a mask."""
    return replace(
        shown,
        pixels=pooled(shown.pixels, k),
        mask=most(shown.mask, k),
        maps={name: pooled(values[None], k)[0] for name, values in shown.maps.items()},
        finding=None if shown.finding is None else anywhere(shown.finding, k),
        others={title: most(mask, k) for title, mask in shown.others.items()},
        outlined=tuple(o._replace(mask=most(o.mask, k)) for o in shown.outlined),
        regions=None if shown.regions is None else middles(shown.regions, k),
    )


def pooled(x: Float[Tensor, "c h w"], k: int) -> Float[Tensor, "c h1 w1"]:
    """Means of k by k pixels; of fewer at the far edges."""
    return F.avg_pool2d(x[None], k, ceil_mode=True, count_include_pad=False)[0]


def most(mask: Bool[Tensor, "h w"], k: int) -> Bool[Tensor, "h1 w1"]:
    """True where at least half of k by k pixels is."""
    return pooled(mask.float()[None], k)[0] >= 0.5


def middles(regions: Int[Tensor, "h w"], k: int) -> Int[Tensor, "h1 w1"]:
    """The number in the middle of k by k pixels; of the last one where they are fewer."""
    rows, columns = (
        torch.arange(0, side, k).add(k // 2).clamp(max=side - 1) for side in regions.shape
    )
    return regions[rows][:, columns]


def anywhere(finding: Bool[Tensor, "h w"], k: int) -> Bool[Tensor, "h1 w1"]:
    """True where any of k by k pixels is, so that a finding of a few pixels stays to be seen."""
    return F.max_pool2d(finding.float()[None], k, ceil_mode=True)[0] > 0
