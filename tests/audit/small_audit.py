"""The audit of a small network on a small picture, and a network that is never confident."""

import torch
from torch import nn

from med_cam.audit.ask import audited
from med_cam.audit.predictions import labels_of
from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image

SIDE, SAMPLES = 32, 4
THREE = ("bright", "striped", "grey")


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


class NeverConfident(nn.Module):
    """A bright corner of a darker input is class 0; on all else all labels are alike."""

    def forward(self, x):
        corner, whole = x[..., :8, :8].mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3))
        lit = ((corner > 2.5) & (whole < 1.5)).float() * 4
        return torch.stack([lit, 0 * lit, 0 * lit], dim=1)


def classifier(module, labels=THREE, **fields):
    return Classifier(module, labels, (SIDE, SIDE), mean=(0.25,) * 3, std=(0.25,) * 3, **fields)


def picture(seed=0, corner=1.0):
    pixels = torch.rand(3, SIDE, SIDE, generator=fresh(seed)) * 0.4 + 0.3
    pixels[:, :8, :8] = corner
    return Image(pixels)


def audit(module, *, image=None, labels=THREE, references=None, seed=0, samples=SAMPLES, **fields):
    model = classifier(module, labels, **fields)
    case, found = audited(
        model, image or picture(), references=references, samples=samples, seed=seed
    )
    return case, found, labels_of(model)
