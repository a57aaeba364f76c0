"""A network that sums light over the whole image: whichever region holds enough of it suffices.

The label is given where the mean light, 0 on grey and 1 on white, is above ENOUGH. Without
evidence it is 0 on grey and below 0.04 on noise, whose cells nearly cancel: p < 0.001. What
retains the prediction has p near 1/2 or above, that is a mean light of about ENOUGH: a sixth of
the image if that is white. The claim on such a sixth is true, and true of any bright sixth.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image
from planted import SIDE, classifier_of, soft_content

CELL, ENOUGH, STEEP = 8, 1 / 6, 60.0
BLOCK = 16  # pixels


class Sum(nn.Module):
    """Logits (0, z) by the mean light."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.AvgPool2d(CELL)
        self.rectify = nn.ReLU()

    def forward(self, x: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 2"]:
        light = self.rectify(self.cells(x.mean(dim=1, keepdim=True))) / 2  # white is 2
        z = STEEP * (light.mean(dim=(1, 2, 3)) - ENOUGH)
        return torch.stack([torch.zeros_like(z), z], dim=1)


def classifier() -> Classifier:
    """With labels ("nothing", "light")."""
    return classifier_of(Sum().eval(), "light")


def dark(generator: Generator) -> Image:
    """Without any light: the label of nobody's image."""
    return Image(soft_content(generator))


def bright(generator: Generator) -> Image:
    """Light everywhere, not quite even."""
    return Image(1 - soft_content(generator) / 4)


def blocks(generator: Generator) -> Image:
    """White blocks on the dark, on a quarter of the image: two thirds of them are needed."""
    pixels, side = soft_content(generator), SIDE // BLOCK
    chosen = torch.randperm(side**2, generator=generator)[: side**2 // 4]
    lit = torch.zeros(side**2)
    lit[chosen] = 1.0
    grown = F.interpolate(lit.view(1, 1, side, side), scale_factor=BLOCK)[0, 0] > 0
    return Image(torch.where(grown, torch.ones_like(pixels), pixels))
