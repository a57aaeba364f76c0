"""Maps that any method has to beat: a place, one pass per place, chance."""

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.masking.masks import smooth_field
from med_cam.search.disc_map import discs, shown_alone

PLACES = 7  # discs per side
RADII = (0.30, 0.50)  # in shares of half the shorter side; with 7 x 7 places 98 passes
BASELINES = ("grey", "gaussian")
SMALLEST = 1e-6  # a probability whose logarithm still is a number
COARSE = 8  # values per side of the random field: blobs of about the size of a finding


def centre_disc(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """Nearness to the middle of the image; its cuts are discs. No pass at all."""
    return -from_centre(*case.scene.x.shape[2:])[None, None].to(case.scene.x)


def from_centre(h: int, w: int) -> Float[Tensor, "h w"]:
    """Distance of each pixel from the middle of the image, in pixels."""
    rows = torch.arange(h)[:, None] - (h - 1) / 2
    columns = torch.arange(w)[None, :] - (w - 1) / 2
    return (rows.square() + columns.square()).sqrt()


def one_disc(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """Mean log-probability of the target over the discs that hold a pixel, one disc per pass.

    Around the discs grey and noise take turns.
    """
    x = case.scene.x
    masks = discs(x.shape[2], x.shape[3], PLACES, RADII).to(x)  # n 1 h w
    p = shown_alone(case.batched, masks, BASELINES, generator)[:, case.target.index]
    log_p = p.clamp(min=SMALLEST).log()[:, None, None, None]
    return (masks * log_p).sum(dim=0, keepdim=True) / masks.sum(dim=0, keepdim=True).clamp(min=1)


def smooth_random(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """A smooth random field, which knows nothing of image or classifier."""
    return smooth_field(case.scene.x.shape[2:], COARSE, generator).to(case.scene.x)
