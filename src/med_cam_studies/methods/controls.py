"""Maps that any method has to beat: a place, one pass a place, chance."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.masking import baseline

PLACES = 7  # discs a side
RADII = (0.30, 0.50)  # in shares of half the shorter side; with 7 x 7 places 98 passes
BASELINES = ("grey", "gaussian")
SMALLEST = 1e-6  # a probability whose logarithm still is a number
CELLS = 8  # values a side of the random field: blobs of about the size of a finding


def centre_disc(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """Nearness to the middle of the frame; its cuts are discs. No pass at all."""
    h, w = case.scene.x.shape[2:]
    rows = torch.arange(h)[:, None] - (h - 1) / 2
    columns = torch.arange(w)[None, :] - (w - 1) / 2
    return -(rows.square() + columns.square()).sqrt()[None, None].to(case.scene.x)


def one_disc(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """Mean log-probability of the target over the discs that hold a pixel, one disc a pass.

    Around the discs grey and noise take turns.
    """
    x = case.scene.x
    masks = discs(x.shape[2], x.shape[3]).to(x)  # n 1 h w
    names = [BASELINES[i % len(BASELINES)] for i in range(len(masks))]
    around = torch.cat([baseline(name, case.scene, generator) for name in names])
    p = case.batched.over(masks, around)[:, case.target.index]
    log_p = p.clamp(min=SMALLEST).log()[:, None, None, None]
    return (masks * log_p).sum(dim=0, keepdim=True) / masks.sum(dim=0, keepdim=True).clamp(min=1)


def discs(h: int, w: int) -> Float[Tensor, "n 1 h w"]:
    """One 0/1 disc a place and radius, on a regular grid of places."""
    rows, columns = torch.arange(h)[:, None] + 0.5, torch.arange(w)[None, :] + 0.5
    middles = [(i + 0.5) / PLACES for i in range(PLACES)]
    found = [
        (rows - y * h).square() + (columns - x * w).square() <= (radius * min(h, w) / 2) ** 2
        for radius in RADII
        for y in middles
        for x in middles
    ]
    return torch.stack(found)[:, None].float()


def smooth_random(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """A smooth random field, which knows nothing of image or classifier."""
    cells = torch.randn(1, 1, CELLS, CELLS, generator=generator)
    field = F.interpolate(cells, case.scene.x.shape[2:], mode="bicubic", align_corners=False)
    return field.to(case.scene.x)
