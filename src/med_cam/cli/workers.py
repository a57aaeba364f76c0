"""Several processes explain several images at a time, each with one thread of torch.

A worker is a process of its own, started anew (`spawn`), that loads the classifier as the command
does. It ends with the command, however that ends; one that is killed costs the image it was at.
"""

import io
import logging
import multiprocessing
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import cast

import torch
from rich.console import Console

from med_cam.cli.classifier import source_of
from med_cam.cli.fills import loaded
from med_cam.cli.inputs import load, painted
from med_cam.cli.job import Job
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.private import Place
from med_cam.cli.run import INTERNAL, Failure, failure_of, with_rest
from med_cam.cli.screen import Screen, progress_bar
from med_cam.cli.signals import end_with_parent, not_interrupted, refuse_to_go_on
from med_cam.cli.tally import Done
from med_cam.config.settings import Config
from med_cam.report.files import UnwritableError
from med_cam.results.removal import RemovalChoice
from med_cam.results.step import OnStep, Step

SECONDS = 5.0  # that a worker is given to end before it is killed
LAST = UnwritableError.__name__  # an error after which the others would be done for nothing


Explain = Callable[[Job, Place, OnStep], Done]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker needs to know to make its `Job`; the classifier is loaded there."""

    explain: Explain
    options: ExplainOptions
    config: Config
    software: dict[str, str]
    choice: RemovalChoice | None
    fills: tuple[str, ...]
    names_hidden: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an image, and what the library said meanwhile."""

    end: Done | Failure
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, and the way to it."""

    process: BaseProcess
    way: Connection


def ends_of_workers(
    explain: Explain, job: Job, todo: Sequence[Place], screen: Screen
) -> Iterator[Done | Failure]:
    """What comes of each image, as soon as it has, in whatever order; as `attempt_each` else.

    Args:
        explain: from a job and an image with the name of its result to what came of it; a
            function of a module, by whose name workers know it.
        job: what is the same for all images.
        todo: the images.
        screen: where notes are shown.

    Raises:
        KeyboardInterrupt: the command was told to stop; the workers have ended then.
    """
    order = Order(
        explain,
        job.options,
        job.config,
        dict(job.software),
        job.choice,
        tuple(job.fills),
        job.names_hidden,
    )
    left = list(reversed(todo))
    busy: dict[Connection, tuple[Worker, Place]] = {}
    said: set[str] = set()
    try:
        while left and len(busy) < (job.options.workers or 1):
            set_to(started(order), left.pop(), busy)
        while busy:
            for way in wait([*busy]):
                refuse_to_go_on()
                worker, place = busy.pop(cast("Connection", way))
                answer = answer_of(worker, place)
                for note in dict.fromkeys(answer.notes):
                    if note not in said:
                        screen.say(note)
                said.update(answer.notes)
                end, left = stopped(answer.end, left)
                if left:
                    alive = worker if worker.process.is_alive() else started(order)
                    set_to(alive, left.pop(), busy)
                else:
                    ended([worker])
                yield end
    finally:
        ended([worker for worker, _ in busy.values()], at_once=True)


def stopped(end: Done | Failure, left: list[Place]) -> tuple[Done | Failure, list[Place]]:
    """The end of an image and what is left to be done; after a full disk that is nothing."""
    if isinstance(end, Failure) and end.kind == LAST:
        return with_rest(end, len(left)), []
    return end, left


def set_to(worker: Worker, place: Place, busy: dict[Connection, tuple[Worker, Place]]) -> None:
    """Give a worker an image."""
    busy[worker.way] = (worker, place)
    try:
        worker.way.send(place)
    except OSError:
        return  # it has ended; reading from it says so


def answer_of(worker: Worker, place: Place) -> Answer:
    """What a worker says; a failure of the image if it has ended without a word."""
    try:
        answer: Answer = worker.way.recv()
    except (EOFError, OSError):
        worker.process.join(SECONDS)
        code = worker.process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with status {code}"
        sentence = (
            f"{place.file}: the process that explained it was ended {how}, perhaps for want of "
            "memory; run the same command again, with fewer --workers."
        )
        return Answer(Failure(sentence, INTERNAL, "", "EndedError", place.file), ())
    return answer


def started(order: Order) -> Worker:
    """A new worker; Ctrl-C in the terminal goes to the command alone."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=work, args=(theirs, order), daemon=True
    )
    with not_interrupted():
        process.start()
    theirs.close()
    return Worker(process, ours)


def ended(workers: Sequence[Worker], *, at_once: bool = False) -> None:
    """End workers: those that wait for an image by themselves, others in the middle of one."""
    for worker in workers:
        worker.way.close()
        if at_once:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def work(way: Connection, order: Order) -> None:
    """A worker from its start to its end: one image after the other, as they come."""
    torch.set_num_threads(1)
    threading.Thread(target=end_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    notes = Heard()
    logging.getLogger("med_cam").addHandler(notes)
    with ExitStack() as opened:
        job: Job | Exception | None = None
        while True:
            try:
                place: Place = way.recv()
            except (EOFError, OSError):
                return
            if job is None:
                job = job_of(order, opened)
                notes.taken()  # the command has said them
            end = end_of(order.explain, job, place)
            way.send(Answer(end, notes.taken()))


def job_of(order: Order, opened: ExitStack) -> Job | Exception:
    """The same job as the command's; the error, if the classifier cannot be loaded any more."""
    options, silent = order.options, nobody()
    try:
        source = source_of(options.model, opened, options.trust)
        ready = painted(load(source, options, silent, opened))
        fills = loaded(order.fills, ready.classifier, ready.source, options.trust)
        hidden = order.names_hidden
        return Job(options, order.config, ready, order.software, order.choice, fills, hidden)
    except Exception as error:  # noqa: BLE001  told of every image
        return error


def end_of(explain: Explain, job: Job | Exception, place: Place) -> Done | Failure:
    """What comes of one image."""
    try:
        if isinstance(job, Exception):
            raise job
        return explain(job, place, silently)
    except Exception as error:  # noqa: BLE001  the others are still to be done
        return failure_of(error, where=place.file)


def silently(_: Step) -> None:
    """A step of the search that nobody sees."""


def nobody() -> Screen:
    """A screen that nobody looks at."""
    console = Console(file=io.StringIO())
    return Screen(console, console, progress_bar(console), debug=False)


class Heard(logging.Handler):
    """The library's own warnings, to be shown by the command."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.notes.append(f"Note: {record.getMessage()}")

    def taken(self) -> tuple[str, ...]:
        """Those since the last time."""
        found, self.notes = tuple(self.notes), []
        return found
