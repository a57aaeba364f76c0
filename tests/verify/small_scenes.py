"""Scenes of small whole numbers, random masks, and a decision between three labels."""

import torch

from med_cam.masking.scene import Scene
from med_cam.verify.decision import Decision, Target

SIDE = 12


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def whole_numbers(seed, *shape, most=3):
    return torch.randint(0, most + 1, shape, generator=fresh(seed)).float()


def scene(x, others=0):
    return Scene(
        x,
        torch.ones(1, 1, *x.shape[2:], dtype=torch.bool),
        torch.full((1, x.shape[1], 1, 1), -1.0),
        torch.full((1, x.shape[1], 1, 1), 4.0),
        whole_numbers(5, others, *x.shape[1:]),
    )


def random_mask(seed, share=0.6, side=SIDE):
    return torch.rand(1, 1, side, side, generator=fresh(seed)) < share


def decision(threshold=0.5, head="softmax", output_threshold=0.0):
    return Decision(Target(1, ("a", "b", "c"), head, output_threshold, 0.9), 0.1, threshold)
