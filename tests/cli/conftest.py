"""The command, and what it is run on."""

from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import save_file

from cli.corner import NET, QUICK, TOML, made_up, photograph
from med_cam.cli.main import main


class Ran(NamedTuple):
    """What the command left: exit status, lines of stdout, lines of stderr."""

    status: int
    out: list[str]
    err: list[str]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def model(here):
    """The folder of the corner classifier."""
    folder = here / "corner"
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def quick(here):
    """Settings that make a search short, not good."""
    path = here / "quick.toml"
    path.write_text(QUICK)
    return path


@pytest.fixture
def run(capsys, here):
    """`med-cam explain` with these arguments."""

    def command(*arguments):
        status = main(["explain", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(status, out.splitlines(), err.splitlines())

    return command


@pytest.fixture
def scans(here):
    """A folder of three pictures."""
    for index in range(3):
        photograph(here / "scans" / f"scan-{index}.png", seed=index)
    return here / "scans"


@pytest.fixture
def instant(monkeypatch):
    """Explanations without a search, kept in `calls`; `fails` has errors by file name."""
    calls, fails = [], {}

    def explain(classifier, image, **options):
        calls.append((classifier, image, options))
        error = fails.get(Path(image.path).name)
        if error is not None:
            raise error
        return made_up(image)

    monkeypatch.setattr("med_cam.cli.explain.explain", explain)
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    explain.calls, explain.fails = calls, fails
    return explain
