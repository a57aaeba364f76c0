"""The help is quick, complete, and what the command does."""

import subprocess
import sys
import time
from dataclasses import fields
from importlib.metadata import version

import pytest

from med_cam.cli.main import COMMANDS, main, renewed
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.parameters import old_names
from med_cam.config.baselines import HARD
from med_cam.config.presets import PRESETS


@pytest.fixture
def said(capsys, monkeypatch):
    """What the command says to these arguments: status, stdout, stderr, each on one line."""
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments):
        status = main(arguments)
        return (
            status,
            *(" ".join(text.replace("│", " ").split()) for text in capsys.readouterr()),
        )

    return command


def test_help_loads_nothing_heavy_and_is_quick():
    code = (
        "import sys; from med_cam.cli.main import main; main(['explain', '--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'matplotlib', 'numpy')))"
    )
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    assert time.perf_counter() - begun < 3  # under 1 on a machine with nothing else to do


def test_help_names_every_option_preset_and_baseline(said):
    status, out, err = said("explain", "--help")
    assert (status, err) == (0, "")
    for field in fields(ExplainOptions):
        assert field.name == "images" or f"--{field.name.replace('_', '-')} " in out
    for name in PRESETS:
        assert name in out
    assert f"Choose from {', '.join(HARD)}; feathered_NAME" in out


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


# -- names of options -----------------------------------------------------------------------------


OLD = {
    "explain": {
        "--backgrounds": "--removal",
        "--baselines": "--removal",
        "--against": "--contrast",
        "--necessary": "--necessary-superset",
        "--cell": "--patch",
    },
    "verify": {"--backgrounds": "--removal", "--baselines": "--removal", "--draws": "--samples"},
    "audit": {"--draws": "--samples"},
    "reproduce": {"--backgrounds": "--removal", "--baselines": "--removal"},
    "train": {},
    "data": {},
    "export": {},
    "report": {},
    "dossier": {},
    "compare": {},
}


def test_these_options_have_had_other_names():
    assert {name: dict(old_names(options)) for name, options in COMMANDS.items()} == OLD


@pytest.mark.parametrize("command", [name for name, names in OLD.items() if names])
def test_old_names_are_not_in_the_help(said, command):
    words = said(command, "--help")[1].split()
    assert not set(OLD[command]) & set(words)
    assert set(OLD[command].values()) <= set(words)


@pytest.mark.parametrize(
    ("command", "old", "new"),
    [(command, *names) for command, of in OLD.items() for names in of.items()],
)
def test_an_old_name_works_with_one_note(said, monkeypatch, command, old, new):
    reached = []
    module = f"med_cam.cli.{command}"
    monkeypatch.setattr(f"{module}.run", lambda options, screen: reached.append(options) or 0)
    forms = [[old]] if old == "--necessary" else [[old, "3"], [f"{old}=3"]]
    for form in forms:
        status, out, err = said(command, *BARE.get(command, ()), *form)
        assert (status, out) == (0, "")
        assert err == f"med-cam: {old} is now {new}; the old name goes with the next version."
    values = [getattr(options, new.removeprefix("--").replace("-", "_")) for options in reached]
    assert values in ([True], ["3", "3"], [3, 3])


BARE = {"verify": ["."], "reproduce": ["bach", "--root", ".", "--out", "o"]}


def test_two_old_names_are_one_note(said, monkeypatch):
    monkeypatch.setattr("med_cam.cli.explain.run", lambda options, screen: 0)
    arguments = ("explain", "--cell=8", "--against", "dark", "--cell", "4")
    assert said(*arguments)[2] == (
        "med-cam: --cell is now --patch and --against is now --contrast; the old names go with "
        "the next version."
    )


def test_todays_names_and_what_only_looks_like_an_old_one_stay():
    for arguments in (
        ["explain", "--patch", "8"],
        ["explain", "cell", "--", "--cell"],
        ["explain", "--draws", "3"],
        ["--cell"],
        [],
    ):
        assert renewed(arguments) == arguments
