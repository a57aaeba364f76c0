"""The image's own regions: superpixels whose borders follow its edges, and masks made of them.

They are of the image as the classifier sees it, see `superpixels`. Each region is connected and
has at least half of the mean area, so that a mask made of whole regions has no speck and no hole
below that.
"""

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import settled
from med_cam.reduction.superpixels import steepness, superpixels

Regions = Int[Tensor, "1 1 h w"]  # a number from 1 for each region; 0 is in none


def regions_of(case: Case, side: int) -> Regions:
    """The regions of a case's image where evidence may lie.

    As they come back from the source's pixels, so that a mask made of them does too.

    Args:
        case: the image before the classifier.
        side: of a square of the mean area, in pixels of the model input.
    """
    pixels = pixels_shown(case)
    rows, columns = (case.scene.valid[0, 0].cpu().any(dim=d).nonzero()[:, 0] for d in (1, 0))
    top, left = int(rows[0]), int(columns[0])
    shown = pixels[:, top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
    labels = torch.zeros(pixels.shape[1:], dtype=torch.int64)
    found = divided(shown, side)
    labels[top : top + found.shape[0], left : left + found.shape[1]] = found
    regions = settled(case, labels[None, None]).to(case.open.device)
    return torch.where(case.open, regions, 0)


def pixels_shown(case: Case) -> Float[Tensor, "c h w"]:
    """The image as the classifier sees it, in [0, 1]."""
    return case.classifier.pixels_of(case.scene.x)[0].cpu().double()


def divided(pixels: Float[Tensor, "c h w"], side: int) -> Int[Tensor, "h w"]:
    """Superpixels, or squares where an image has no edges at all."""
    flat = bool(pixels.min() == pixels.max())
    return (
        squares(pixels.shape[1:], side)
        if flat
        else superpixels(pixels, steepness(pixels, side), side)
    )


def squares(size: Sequence[int], side: int) -> Int[Tensor, "h w"]:
    """Squares in place of superpixels, where an image has no edges at all."""
    across = -(-size[1] // side)
    rows, columns = torch.arange(size[0]) // side, torch.arange(size[1]) // side
    return rows[:, None] * across + columns[None, :] + 1


def pooled(maps: Float[Tensor, "n 1 h w"], regions: Regions) -> Float[Tensor, "n 1 h w"]:
    """The mean score of its region on each pixel; below all of them where there is none."""
    labels = regions.flatten().cpu()  # a GPU would add in any order
    sizes = labels.bincount()
    sums = [torch.bincount(labels, scores) for scores in maps.flatten(1).cpu().double()]
    means = torch.stack(sums) / sizes.clamp(min=1)
    inside = sizes.nonzero()[:, 0]
    inside = inside[inside > 0]
    means[:, 0] = means[:, inside].amin(dim=1) - 1 if len(inside) else 0.0
    return means.to(maps)[:, regions[0]]


def highest(
    scores: Float[Tensor, "1 1 h w"], regions: Regions, share: float, *, whole: bool = True
) -> Bool[Tensor, "1 1 h w"]:
    """The regions of the highest scores, whole ones, until they hold a share of all pixels.

    Masks of one map are nested.

    Args:
        scores: from `pooled`.
        regions: that they were pooled over.
        share: of the pixels of the model input.
        whole: the last region goes in though it goes beyond the share; else only the first may.
    """
    sizes = regions.flatten().bincount()
    of_region = scores.new_full((len(sizes),), -torch.inf).double()
    of_region[regions.flatten()] = scores.flatten().double()
    of_region[0] = -torch.inf
    order = of_region.argsort(descending=True, stable=True)
    order = order[(sizes[order] > 0) & (order > 0)]
    most = max(share * regions.numel(), 1)
    held = sizes[order].cumsum(0).double()  # whole numbers are compared as float32 otherwise
    fits = held - sizes[order] < most if whole else held <= most
    fits[:1] = True
    return union(regions, order[fits].tolist())


def union(regions: Regions, chosen: Iterable[int]) -> Bool[Tensor, "1 1 h w"]:
    """The mask of these regions."""
    is_chosen = torch.zeros(int(regions.max()) + 1, dtype=torch.bool, device=regions.device)
    is_chosen[list(chosen)] = True
    return is_chosen[regions]


def within(mask: Bool[Tensor, "1 1 h w"], regions: Regions) -> frozenset[int]:
    """The regions that hold evidence."""
    return frozenset(regions[mask].unique().tolist()) - {0}
