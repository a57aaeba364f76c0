"""A mask against a finding that people have outlined."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.errors import ConfigError
from med_cam.images.overlap import iou
from med_cam_studies.evaluation.rows import Overlap
from med_cam_studies.methods.controls import from_centre

LARGEST = 0.98  # share of the image above which an outline does not locate anything


def overlap(
    mask: Bool[Tensor, "h w"], scores: Float[Tensor, "h w"], finding: Bool[Tensor, "h w"]
) -> Overlap:
    """How the mask lies on the finding; shares of nothing are 0.

    Args:
        mask: the evidence.
        scores: the map that it was cut from, higher = retained earlier.
        finding: what people have outlined.
    """
    shared = (mask & finding).sum().item()
    return Overlap(
        inside=shared / max(1, mask.sum().item()),
        covered=shared / max(1, finding.sum().item()),
        iou=iou(mask, finding),
        pointing=pointing(scores, finding),
        share=share(finding),
    )


def pointing(scores: Float[Tensor, "h w"], finding: Bool[Tensor, "h w"]) -> bool:
    """Whether the highest score lies in the finding.

    The pointing game of Zhang et al. 2018 (10.1007/s11263-017-1059-x), without its tolerance of
    15 pixels around the finding. Of equally high pixels at least half have to lie in it: with one
    highest pixel that is the game as it is published, and a map that is level over a large part
    gains nothing from touching the finding somewhere, as it would if any of them were enough.
    """
    highest = scores == scores.max()
    return 2 * (highest & finding).sum().item() >= highest.sum().item() > 0


def share(finding: Bool[Tensor, "h w"]) -> float:
    """Share of the image that is in the finding."""
    return finding.sum().item() / finding.numel()


def usable(finding: Bool[Tensor, "h w"]) -> bool:
    """Whether the outline locates something: it is neither empty nor nearly the whole image."""
    return 0 < share(finding) <= LARGEST


def cut_to_area(
    scores: Float[Tensor, "h w"], area: float, *, valid: Bool[Tensor, "h w"] | None = None
) -> Bool[Tensor, "h w"]:
    """The highest scores, round(area * h * w) pixels of them, as a mask.

    Of equal scores those that come first in reading order are taken, row by row from the top.

    Args:
        scores: higher = retained earlier.
        area: share of the whole image, in [0, 1].
        valid: the pixels to choose from; if there are fewer than needed, all of them are taken.

    Raises:
        ConfigError: if the area is out of range.
    """
    if not 0 <= area <= 1:
        raise ConfigError(f"The area is {area}; it must be a share of the image in [0, 1].")
    places = torch.arange(scores.numel(), device=scores.device)
    if valid is not None:
        places = places[valid.flatten()]
    order = scores.flatten()[places].sort(descending=True, stable=True).indices
    chosen = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    chosen[places[order[: round(area * scores.numel())]]] = True
    return chosen.view_as(scores)


def centre_scores(h: int, w: int) -> Float[Tensor, "h w"]:
    """Nearness to the middle: 1 there, 0 in the corners; its cuts are discs.

    Distances are those of the source's own pixels, so a disc is round in the picture, also where
    the classifier sees the picture squashed.
    """
    return 1 - from_centre(h, w) / max(math.hypot(h - 1, w - 1) / 2, 1.0)
