"""Kill explain, reproduce and train at their file operations: is each result old or new, whole?

    python benchmarks/kills.py [--commands A,B] [--places N] [--starts N]

Each command runs on tiny made-up pictures and is killed with SIGKILL, SIGTERM and SIGINT: before
its n-th file operation in the folder of results, at N places evenly from the first to the last
(0: at every one), and, as a process begun from nothing, at random times of its first second.
After each kill

* every result has to be the old one or the new one, each file as its manifest has it; every line,
  checkpoint, map and report that was there has to be there, and to be read;
* a signal that can be heard has to be answered with its status, one line and no traceback;
* the same command again has to give the new results, and to leave nothing else in the folder.

Prints a table, a line a command and signal; the status is 1 if anything was found.
"""

import importlib
import random
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from command import parser_of
from kill_cases import case_of, tiny_studies
from killing import killed_after, killed_at, operations, run

import med_cam.cli.data_check
from med_cam.classifiers.compat import import_timm

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
COMMANDS = ("explain", "reproduce", "train")
WARM = ["jinja2", "torchmetrics", "matplotlib.backends.backend_pdf", "matplotlib.figure"]
FIRST = (0.1, 1.0)  # seconds; before, Python itself is starting


@dataclass
class Tally:
    """What came of the kills of a command with one signal."""

    places: int = 0
    starts: int = 0
    old: int = 0
    new: int = 0
    found: list[str] = field(default_factory=list)


def after_kill(case, tally, where, number, status):
    """Judge what a kill has left, run the command again, and judge that."""
    said = case.log.read_text(errors="replace")
    problems, old, new = case.judged(case.here, said)
    tally.old, tally.new = tally.old + old, tally.new + new
    problems += wrong_ending(status, number, said)
    again = run(case.arguments, case.log)
    if again:
        problems.append(f"the next run has status {again}: {case.log.read_text()[-200:]}")
    problems += [f"after the next run, {problem}" for problem in case.ended(case.here)]
    tally.found += [f"{where}: {problem}" for problem in problems]
    print(case.name, number.name, where, status, problems or "whole", file=sys.stderr, flush=True)


def wrong_ending(status, number, said):
    """What is wrong with how a killed process ended."""
    if number == signal.SIGKILL:
        return [] if status in (0, -number) else [f"status {status}: {said[-200:]!r}"]
    if "Traceback" in said:
        return [f"a traceback: {said[-300:]!r}"]
    complaints = [line for line in said.splitlines() if line.startswith("med-cam: ")]
    if (status == 128 + number and len(complaints) == 1) or status == 0:
        return []
    return [f"status {status}: {said[-200:]!r}"]


def kills(case, number, places, starts):
    """All kills of a command with one signal."""
    tally, rng = Tally(), random.Random(f"{case.name} {number}")
    for place in places:
        case.reset()
        status = killed_at(place, number, case.arguments, case.out, case.log)
        tally.places += 1
        after_kill(case, tally, f"operation {place}", number, status)
    for _ in range(starts):
        case.reset()
        seconds = rng.uniform(*FIRST)
        status = killed_after(seconds, number, case.arguments, case.log)
        tally.starts += 1
        after_kill(case, tally, f"{seconds:.2f} s after the start", number, status)
    return tally


def chosen(count, wanted):
    """So many places, evenly from the first to the last; every one for 0."""
    if wanted in (0, 1) or wanted >= count:
        return range(count)
    return sorted({round(i * (count - 1) / (wanted - 1)) for i in range(wanted)})


def all_kills(options, folder):
    """The tally of each command and signal, with the number of its file operations."""
    tallies = {}
    for name in options.commands.split(","):
        case = case_of(name, folder / name)
        case.reset()
        count = operations(case.arguments, case.out, case.log)
        for number in SIGNALS:
            tally = kills(case, number, chosen(count, options.places), options.starts)
            tallies[name, number.name] = (count, tally)
    return tallies


def table(tallies):
    """A line a command and signal."""
    print("| command | signal | file operations | killed at | at the start | old | new | found |")
    print("|---|---|---|---|---|---|---|---|")
    for (name, number), (count, tally) in tallies.items():
        figures = (count, tally.places, tally.starts, tally.old, tally.new, len(tally.found))
        print(f"| `{name}` | {number} | {' | '.join(map(str, figures))} |")


def warm():
    """Import here what each killed process would import again."""
    import_timm()
    names = ["cli.explain", "cli.reproduce", "cli.train", "report.figure"]
    for name in [f"med_cam.{name}" for name in names] + WARM:
        importlib.import_module(name)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--commands", default=",".join(COMMANDS), help="which of the three")
    parser.add_argument("--places", type=int, default=0, help="operations to be killed at")
    parser.add_argument("--starts", type=int, default=6, help="kills in the first second")
    options = parser.parse_args()
    torch.set_num_threads(1)  # processes are forked: no thread of torch may run before
    med_cam.cli.data_check.STUDIES = tiny_studies()
    warm()
    with tempfile.TemporaryDirectory() as folder:
        tallies = all_kills(options, Path(folder).resolve())
    table(tallies)
    for (name, number), (_, tally) in tallies.items():
        for problem in tally.found:
            print(f"{name}, {number}, {problem}")
    return int(any(tally.found for _, tally in tallies.values()))


if __name__ == "__main__":
    raise SystemExit(main())
