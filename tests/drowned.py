"""A network that noise drowns, its image, and the short run that it is tried with."""

import torch
from torch import nn

from lit import FEW
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config, Refinement, Search, Verification
from med_cam.images.image import Image

SIDE = 32
LABELS = ("dark", "lit", "noisy")
BOX = slice(10, 20)
CONFIG = Config(
    search=Search(steps=6, grid=8, widths=(8,), places=4, radii=(0.6,), jitter=1),
    refinement=Refinement(samples=2, rounds=5, attempts=2),
    verification=Verification(samples=3, unseen=("black", "mean"), unseen_samples=1),
    certification=FEW,
)


class Fragile(nn.Module):
    """Lit where a square is bright; but noise over more than a tenth of the input drowns all."""

    def __init__(self, bears=0.1):
        super().__init__()
        self.act = nn.Identity()
        self.bears = bears

    def forward(self, x):
        x = self.act(x)
        lit = 20 * (x[:, 0, BOX, BOX].clamp(0, 1).mean(dim=(1, 2)) - 0.5)
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2)) / 1.128  # 1 on noise alone
        noisy = 200 * (rough - self.bears - 0.05)  # the square's edges have less than 0.02
        return torch.stack([torch.zeros_like(lit), lit, noisy], dim=1)


def classifier(module, labels=LABELS):
    return Classifier(module, labels, (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",))


def picture():
    grain = torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    pixels = 0.49 + 0.02 * grain  # regions of one colour are not split
    pixels[:, BOX, BOX] = 1.0
    return Image(pixels)
