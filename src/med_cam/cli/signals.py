"""Ctrl-C and SIGTERM: one line and a status, and nothing half-written, whenever they come.

While med-cam and torch are imported nothing has been written: the process ends at once, since an
exception in the middle of an import comes out as anything. While a command works, both raise
KeyboardInterrupt, so that what was begun is taken back.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM)
AFTER = 128  # what a shell adds to a signal's number for the status
SAID = b"med-cam: interrupted; nothing was written.\n"
CLEARED = b"\r\x1b[K\x1b[?25h"  # the line of a progress bar gone, and the cursor there again

_received: list[int] = []


def leave_at_once() -> None:
    """From now on, end the process when told to stop."""
    _handle(_leave)


def ignore() -> None:
    """From now on, do not listen: all is done, and the process is about to end."""
    _handle(signal.SIG_IGN)


@contextmanager
def stoppable() -> Iterator[None]:
    """For the length of a `with`, raise KeyboardInterrupt when told to stop."""
    _received.clear()
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may say what signals do
        return
    before = {number: signal.getsignal(number) for number in STOPS}
    process = os.getpid()

    def stop(number: int, _: FrameType | None) -> None:
        if os.getpid() != process:  # a worker, to which this was handed down
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        _received.append(number)
        raise KeyboardInterrupt

    try:
        _handle(stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def not_interrupted() -> Iterator[None]:
    """Ctrl-C waits for the length of a `with`, and never comes to a process started meanwhile."""
    if sys.platform == "win32":
        yield
        return
    resource_tracker.ensure_running()  # its start would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """In a process of `multiprocessing`: end as soon as the one that started it has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def received() -> int:
    """The exit status for the signal that told the command to stop; 0 if none did."""
    return AFTER + _received[0] if _received else 0


def refuse_to_go_on() -> None:
    """Stop if told to, also where a library has swallowed that.

    Raises:
        KeyboardInterrupt: if so.
    """
    if _received:
        raise KeyboardInterrupt


def _leave(number: int, _: FrameType | None) -> None:
    os.write(2, (CLEARED if os.isatty(2) else b"") + SAID)
    os._exit(AFTER + number)


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in STOPS:
        signal.signal(number, handler)
