"""Regions of a mask split into smaller ones, along the image's own edges too.

Superpixels in each region alone, so that what is small lies within what is large. A mask made of
small regions must not fall to dust: `flaws` counts its parts and holes below a size.
"""

import numpy as np
import scipy.ndimage
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import settled
from med_cam.certification.minimality import region_side
from med_cam.reduction.regions import Regions, pixels_shown, within
from med_cam.reduction.superpixels import steepness, superpixels

TOUCHING = np.ones((3, 3))  # pixels that touch at a corner are connected


def split(case: Case, mask: Bool[Tensor, "1 1 h w"], regions: Regions, side: int) -> Regions:
    """The regions of a mask, split; those outside of it as they were, with other numbers.

    Args:
        case: the image before the classifier.
        mask: of whole regions.
        regions: that it is made of.
        side: of a square of the mean area of the smaller regions, in pixels of the model input.
    """
    pixels = pixels_shown(case)
    slopes = steepness(pixels, region_side(case))
    labels, count = torch.zeros_like(regions).cpu(), 0
    for region in sorted(within(mask, regions)):
        there = (regions == region)[0, 0].cpu()
        if of_one_colour(pixels[:, there]):  # no edge to split it along
            parts = torch.ones(int(there.sum()), dtype=torch.int64)
        else:
            parts = superpixels(pixels, slopes, side, there)[there].clamp(min=1)
        labels[0, 0][there] = parts + count
        count += int(parts.max())
    smaller = settled(case, labels).to(regions.device)
    outside = torch.where(regions > 0, regions + count, 0)
    return torch.where(mask & (smaller > 0), smaller, outside)


def of_one_colour(pixels: Float[Tensor, "c n"]) -> bool:
    """Whether all pixels are alike."""
    return bool((pixels == pixels[:, :1]).all())


def flaws(mask: Bool[Tensor, "1 1 h w"], least: int) -> int:
    """How many parts of a mask, and holes in it, are smaller than so many pixels."""
    shown = mask[0, 0].cpu().numpy()
    parts, many = scipy.ndimage.label(shown, structure=TOUCHING)
    holes, count = scipy.ndimage.label(~shown)
    open_ones = {0, *rim(holes)}
    small = np.bincount(parts.ravel(), minlength=many + 1)[1:] < least
    empty = np.bincount(holes.ravel(), minlength=count + 1) < least
    return int(small.sum()) + sum(bool(empty[n]) for n in range(count + 1) if n not in open_ones)


def rim(labels: Int[np.ndarray, "h w"]) -> set[int]:
    """Labels on the rim of an image."""
    edges = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    return set(np.unique(np.concatenate(edges)).tolist())
