"""The terminal: results on stdout; errors, and a progress bar that leaves no trace, on stderr."""

import io
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

FILE = 80  # columns of what is no terminal
WINDOW = 3600.0  # seconds over which the remaining time is estimated; images may take minutes


@dataclass(frozen=True, slots=True)
class Screen:
    """Two streams, and a bar that shows on stderr if that is a terminal."""

    out: Console
    err: Console
    bar: Progress
    debug: bool

    @property
    def width(self) -> int:
        """Columns of results; 80 where they go to a file."""
        return self.out.width if self.out.file.isatty() else FILE

    def say(self, text: str, *, style: str = "") -> None:
        """A line of results, above the bar where both are on the screen."""
        both = self.out.file.isatty() and not self.bar.disable
        line = Text(text, style=style)
        show(self.err if both else self.out, line)
        self.out.file.flush()

    def complain(self, sentence: str) -> None:
        """A line of errors."""
        show(self.err, Text.assemble(("med-cam: ", "bold red"), sentence))

    def trace(self, text: str) -> None:
        """A traceback."""
        show(self.err, Text(text.rstrip()))


def show(console: Console, line: Text) -> None:
    """A line, broken between words on a terminal, as one line in a file."""
    console.print(line, soft_wrap=not console.file.isatty())


def screen(*, debug: bool = False) -> Screen:
    """The terminal as it is now."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a label that the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    err = Console(stderr=True)
    return Screen(Console(), err, progress_bar(err), debug)


def progress_bar(err: Console) -> Progress:
    """Nothing at all where stderr is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", markup=False),
        console=err,
        transient=True,
        redirect_stdout=False,  # results stay on stdout, also where only stderr is a terminal
        speed_estimate_period=WINDOW,
        disable=not err.file.isatty(),
    )


class Notes(logging.Handler):
    """The library's own warnings, as results are shown: they say how to read them.

    What is the same for many images is said once.
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.WARNING)
        self.screen = screen
        self.said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Show one."""
        text = record.getMessage()
        if text not in self.said:
            self.said.add(text)
            self.screen.say(f"Note: {text}")


@contextmanager
def row(bar: Progress, text: str, *, total: int | None = None) -> Iterator[TaskID]:
    """A row of the bar for the length of a `with`; without a total it shows activity only."""
    task = bar.add_task(text, total=total, left="")
    try:
        yield task
    finally:
        bar.remove_task(task)


@contextmanager
def quiet(screen: Screen) -> Iterator[None]:
    """Warnings of other libraries kept from the user, unless debugging; ours shown as notes."""
    ours, notes = logging.getLogger("med_cam"), Notes(screen)
    everyone, nothing = logging.getLogger(), logging.NullHandler()
    ours.addHandler(notes)
    if not screen.debug:
        everyone.addHandler(nothing)  # else logging's last resort prints them
    try:
        with warnings.catch_warnings():
            if not screen.debug:
                warnings.simplefilter("ignore")
            yield
    finally:
        ours.removeHandler(notes)
        everyone.removeHandler(nothing)
