"""A folder whose classifier a factory builds, and the same network built a second time."""

import json

import torch
from safetensors.torch import save_file

FACTORY = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, 2, 1)
        self.norm = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.relu(self.norm(self.conv(x))).mean(dim=(2, 3)))

def net(width=4, outputs=2):
    return Net(width, outputs)

def failing():
    raise ValueError("no such luck")

def number():
    return 3

not_a_function = 3
"""
TOML = """
architecture = "factory:net:net"
classes = ["a", "b"]
input_size = 16
mean = 0.5
std = 0.25
"""


class Net(torch.nn.Module):
    """The same as the factory's, built here a second time."""

    def __init__(self, width=4, outputs=2):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, width, 3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(width)
        self.relu = torch.nn.ReLU()
        self.head = torch.nn.Linear(width, outputs)

    def forward(self, x):
        return self.head(self.relu(self.norm(self.conv(x))).mean(dim=(2, 3)))


def state(outputs=2):
    net = Net(outputs=outputs)
    net.norm.running_mean.uniform_(-1, 1)
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


def complete(folder):
    """The folder, with all that belongs in it."""
    folder.mkdir()
    (folder / "net.py").write_text(FACTORY)
    (folder / "classifier.toml").write_text(TOML)
    save_file(state(), folder / "model.safetensors")
    return folder


def say(folder, **changes):
    """Write `classifier.toml` anew with keys changed; None leaves one out."""
    table = {
        "architecture": "factory:net:net",
        "classes": ["a", "b"],
        "input_size": 16,
        "mean": 0.5,
        "std": 0.25,
    } | changes
    arguments = table.pop("arguments", {})
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
    lines += ["[arguments]", *(f"{key} = {json.dumps(v)}" for key, v in arguments.items())]
    (folder / "classifier.toml").write_text("\n".join(lines))
