"""Which tests are the fast part, `pytest -m fast`: one minute, for the change at hand."""

import os
from pathlib import Path

import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:  # processes side by side share the cores
    torch.set_num_threads(1)

HERE = Path(__file__).parent
FAST = {"case", "config", "images", "masking", "reduction", "report", "verify"}

THOROUGH = {
    "test_hostile.py",
    "test_leftovers.py",
    "test_figure.py",
    "test_content.py",
    "test_budget.py",
}


def pytest_collection_modifyitems(items):
    for item in items:
        room = item.path.relative_to(HERE).parts[0]
        fast = room in FAST and item.path.name not in THOROUGH
        if fast and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.fast)
