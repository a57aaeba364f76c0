"""The command, and what it is run on."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import save_file

from cli.corner import NET, QUICK, TOML, made_up, photograph
from med_cam.cli.main import main
from med_cam_studies.training.catalogue import STUDIES
from tiny_brain_mri import TINY, tiny_brain_mri


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


def corner(folder):
    """The folder of the corner classifier."""
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, folder / "model.safetensors")
    return folder


def three(folder):
    """A folder of three pictures."""
    for index in range(3):
        photograph(folder / f"scan-{index}.png", seed=index)
    return folder


@pytest.fixture
def model(here):
    """The folder of the corner classifier."""
    return corner(here / "corner")


@pytest.fixture
def no_figures(monkeypatch):
    """Results without a drawing, which takes longer than a quick search does."""
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")


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
def verify(capsys):
    """`med-cam verify` with these arguments."""

    def command(*arguments):
        status = main(["verify", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(status, out.splitlines(), err.splitlines())

    return command


@pytest.fixture
def scans(here):
    """A folder of three pictures."""
    return three(here / "scans")


@pytest.fixture(scope="session")
def explained_once(tmp_path_factory):
    """Three results of the corner classifier, made once for all tests."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "quick.toml").write_text(QUICK)
    scans, model, out = three(folder / "scans"), corner(folder / "corner"), folder / "r"
    arguments = ("explain", scans, "--model", model, "--config", folder / "quick.toml")
    assert main([*map(str, (*arguments, "--out", out))]) == 0
    return out


@pytest.fixture
def explained(explained_once, here):
    """A copy of them that a test may change."""
    return shutil.copytree(explained_once, here / "r")


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

    monkeypatch.setattr("med_cam.cli.explain_image.explain", explain)
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    explain.calls, explain.fails = calls, fails
    return explain


SHORTER = QUICK.replace(  # of studies: what else an explanation can hold is tested elsewhere
    "[certification]\n", "[certification]\ncontrast = false\nladder_passes = 0\n"
)


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """`med-cam` with these arguments, in an empty folder, with short recipes and no figures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("med_cam.cli.data_check.STUDIES", tiny_studies())
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    (tmp_path / "quick.toml").write_text(SHORTER)

    def call(*arguments):
        status = main([*map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(status, out.splitlines(), err.splitlines())

    return call


@pytest.fixture
def mri(tmp_path):
    return tiny_brain_mri(tmp_path / "mri")


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A classifier of the tiny set, trained by the command."""
    folder = tmp_path_factory.mktemp("trained")
    root, out = tiny_brain_mri(folder / "mri"), folder / "net"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("med_cam.cli.data_check.STUDIES", tiny_studies())
        arguments = ("train", "brain-mri", "--root", root, "--out", out, "--init", "random")
        assert main([*map(str, arguments)]) == 0
    return out


@pytest.fixture
def trained(trained_once, tmp_path):
    """A copy of it that a test may change."""
    shutil.copytree(trained_once, tmp_path / "net")
    return "net"


def tiny_studies():
    return {name: replace(s, recipes={"tiny": {"tiny": TINY}}) for name, s in STUDIES.items()}
