"""A scene of random pixels."""

import torch

from med_cam.masking.scene import Scene


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(h=20, w=30, others=2, valid=None):
    x = torch.rand(1, 3, h, w, generator=fresh()) * 2 - 1
    return Scene(
        x=x,
        valid=torch.ones(1, 1, h, w, dtype=torch.bool) if valid is None else valid,
        black=torch.full((1, 3, 1, 1), -2.0),
        white=torch.full((1, 3, 1, 1), 2.5),
        others=torch.rand(others, 3, h, w, generator=fresh(1)),
    )
