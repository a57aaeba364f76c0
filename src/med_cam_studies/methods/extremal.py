"""Extremal Perturbations: of each area the smooth mask that preserves the target best.

Written from the paper (Fong, Patrick, Vedaldi 2019, arXiv 1910.08485). The mask is a smooth
maximum of bumps on a coarse grid, the area is set by sorting its values, and the image is
preserved over its own blur.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.masking.samplers import baseline


@dataclass(frozen=True, slots=True)
class Settings:
    """Every number of the method, with its reason.

    Attributes:
        areas: as shares of the image, all in one batch.
        steps: of Adam; the paper takes 800 of plain descent for one area.
        learning_rate: on the grid's values before their sigmoid.
        first_area_weight: of the mean squared distance to the wanted area. The weight grows: at
            first all values are equal, and sorting them gives no order.
        area_weight: the same at the end; the paper's 300.
        grid: bumps per side; closer than a bump's flat top is wide.
        radius: of a bump's flat top, in shares of the side. It falls to a half at 2.7 radii, a
            ninth of the side (24 of 224 pixels), so that the smallest area holds one bump.
        temperature: of the smooth maximum; the paper's 1/20.
        samples: places per side where the mask is computed, before it is enlarged; it is too
            smooth for more.
        baseline: what the image is preserved over; the paper's blur.
    """

    areas: tuple[float, ...] = (0.05, 0.10, 0.20, 0.40)
    steps: int = 100
    learning_rate: float = 0.1
    first_area_weight: float = 1.0
    area_weight: float = 300.0
    grid: int = 16
    radius: float = 0.04
    temperature: float = 1 / 20
    samples: int = 32
    baseline: str = "blur"


DEFAULT = Settings()


def extremal_perturbations(
    case: Case, generator: Generator, settings: Settings = DEFAULT
) -> Float[Tensor, "1 1 h w"]:
    """Mean of the masks of all areas: what is in the smallest comes first.

    The target's logit is raised. Its probability is near one over half of the image and its blur
    already, and would leave the first steps to the area alone.
    """
    x = case.scene.x
    blurred = baseline(settings.baseline, case.scene, generator)
    wanted = wanted_values(settings).to(x)  # a n
    bumps = bump_kernel(settings).to(x)  # n g
    values = torch.zeros(
        len(settings.areas), settings.grid**2, device=x.device, requires_grad=True
    )
    optimizer = torch.optim.Adam([values], lr=settings.learning_rate)
    for index in range(settings.steps):
        mask = smooth_mask(values.sigmoid(), bumps, settings.temperature)  # a n
        shown = enlarged(mask, x, settings.samples)
        logit = case.outputs.over(shown, blurred).logits[:, case.target.index]
        excess = (mask.sort(dim=1).values - wanted).square().mean(dim=1)
        weight = area_weight(index / settings.steps, settings)
        loss = (weight * excess - logit).sum()
        (values.grad,) = torch.autograd.grad(loss, [values])
        optimizer.step()
    with torch.no_grad():
        mask = smooth_mask(values.sigmoid(), bumps, settings.temperature)
        return enlarged(mask, x, settings.samples).mean(dim=0, keepdim=True)


def area_weight(progress: float, settings: Settings) -> float:
    """Geometric from the first to the last weight; `progress` in [0, 1)."""
    first, last = settings.first_area_weight, settings.area_weight
    return float(first ** (1 - progress) * last**progress)


def wanted_values(settings: Settings) -> Float[Tensor, "a n"]:
    """The sorted values of a mask of each area: zeros, then ones (the paper's r_a)."""
    rank = torch.arange(settings.samples**2) / settings.samples**2
    return torch.stack([(rank >= 1 - area).float() for area in settings.areas])


def bump_kernel(settings: Settings) -> Float[Tensor, "n g"]:
    """k(u - v) for each sample u and bump v: one up to the radius, then a Gaussian's flank."""
    u, v = (centres(side) for side in (settings.samples, settings.grid))  # n 2, g 2
    distance = torch.cdist(u, v) / settings.radius
    return (-(distance - 1).clamp(min=0).square() / 4).exp()


def centres(side: int) -> Float[Tensor, "n 2"]:
    """Middles of side x side squares, row by row, in shares of the side."""
    middle = (torch.arange(side) + 0.5) / side
    return torch.cartesian_prod(middle, middle)


def smooth_mask(
    values: Float[Tensor, "a g"], bumps: Float[Tensor, "n g"], temperature: float
) -> Float[Tensor, "a n"]:
    """Max-convolution: at each sample the smooth maximum of all bumps, each times its value."""
    heights = values[:, None] * bumps  # a n g
    return ((heights / temperature).softmax(dim=2) * heights).sum(dim=2)


def enlarged(
    mask: Float[Tensor, "a n"], x: Float[Tensor, "1 c h w"], samples: int
) -> Float[Tensor, "a 1 h w"]:
    """The mask at the resolution of the image."""
    coarse = mask.view(len(mask), 1, samples, samples)
    return F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False)
