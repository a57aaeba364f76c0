"""What torch does on a GPU is made the same at every run, for the process that asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from med_cam.cli import classifier
from planted import CASES

SETTINGS = """
import torch
from med_cam import repeatable_gpu
cuda, cudnn, matmul = torch.backends.cuda, torch.backends.cudnn, torch.backends.cuda.matmul
cudnn.benchmark = cudnn.allow_tf32 = matmul.allow_tf32 = True
repeatable_gpu()
import os
print(
    cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32,
    torch.are_deterministic_algorithms_enabled(), os.environ["CUBLAS_WORKSPACE_CONFIG"],
    cuda.flash_sdp_enabled(), cuda.mem_efficient_sdp_enabled(), cuda.cudnn_sdp_enabled(),
    cuda.math_sdp_enabled(),
)
"""


def test_every_switch_is_set_and_a_workspace_of_the_users_stays():
    for given, left in [({}, ":4096:8"), ({"CUBLAS_WORKSPACE_CONFIG": ":16:8"}, ":16:8")]:
        environment = {k: v for k, v in os.environ.items() if k != "CUBLAS_WORKSPACE_CONFIG"}
        done = subprocess.run(
            [sys.executable, "-c", SETTINGS], env=environment | given, capture_output=True,
            text=True, check=True,
        )  # fmt: skip
        assert done.stdout.split() == [
            *["False"] * 3, "True", left, *["False"] * 3, "True",
        ]  # fmt: skip


@pytest.mark.parametrize(("device", "wanted"), [("cuda", ["set", "loaded"]), ("cpu", ["loaded"])])
def test_the_command_sets_a_gpu_up_before_anything_is_loaded_on_it(monkeypatch, device, wanted):
    done = []
    monkeypatch.setattr(classifier, "chosen_device", lambda name: torch.device(name))
    monkeypatch.setattr(classifier, "repeatable_gpu", lambda: done.append("set"))
    loaded = CASES["bright patch, convolutional"].classifier
    monkeypatch.setattr(
        classifier, "load_classifier", lambda *_, **__: done.append("loaded") or loaded
    )
    classifier.load_repeatable(classifier.Source(Path("nowhere"), bundled=False), device)
    assert done == wanted
