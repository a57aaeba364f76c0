"""A cheap look everywhere first: what does the classifier predict for one disc at a time?

Forward passes only. By itself the map finds better places than Grad-CAM; added to the U-Net's
scores it keeps the search from settling on the first place that helps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.masking.samplers import baselines_in_turn
from med_cam.masking.view import View


@dataclass(frozen=True, slots=True)
class Looked:
    """Discs that were shown, and what is predicted for each alone.

    Attributes:
        masks: one for each place and radius, those of one radius after the other.
        p: probabilities of every label.
        radii: how many there are.
    """

    masks: Float[Tensor, "n 1 h w"]
    p: Float[Tensor, "n k"]
    radii: int


def disc_map(
    view: View[Tensor],
    target: int,
    masks: Float[Tensor, "n 1 h w"],
    baselines: Sequence[str],
    generator: Generator,
    contents: Float[Tensor, "n c h w"] | None = None,
) -> Float[Tensor, "1 1 h w"]:
    """Mean log-probability of the target over the discs that hold a pixel; mean 0, deviation 1.

    Args:
        view: the image before the classifier, many images per pass.
        target: index of the explained class.
        masks: the places, from `discs`; 0/1.
        baselines: names, taking turns.
        generator: for the baselines.
        contents: shown in place of the image, one for each disc.
    """
    return map_of(masks, shown_alone(view, masks, baselines, generator, contents), target)


def map_of(
    masks: Float[Tensor, "n 1 h w"], p: Float[Tensor, "n k"], target: int
) -> Float[Tensor, "1 1 h w"]:
    """The same map, from what was predicted for each disc."""
    log_p = p[:, target].clamp(min=1e-6).log()
    total = (masks * log_p[:, None, None, None]).sum(dim=0, keepdim=True)
    return standardised(total / masks.sum(dim=0, keepdim=True).clamp(min=1))


def shown_alone(
    view: View[Tensor],
    masks: Float[Tensor, "n 1 h w"],
    baselines: Sequence[str],
    generator: Generator,
    contents: Float[Tensor, "n c h w"] | None = None,
) -> Float[Tensor, "n k"]:
    """Probabilities with each disc alone shown, over baselines that take turns."""
    infill = baselines_in_turn(baselines, view.scene, len(masks), generator)
    return view.over(masks, infill, content=contents)


def discs(h: int, w: int, places: int, radii: Sequence[float]) -> Float[Tensor, "n 1 h w"]:
    """One disc per place and radius, 0/1.

    Args:
        h: of the model input.
        w: of the model input.
        places: discs a side, on a regular grid.
        radii: as shares of half the shorter side.
    """
    rows = torch.arange(h)[:, None] + 0.5
    columns = torch.arange(w)[None, :] + 0.5
    centres = [(i + 0.5) / places for i in range(places)]
    masks = [
        (rows - y * h) ** 2 + (columns - x * w) ** 2 <= (radius * min(h, w) / 2) ** 2
        for radius in radii
        for y in centres
        for x in centres
    ]
    return torch.stack(masks)[:, None].float()


def standardised(scores: Float[Tensor, "1 1 h w"]) -> Float[Tensor, "1 1 h w"]:
    """Mean 0 and standard deviation 1; zeros stay zeros."""
    return (scores - scores.mean()) / scores.std().clamp(min=1e-6)
