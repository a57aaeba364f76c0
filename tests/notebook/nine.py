"""A network that looks at the middle one of nine squares, and quick settings for it."""

import numpy as np
import PIL.Image
import torch
from safetensors.torch import save_file
from torch import nn

import med_cam
from lit import REFINEMENT, SEARCH
from med_cam.config.settings import Certification, Verification

CONFIG = med_cam.Config(
    search=SEARCH,
    refinement=REFINEMENT,
    certification=Certification(
        ladder_passes=0, contrast=False, patch=8, most_patches=0, reduction_samples=1, pool=1,
        deletion_samples=1, reinsertion_trials=1,
    ),
    verification=Verification(samples=1, unseen_samples=1, baselines=("grey",)),
)  # fmt: skip
SIDE = 24
NET = """
from torch import nn

def net():
    return nn.Sequential(
        nn.Conv2d(1, 1, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)
    )
"""
TOML = """
architecture = "factory:net:net"
classes = ["dark", "bright"]
input_size = 24
mean = 0.0
std = 1.0
"""
SAID = {"input_size": SIDE, "mean": 0.0, "std": 1.0}


def net():
    """Bright where the middle one of nine squares is."""
    module = nn.Sequential(nn.Conv2d(1, 1, 8, stride=8), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module[0].weight.fill_(1 / 64)
        module[3].weight[1, 4], module[3].bias[1] = 12, -6
    return module


def levels():
    """A dark picture with light in the middle square."""
    values = np.random.default_rng(0).integers(2, 40, (SIDE, SIDE), dtype=np.uint8)
    values[8:16, 8:16] = 250
    return values


def folder_of(path):
    """The network as a classifier folder, and the picture as a file in it."""
    (path / "net.py").write_text(NET)
    (path / "classifier.toml").write_text(TOML)
    save_file(net().state_dict(), path / "model.safetensors")
    PIL.Image.fromarray(levels()).save(path / "scan.png")
    return path
