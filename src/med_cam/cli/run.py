"""A command from its options to its exit status, whatever happens: errors become one sentence."""

import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from med_cam.cli.screen import Screen, quiet, row, screen
from med_cam.cli.signals import received, refuse_to_go_on, stoppable
from med_cam.config.rules import LONG
from med_cam.errors import MedCamError

DONE, INTERNAL, MISTAKE, REFUTED, INTERRUPTED = 0, 1, 2, 3, 130

NO_MEMORY = ("MemoryError", "can't allocate memory")  # as torch says it
NO_NAME = re.compile(r"[^\s/\\]{256,}")  # file systems take 255 characters

Work = Callable[[Screen], int]
Result = TypeVar("Result")

OFFLINE: Mapping[str, str] = {  # set before torch and the zoos are imported, unless the user did
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # same seed, same mask, on a GPU too
}
ONLINE: Mapping[str, str] = {k: v for k, v in OFFLINE.items() if k != "HF_HUB_OFFLINE"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that was requested and not done.

    Attributes:
        sentence: what is wrong and what to do, on one line.
        status: MISTAKE or INTERNAL.
        trace: the traceback, for --debug.
        kind: of the error, as `ImageError`.
        where: it happened, as the path of an image; "" if nowhere in particular.
    """

    sentence: str
    status: int
    trace: str
    kind: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Ended(Generic[Result]):
    """What came of many items."""

    done: tuple[Result, ...]
    failed: tuple[Failure, ...]


def carry_out(
    load: Callable[[], Work],
    *,
    debug: bool,
    interrupted: str,
    environment: Mapping[str, str] = OFFLINE,
) -> int:
    """Run a command; return the exit status.

    Args:
        load: imports what is heavy and returns the work.
        debug: show tracebacks and the warnings of other libraries.
        interrupted: what to say after Ctrl-C, unless the work knows more.
        environment: variables to set, where the user has not.
    """
    terminal = screen(debug=debug)
    try:
        with quiet(terminal), terminal.bar:
            with row(terminal.bar, "starting"):
                for name, value in environment.items():
                    os.environ.setdefault(name, value)
                work = load()
            with stoppable():
                return work(terminal)
    except KeyboardInterrupt as stop:
        terminal.complain(str(stop) or interrupted)
        return received() or INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a sentence instead of a traceback
        if status := received():  # whatever a library has made of the interrupt
            terminal.complain(interrupted)
            return status
        failure = failure_of(error)
        report(failure, terminal)
        return failure.status


def attempt_each(
    paths: Sequence[Path],
    do: Callable[[int, Path], Result],
    *,
    last: type[Exception] | tuple[type[Exception], ...] = (),
) -> Iterator[Result | Failure]:
    """What comes of each path, as soon as it has; an error does not stop the others.

    Args:
        paths: of the items.
        do: what is to be done with one, from its place and its path.
        last: errors after which the others would be done for nothing.

    Raises:
        KeyboardInterrupt: the command was told to stop, whatever became of that.
    """
    for index, path in enumerate(paths):
        refuse_to_go_on()
        try:
            yield do(index, path)
        except Exception as error:  # noqa: BLE001  the others are still to be done
            refuse_to_go_on()
            left = len(paths) - index - 1 if isinstance(error, last) else 0
            yield with_rest(failure_of(error, where=str(path)), left)
            if left:
                return


def with_rest(failure: Failure, left: int) -> Failure:
    """A failure that also says how many are not done because of it."""
    rest = f" {left} more not begun: each would fail so." if left else ""
    return replace(failure, sentence=f"{failure.sentence}{rest}")


def show_each(
    ends: Iterable[Result | Failure],
    screen: Screen,
    *,
    line: Callable[[Result], tuple[str, str]] | None = None,
    mark: Callable[[Failure], str] | None = None,
    interrupted: Callable[[int], str] | None = None,
) -> Ended[Result]:
    """Show what comes of each item, and gather it.

    Args:
        ends: of the items, as they come.
        screen: where to show them.
        line: of one that was done, with its style; nothing is shown if not given.
        mark: what is shown of a failure in the place of its sentence, which the caller says at
            the end; after Ctrl-C it is said here.
        interrupted: what to say after Ctrl-C, from how many were done.

    Raises:
        KeyboardInterrupt: with that sentence.
    """
    done: list[Result] = []
    failed: list[Failure] = []
    try:
        for end in ends:
            if isinstance(end, Failure):
                failed.append(end)
                if mark is None:
                    report(end, screen)
                else:
                    screen.say(mark(end), style="yellow")
                continue
            done.append(end)
            if line is not None:
                text, style = line(end)
                screen.say(text, style=style)
    except KeyboardInterrupt:
        for failure in failed if mark is not None else ():
            report(failure, screen)
        raise KeyboardInterrupt(interrupted(len(done)) if interrupted else "") from None
    return Ended(tuple(done), tuple(failed))


def report(failure: Failure, screen: Screen) -> None:
    """A failure's sentence, under --debug after its traceback."""
    if screen.debug:
        screen.trace(failure.trace)
    screen.complain(failure.sentence)


def failure_of(error: Exception, *, where: str = "") -> Failure:
    """An error as a failure; the sentence names `where` it happened if the error does not."""
    known = isinstance(error, MedCamError)
    sentence = one_sentence(str(error)) if known else unexpected(error)
    if where not in sentence:
        sentence = f"{where}: {sentence}"
    trace = "".join(traceback.format_exception(error))
    status = MISTAKE if known else INTERNAL
    return Failure(sentence, status, trace, type(error).__name__, where)


def unexpected(error: Exception) -> str:
    """The sentence for an error that nobody foresaw."""
    said = (str(error).strip().splitlines() or [""])[0].strip().rstrip(".")
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if any(sign in what for sign in NO_MEMORY):
        return one_sentence(
            f"memory does not hold this image's passes ({said or what}); run again with fewer "
            "--workers, or with --device cpu if a GPU is too small"
        )
    return one_sentence(f"internal error, {what}; run again with --debug to see where")


def one_sentence(text: str) -> str:
    """On one line, with a full stop; what is too long for a name of a file is cut."""
    words = NO_NAME.sub(lambda found: f"{found[0][:LONG]}...", text)
    line = " ".join(words.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def exit_status(failures: Iterable[Failure]) -> int:
    """Of the whole run: an internal error weighs more than the user's mistakes."""
    statuses = {failure.status for failure in failures}
    return INTERNAL if INTERNAL in statuses else MISTAKE if statuses else DONE
