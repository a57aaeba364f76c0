"""One runner for all commands: whatever becomes of an item, the others are done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import torch
import typer

from med_cam.cli.parameters import Was, flag, old_names, option, with_parameters
from med_cam.cli.run import (
    DONE,
    INTERNAL,
    INTERRUPTED,
    MISTAKE,
    Failure,
    attempt_each,
    carry_out,
    show_each,
)
from med_cam.cli.screen import screen
from med_cam.config.rules import whole
from med_cam.errors import ImageError

PATHS = [Path("a.png"), Path("b.png"), Path("c.png")]


def ending_of(error, interrupted="interrupted"):
    def work(_):
        if error is not None:
            raise error
        return DONE

    return carry_out(lambda: work, debug=False, interrupted=interrupted)


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (None, DONE, ""),
        (ImageError("a.png is empty"), MISTAKE, "med-cam: a.png is empty.\n"),
        (ValueError("x"), INTERNAL, "med-cam: internal error, ValueError: x; run again with "),
        (
            MemoryError(),
            INTERNAL,
            "med-cam: memory does not hold this image's passes (MemoryError",
        ),
        (
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
            INTERNAL,
            "med-cam: memory does not hold this image's passes (CUDA out of memory. Tried to ",
        ),
        (KeyboardInterrupt(), INTERRUPTED, "med-cam: stopped; nothing was written.\n"),
        (KeyboardInterrupt("1 of 3 done."), INTERRUPTED, "med-cam: 1 of 3 done.\n"),
    ],
)
def test_every_ending_is_a_status_and_at_most_one_sentence(capsys, error, status, sentence):
    assert ending_of(error, "stopped; nothing was written.") == status
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(sentence)
    assert err.count("\n") == bool(error is not None)


def test_torch_itself_says_that_memory_does_not_hold_it(capsys):
    with pytest.raises(RuntimeError) as error:
        torch.empty(10**15)
    assert ending_of(error.value, "") == INTERNAL
    assert "memory does not hold" in capsys.readouterr().err


def test_an_error_does_not_stop_the_others(capsys):
    def do(index, path):
        if index == 1:
            raise ImageError("is empty")
        return path.stem

    ends = attempt_each(PATHS, do)
    ended = show_each(ends, screen(), line=lambda name: (f"done {name}", ""))
    assert ended.done == ("a", "c")
    assert [failure.sentence for failure in ended.failed] == ["b.png: is empty."]
    assert capsys.readouterr() == ("done a\ndone c\n", "med-cam: b.png: is empty.\n")


def test_items_are_shown_as_they_come(capsys):
    shown = []

    def do(index, path):
        shown.append(capsys.readouterr().out)
        return path.name

    show_each(attempt_each(PATHS, do), screen(), line=lambda name: (name, ""))
    assert shown == ["", "a.png\n", "b.png\n"]


def test_an_interruption_says_how_many_were_done():
    def do(index, path):
        if index == 2:
            raise KeyboardInterrupt
        if index == 1:
            raise ImageError("is empty")
        return path

    with pytest.raises(KeyboardInterrupt, match="1 of 3"):
        show_each(attempt_each(PATHS, do), screen(), interrupted=lambda n: f"{n} of 3")
    with pytest.raises(KeyboardInterrupt) as stop:
        show_each(attempt_each(PATHS, do), screen())
    assert str(stop.value) == ""


# -- options from a dataclass ---------------------------------------------------------------------


@dataclass(frozen=True)
class Options:
    folder: Annotated[Path, option("DIR", "Where.", "Box")]
    most: Annotated[int, option("N", "How many.", "Box", allowed=whole(1, 9)), Was("--top")] = 3
    dry_run: Annotated[bool, flag("--dry-run", "Do nothing.", "Box")] = False


def called(*arguments):
    """The options that a command gets from these arguments."""
    reached = []
    app = typer.Typer(add_completion=False)
    app.command()(with_parameters(lambda **given: reached.append(Options(**given)), Options))
    app(list(arguments), standalone_mode=False)
    return reached[0]


def test_a_field_is_an_option_with_its_default():
    assert called("--folder", "x") == Options(Path("x"), 3, dry_run=False)
    assert called("--folder", "x", "--most", "9", "--dry-run") == Options(
        Path("x"), 9, dry_run=True
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing option '--folder'"),
        (("--folder", "x", "--most", "10"), "must be a whole number, 1 to 9, got 10"),
    ],
)
def test_what_is_missing_or_out_of_range_is_refused(arguments, words):
    with pytest.raises(typer.TyperException) as error:
        called(*arguments)
    assert words in error.value.format_message()


def test_an_option_remembers_its_old_name():
    assert old_names(Options) == {"--top": "--most"}


def test_a_failure_is_no_result():
    failure = Failure("sentence.", MISTAKE, "")
    ended = show_each([1, failure, 2], screen())
    assert (ended.done, ended.failed) == ((1, 2), (failure,))
