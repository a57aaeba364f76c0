"""Networks that look at one square, and the short runs that they are tried with."""

import torch
from torch import nn

from med_cam.config.settings import Certification, Refinement, Search

SIDE, BOX = 32, slice(12, 22)
SEARCH = Search(steps=4, grid=8, widths=(8,), places=5, radii=(0.4,), jitter=1)
REFINEMENT = Refinement(samples=2, rounds=5, attempts=4)
FEW = Certification(  # few regions and few samples, where a test is not about them
    patch=8,
    most_patches=0,
    reduction_samples=4,
    pool=4,
    deletion_samples=4,
    reinsertion_trials=8,
)


class Lit(nn.Module):
    """Lit where a square in the middle is bright."""

    box = BOX

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        return torch.stack(self.logits(self.act(x)), dim=1)

    def logits(self, x):
        lit = 20 * (x[:, 0, self.box, self.box].clamp(0, 1).mean(dim=(1, 2)) - 0.5)
        return [torch.zeros_like(lit), lit]
