"""Results on stdout, the rest on stderr; the bar moves on a terminal and is silent elsewhere."""

import io
import logging
import re
import sys
import warnings

import pytest

from med_cam.cli.run import failure_of
from med_cam.cli.screen import quiet, row, screen
from med_cam.cli.tally import image_begun, image_title
from med_cam.errors import ImageError
from med_cam.results.step import Step


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")

    def put(*names):  # called by the test itself, since pytest sets the streams before it
        stream = Terminal()
        for name in names:
            monkeypatch.setattr(sys, name, stream)
        return stream

    return put


def plain(stream):
    """Without colours and cursor movements."""
    return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", stream.getvalue())


def test_the_bar_shows_image_step_and_what_is_left(terminal, capsys):
    stream = terminal("stderr")
    shown = screen()
    with shown.bar, row(shown.bar, "", total=96) as task:
        on_step = image_begun(shown.bar, task, "scan.png (2 of 2)", before=48, steps=48)
        for index in (0, 23, 47):
            on_step(Step(index, 1.0, {}, 0.3))
            shown.bar.refresh()
            assert shown.bar.tasks[0].completed == 48 + index + 1
    text = plain(stream)
    assert "scan.png (2 of 2), step 1 of 48" in text
    assert "scan.png (2 of 2), step 24 of 48" in text
    assert "scan.png (2 of 2), checking" in text
    assert capsys.readouterr().out == ""


def test_results_go_to_stdout_while_the_bar_is_on_stderr(terminal, capsys):
    stream = terminal("stderr")
    shown = screen()
    with shown.bar, row(shown.bar, "working"):
        shown.say("a result [bold]")
    assert capsys.readouterr().out == "a result [bold]\n"
    assert "working" in plain(stream)
    assert "a result" not in plain(stream)


def test_results_stand_above_the_bar_where_both_are_on_the_screen(terminal):
    stream = terminal("stdout", "stderr")
    shown = screen()
    with shown.bar, row(shown.bar, "working"):
        shown.say("a result")
    assert "a result\n" in plain(stream)
    assert plain(stream).index("a result") > plain(stream).index("working")


def test_nothing_of_the_bar_is_in_a_file(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as some build servers set it
    shown = screen()
    with shown.bar, row(shown.bar, "working"):
        shown.bar.refresh()
    assert capsys.readouterr() == ("", "")


def test_a_line_in_a_file_stays_one_line(capsys):
    screen().say("word " * 100)
    screen().complain("word " * 100)
    out, err = capsys.readouterr()
    assert (len(out.splitlines()), len(err.splitlines())) == (1, 1)


def test_a_label_that_the_stream_cannot_show_is_spelled_out(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    screen().say("größer \udcff")
    assert raw.getvalue() == rb"gr\xf6\xdfer \udcff" + b"\n"


def test_warnings_of_others_are_silent_and_ours_are_notes(capsys):
    with quiet(screen()):
        warnings.warn("theirs", stacklevel=1)
        logging.getLogger("matplotlib").warning("theirs")
        logging.getLogger("med_cam.classifiers.load").warning("ours, %d", 7)
    assert capsys.readouterr() == ("Note: ours, 7\n", "")
    assert logging.getLogger("med_cam").handlers == []


def test_a_note_that_is_the_same_for_many_images_is_said_once(capsys):
    with quiet(screen()):
        for text in ("one", "two", "one"):
            logging.getLogger("med_cam.x").warning("%s", text)
    assert capsys.readouterr().out == "Note: one\nNote: two\n"


def test_debugging_lets_warnings_through():
    with quiet(screen(debug=True)), pytest.warns(UserWarning, match="theirs"):
        warnings.warn("theirs", stacklevel=1)


@pytest.mark.parametrize(
    ("name", "index", "of", "title"),
    [
        ("scan.png", 0, 1, "scan.png"),
        ("scan.png", 4, 9, "scan.png (5 of 9)"),
        ("a" * 30 + "b" * 30, 0, 1, "a" * 11 + "…" + "b" * 12),
    ],
)
def test_titles_are_short_and_tell_images_apart(name, index, of, title):
    assert image_title(name, index, of) == title


def test_a_failure_names_its_place_once():
    error = ImageError("scan.png is empty")
    assert failure_of(error, where="scan.png").sentence == "scan.png is empty."
    assert failure_of(error, where="other.png").sentence == "other.png: scan.png is empty."
    ours = failure_of(ValueError("a\nb"), where="a.png").sentence
    assert ours.startswith("a.png: internal error, ValueError: a; ")
