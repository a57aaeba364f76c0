"""Told to stop, med-cam says one line, gives the status of the signal and leaves nothing half."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from rich.progress import Progress

from cli.corner import photograph
from med_cam.cli.run import DONE, INTERRUPTED, attempt_each, carry_out
from med_cam.cli.signals import received, refuse_to_go_on, stoppable
from med_cam.cli.tally import image_begun
from med_cam.results.step import Step

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
COMMAND = """
import sys
from med_cam.cli.signals import leave_at_once
leave_at_once()  # as main() does first
print("begun", flush=True)
from med_cam.cli.entry import main
sys.exit(main())
"""


@pytest.fixture(autouse=True)
def forgotten():
    """What one test was told is not told to the next."""
    yield
    with stoppable():
        pass


def told(number):
    def work(_):
        os.kill(os.getpid(), number)
        time.sleep(5)
        return DONE

    return work


@pytest.mark.parametrize("number", STATUS)
def test_a_signal_is_one_line_and_its_status(capsys, number):
    before = {other: signal.getsignal(other) for other in STATUS}
    work = told(number)
    assert carry_out(lambda: work, debug=False, interrupted="stopped.") == STATUS[number]
    assert capsys.readouterr().err == "med-cam: stopped.\n"
    assert {other: signal.getsignal(other) for other in STATUS} == before


def test_an_interrupt_that_a_library_makes_another_error_of_is_still_one(capsys):
    def work(screen):
        try:
            return told(signal.SIGINT)(screen)
        except KeyboardInterrupt:
            raise RecursionError("half-imported") from None

    assert carry_out(lambda: work, debug=False, interrupted="stopped.") == INTERRUPTED
    assert capsys.readouterr().err == "med-cam: stopped.\n"


@pytest.mark.parametrize("as_error", [True, False])
def test_an_interrupt_that_a_library_swallows_stops_before_the_next(as_error):
    done = []

    def do(index, path):
        done.append(index)
        try:
            told(signal.SIGINT)(None)
        except KeyboardInterrupt:
            if as_error:
                raise RecursionError from None

    with stoppable(), pytest.raises(KeyboardInterrupt):
        list(attempt_each([Path("a"), Path("b"), Path("c")], do))
    assert done == [0]


def test_a_search_stops_at_the_next_step_where_a_library_has_swallowed_that():
    bar = Progress(disable=True)
    on_step = image_begun(bar, bar.add_task("", total=4), "scan.png", before=0, steps=4)
    with stoppable():
        on_step(Step(0, 0.5, {}, 0.1))
        with suppress(KeyboardInterrupt):
            told(signal.SIGINT)(None)
        with pytest.raises(KeyboardInterrupt):
            on_step(Step(1, 0.5, {}, 0.1))


def test_a_command_begins_untold():
    with stoppable(), pytest.raises(KeyboardInterrupt):
        told(signal.SIGTERM)(None)
    assert received() == 143
    with stoppable():
        assert received() == 0
        refuse_to_go_on()


def test_signals_are_left_alone_in_another_thread():
    ended = []
    thread = threading.Thread(
        target=lambda: ended.append(carry_out(lambda: lambda _: DONE, debug=False, interrupted=""))
    )
    thread.start()
    thread.join()
    assert ended == [DONE]


def test_a_worker_ends_as_it_would_without_us():
    with stoppable():
        worker = os.fork()
        if not worker:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(0)
        _, status = os.waitpid(worker, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


@pytest.mark.parametrize("number", STATUS)
@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6, 1.0])
def test_in_the_first_second_it_is_one_line(tmp_path, number, seconds):
    photograph(tmp_path / "scan.png")
    command = [sys.executable, "-c", COMMAND, "explain", "scan.png", "--out", "r"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, **pipes) as process:
        assert process.stdout.readline() == "begun\n"
        time.sleep(seconds)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == STATUS[number]
    assert err.startswith("med-cam: interrupted")
    assert err.count("\n") == 1
    assert not (tmp_path / "r").exists()
