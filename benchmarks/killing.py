"""How a run of med-cam is killed: before its n-th file operation, or at a time after its start."""

import os
import subprocess
import sys
import time
from pathlib import Path

from med_cam.cli.main import main as med_cam

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
COMMAND = "from med_cam.cli.entry import main; raise SystemExit(main())"


def run(arguments, log):
    """The exit status of a command in a process of its own, everything imported."""
    return forked(lambda: med_cam(arguments), log)


def forked(work, log):
    """The status of a process of its own; negative for a signal. What it says goes to `log`."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 99
    try:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        status = work()
    finally:
        os._exit(status)


def killed_at(place, number, arguments, out, log):
    """The status of a run that sends itself a signal before its n-th file operation in `out`."""

    def work():
        watch(out, lambda n: n == place and os.kill(os.getpid(), number))
        return med_cam(arguments)

    return forked(work, log)


def operations(arguments, out, log):
    """How many file operations in `out` a run takes."""
    count = Path(f"{log}.count")

    def work():
        seen = []
        watch(out, seen.append)
        status = med_cam(arguments)
        count.write_text(str(len(seen)))
        return status

    if forked(work, log):
        raise SystemExit(Path(log).read_text())
    return int(count.read_text())


def watch(out, act):
    """From now on, call `act` with the number of each file operation in a folder before it."""
    seen = [0]

    def hook(event, details):
        if event in EVENTS and isinstance(details[0], str | os.PathLike):
            path = os.fspath(details[0])
            if str(out) in os.fsdecode(path):
                seen[0] += 1
                act(seen[0] - 1)

    sys.addaudithook(hook)


def killed_after(seconds, number, arguments, log):
    """The status of a process of its own, begun from nothing and sent a signal after a while."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    with (
        Path(log).open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said) as process,
    ):
        time.sleep(seconds)
        process.send_signal(number)
        return process.wait()
