"""The help is quick, complete, and what the command does."""

import inspect
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from med_cam.cli import manual
from med_cam.cli.main import explain, main
from med_cam.cli.request import Request
from med_cam.config.presets import PRESETS
from med_cam.masking import BASELINES


@pytest.fixture
def said(capsys, monkeypatch):
    """What the command says to these arguments: status, stdout, stderr, all on one line."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments):
        status = main(arguments)
        return (status, *(" ".join(text.split()) for text in capsys.readouterr()))

    return command


def test_help_loads_nothing_heavy_and_is_quick():
    code = (
        "import sys; from med_cam.cli.main import main; main(['explain', '--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'matplotlib', 'numpy')))"
    )
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    assert time.perf_counter() - begun < 3  # under 1 on a machine with nothing else to do


def test_help_names_every_option_preset_and_background(said):
    status, out, err = said("explain", "--help")
    assert (status, err) == (0, "")
    for option in inspect.signature(explain).parameters:
        assert option == "images" or f"--{option}" in out
    for name in PRESETS:
        assert name in out
    for name in BASELINES:
        assert name in manual.BASELINES


def test_every_option_reaches_the_request():
    assert set(inspect.signature(explain).parameters) == set(Request.__dataclass_fields__)


def test_without_a_command_the_help_is_shown(said):
    assert said()[:2] == said("--help")[:2]
    assert "Not a medical device" in said()[1]


def test_the_version_is_the_installed_one(said):
    assert said("--version") == (0, f"med-cam {version('med-cam-evidence')}", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["explain", "--modle", "x"], ["--modle", "--model"]),
        (["explian"], ["explian", "explain"]),
        (["scan.png"], ["scan.png"]),
        (["explain", "--seed", "one"], ["--seed", "integer"]),
        (["explain", "--out"], ["--out"]),
    ],
)
def test_a_wrong_usage_is_one_sentence_that_points_to_the_help(capsys, arguments, words):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    for word in [*words, "see med-cam explain --help"]:
        assert word in err
