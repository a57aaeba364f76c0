"""A mask as it comes back from its file: what is judged is what is exported."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.case.case import Case
from med_cam.images.mask_file import mask_from_png, mask_png


def exported(case: Case, mask: Bool[Tensor, "1 1 h w"]) -> Bool[Tensor, "h1 w1"]:
    """The mask in the source image's pixels, written as a file and read again."""
    return mask_from_png(mask_png(case.geometry.restore((mask & case.open).cpu())))


def reread(case: Case, mask: Bool[Tensor, "h1 w1"]) -> Bool[Tensor, "1 1 h w"]:
    """An exported mask in the model input."""
    return case.geometry.project(mask).to(case.scene.x.device)


def settled(case: Case, labels: Int[Tensor, "1 1 h w"]) -> Int[Tensor, "1 1 h w"]:
    """Labels of pixels in the model input, as they come back from the source's pixels.

    The same, unless the source is too coarse for them; 0 on padding.
    """
    return labels_reread(case, labels_exported(case, labels))


def labels_exported(case: Case, labels: Int[Tensor, "1 1 h w"]) -> Int[Tensor, "h1 w1"]:
    """Labels of pixels in the source image's pixels; 0 on those that are not seen."""
    planes = [case.geometry.restore(plane) for plane in planes_of(labels.cpu())]
    return assembled(planes)


def labels_reread(case: Case, labels: Int[Tensor, "h1 w1"]) -> Int[Tensor, "1 1 h w"]:
    """Exported labels in the model input."""
    planes = [case.geometry.project(plane) for plane in planes_of(labels)]
    return assembled(planes).to(case.scene.x.device)


def planes_of(labels: Int[Tensor, "*s"]) -> list[Bool[Tensor, "*s"]]:
    """The binary digits of whole numbers, the lowest first: masks, which geometry carries."""
    digits = max(1, int(labels.max()).bit_length())
    return [(labels >> digit) % 2 == 1 for digit in range(digits)]


def assembled(planes: Sequence[Bool[Tensor, "*s"]]) -> Int[Tensor, "*s"]:
    """Whole numbers from their binary digits."""
    return torch.stack([plane.long() << digit for digit, plane in enumerate(planes)]).sum(dim=0)
