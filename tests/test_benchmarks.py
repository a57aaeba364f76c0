"""The benchmarks are commands of their own; what they need of the package and of each other is."""

import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize(
    "name", [path.stem for path in sorted(FOLDER.glob("*.py")) if path.stem != "planted"]
)  # its name is that of tests/planted.py
def test_every_benchmark_can_be_imported_and_says_how_it_is_called(name, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    module = importlib.import_module(name)
    assert module.__doc__
    if name not in ("pool", "command"):  # parts of the others
        assert f"python benchmarks/{name}.py" in module.__doc__
        assert callable(module.main)
    for other in FOLDER.glob("*.py"):
        sys.modules.pop(other.stem, None)
