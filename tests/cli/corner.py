"""A classifier that looks at one corner, pictures with light there, explanations made up."""

import numpy as np
import PIL.Image
import torch

from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.explanation import Explanation
from med_cam.results.passes import Passes
from med_cam.results.step import Step

ALWAYS = {"mask.png", "evidence.png", "figure.png", "explanation.json"}
ALWAYS |= {"manifest.sha256", "environment.txt"}
BESIDE = ("manifest.sha256", "table.csv", "index.html", "explain.log")
NET = """
import torch
from torch import nn

class Corner(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        nn.init.uniform_(self.conv.weight, 0.1, 0.5)  # with weights below 0 it answers nothing
        self.relu = nn.ReLU()

    def forward(self, x):
        corner = self.relu(self.conv(x))[..., :12, :12].mean(dim=(1, 2, 3))
        return torch.stack([torch.full_like(corner, 0.7), corner], 1) * 20

def net():
    return Corner()
"""
TOML = """
architecture = "factory:net:net"
classes = ["dark", "bright"]
input_size = 24
mean = 0.0
std = 1.0
name = "corner"
"""
QUICK = """
[search]
steps = 3
widths = [4]
places = 2
[refinement]
rounds = 1
attempts = 1
[certification]
patch = 6
most_patches = 0
reduction_samples = 2
pool = 2
deletion_samples = 2
reinsertion_trials = 4
[verification]
samples = 1
unseen_samples = 1
"""


def photograph(path, *, size=(30, 40), corner=230, seed=0):
    """A noisy picture, h w, with light in the corner or without."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 40, (*size, 3), dtype=np.uint8)
    values[: size[0] // 2, : size[1] // 2] = corner
    PIL.Image.fromarray(values).save(path)
    return path


def results(folder):
    """Names of the result folders, each complete and with nothing half-written beside.

    The manifest of the run is there if there are any, and lists them and the files of runs; so
    are the tables and the log.
    """
    names = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if names:
        for beside in BESIDE:
            names.remove(beside)
        lines = (folder / "manifest.sha256").read_text().splitlines()
        runs = [name for name in names if name.startswith("run-") and name.endswith(".json")]
        names = [name for name in names if name not in runs]
        listed = [*runs, *(f"{name}/manifest.sha256" for name in names)]
        assert [line[66:] for line in lines] == sorted(listed)
    for name in names:
        assert {path.name for path in (folder / name).iterdir()} >= ALWAYS, name
    return names


def made_up(image, *, verified=True):
    """An explanation of any image, without a search."""
    _, height, width = image.pixels.shape
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[: height // 2, : width // 2] = True
    grey = BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, "dark", 0.2, 0.0)
    checks = (Check("kept", 1.0, 1.0, 1, at_least=True, passed=verified),)
    claim = Claim(("grey",), checks, (grey,), 0.95, 0.2, 0.6, "none", ())
    return Explanation(
        target=1,
        label="bright",
        labels=("dark", "bright"),
        mask=mask,
        soft=torch.full((24, 24), 0.5),
        area=mask.float().mean().item(),
        status="as the test has it",
        verified=verified,
        before=(0.05, 0.95),
        after=(0.1, 0.9),
        kl=0.01,
        components=1,
        claim=claim,
        restricted=None,
        steps=(Step(0, 1.0, {"kl": 1.0}, 0.3),),
        passes=Passes(1000, 20),
        seconds=1.0,
        hooked_layers=("relu",),
    )
