"""Errors as one sentence and an exit status: 2 for the user's mistakes, 1 for ours."""

import traceback
from dataclasses import dataclass

from med_cam.errors import MedCamError

DONE, OURS, MISTAKE, REFUTED, INTERRUPTED = 0, 1, 2, 3, 130


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that was asked for and not done.

    Attributes:
        sentence: what is wrong and what to do, on one line.
        status: MISTAKE or OURS.
        trace: the traceback, for --debug.
    """

    sentence: str
    status: int
    trace: str


def failure_of(error: Exception, *, where: str = "") -> Failure:
    """An error as a failure; the sentence names `where` it happened if the error does not."""
    known = isinstance(error, MedCamError)
    sentence = one_sentence(str(error)) if known else unexpected(error)
    if where not in sentence:
        sentence = f"{where}: {sentence}"
    trace = "".join(traceback.format_exception(error))
    return Failure(sentence, MISTAKE if known else OURS, trace)


def unexpected(error: Exception) -> str:
    """The sentence for an error that nobody foresaw."""
    said = (str(error).strip().splitlines() or [""])[0].strip().rstrip(".")
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"unexpected {what}; run again with --debug to see where."


def one_sentence(text: str) -> str:
    """On one line, with a full stop."""
    line = " ".join(text.split())
    return line if line.endswith((".", "?", "!")) else f"{line}."


def exit_status(failures: list[Failure]) -> int:
    """Of the whole run: ours weighs more than the user's."""
    statuses = {failure.status for failure in failures}
    return OURS if OURS in statuses else MISTAKE if statuses else DONE
