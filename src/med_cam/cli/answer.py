"""A command, done: its exit status, whatever happens."""

import os
from collections.abc import Callable, Mapping

from med_cam.cli.failures import INTERRUPTED, failure_of
from med_cam.cli.screen import Screen, quiet, row, screen

Work = Callable[[Screen], int]

QUIETLY: Mapping[str, str] = {  # set before torch and the zoos are imported, unless the user did
    "HF_HUB_OFFLINE": "1",  # no network
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # same seed, same mask, on a GPU too
}
ONLINE: Mapping[str, str] = {k: v for k, v in QUIETLY.items() if k != "HF_HUB_OFFLINE"}


def answer(
    load: Callable[[], Work],
    *,
    debug: bool,
    interrupted: str,
    environment: Mapping[str, str] = QUIETLY,
) -> int:
    """Do what was asked; return the exit status.

    Args:
        load: imports what is heavy and returns the work.
        debug: show tracebacks and the warnings of other libraries.
        interrupted: what to say after Ctrl-C.
        environment: variables to set, where the user has not.
    """
    terminal = screen(debug=debug)
    try:
        with quiet(terminal), terminal.bar:
            with row(terminal.bar, "starting"):
                for name, value in environment.items():
                    os.environ.setdefault(name, value)
                work = load()
            return work(terminal)
    except KeyboardInterrupt:
        terminal.complain(interrupted)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a sentence instead of a traceback
        failure = failure_of(error)
        terminal.report(failure)
        return failure.status
