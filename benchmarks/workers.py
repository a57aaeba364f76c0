"""How much faster do several processes explain a folder (`--workers`)?

    python benchmarks/workers.py [--workers 1,2] [--images N] [--rounds R] [--small]
        [-- OPTIONS OF med-cam explain]

Explains the same N images (the bundled reference images, by the bundled classifier; with --small
pictures of 32 pixels by a tiny one) with each number of workers, R times in turn, so that what
else the machine does meets all of them. Each worker has one thread of torch, one worker as well.

Prints a table: seconds of the whole command; images a minute from the moment when each worker has
done one image until all have work no longer (so without what each worker does once: it imports
torch and loads the classifier); how many times the first number of workers that is; that divided
by what linear growth would give; and the CPU seconds of the whole command with its workers, an
image, which hardly depend on what else the machine does. Medians over the rounds. Status 1 if a
number of workers is below 80% of linear growth.

Run it on a machine that does nothing else, with at least as many cores as workers: the line above
the table says how busy the machine was when it began and how many cores it has.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from command import parser_of
from many_images import COMMAND, folders, made

from med_cam.classifiers.bundled import bundled_references
from med_cam.images.find import find_images

WANTED = 0.8  # of linear growth


@dataclass(frozen=True)
class Speed:
    """How fast a run was."""

    whole: float  # seconds of the command
    steady: float  # images a minute while every worker had an image
    cpu: float  # seconds an image, of the command and its workers


def timed(arguments, out, workers, images):
    """Run the command once, with so many workers."""
    begun, used = time.perf_counter(), cpu_of_children()
    words = [*arguments, "--out", str(out), "--workers", str(workers)]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    seen = [(0.0, 0)]  # when how many were done
    while process.poll() is None:
        if (done := folders(out)) > seen[-1][1]:
            seen.append((time.perf_counter() - begun, done))
        time.sleep(0.02)
    whole = time.perf_counter() - begun
    if process.returncode or folders(out) != images:
        raise SystemExit(f"status {process.returncode}, {folders(out)} of {images} images")
    return Speed(whole, steady(seen, workers, images), (cpu_of_children() - used) / images)


def cpu_of_children():
    """CPU seconds of all commands that have ended, with the processes that they started."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def steady(seen, workers, images):
    """Images a minute between the first image of every worker and the last that all work on.

    Args:
        seen: when, in seconds, how many images were done.
        workers: how many processes there were.
        images: how many images.
    """
    first = next(at for at in seen if at[1] >= workers)
    last = next(at for at in seen if at[1] >= images - workers + 1)
    return 60 * (last[1] - first[1]) / (last[0] - first[0]) if last > first else float("nan")


def table(speeds):
    """A line a number of workers; the lowest share of linear growth."""
    print("| workers | seconds | images a minute | times | of linear | CPU seconds an image |")
    print("|---|---|---|---|---|---|")
    shares, one = [], median(next(iter(speeds.values())), "steady")
    fewest = next(iter(speeds))
    for workers, runs in speeds.items():
        rate, cpu = median(runs, "steady"), median(runs, "cpu")
        shares.append(rate / one * fewest / workers)
        times = f"{rate:.1f} | {rate / one:.2f} | {shares[-1]:.0%}"
        print(f"| {workers} | {median(runs, 'whole'):.0f} | {times} | {cpu:.2f} |")
    return min(shares)


def median(runs, name):
    """The median of a figure over runs."""
    return statistics.median(getattr(run, name) for run in runs)


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--workers", default="1,2", help="numbers of workers, the fewest first")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="tiny pictures and classifier")
    parser.add_argument("more", nargs="*", help="options of med-cam explain, behind --")
    options = parser.parse_args()
    numbers = [int(number) for number in options.workers.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        here, speeds = Path(folder), {number: [] for number in numbers}
        arguments = explained(here, options)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {options.images} images")
        for turn in range(options.rounds):
            for number in numbers:
                speed = timed(arguments, here / f"{turn}-{number}", number, options.images)
                print(number, speed, file=sys.stderr, flush=True)
                speeds[number].append(speed)
    return int(table(speeds) < WANTED)


def explained(here, options):
    """The arguments of the command, without --out and --workers."""
    if options.small:
        *words, _, _, flat = made(here, options.images)
        return [*words, flat, *options.more]
    (here / "scans").mkdir()
    with bundled_references() as folder:
        found = find_images([folder])
        for number in range(options.images):  # of all labels
            path = found[number * len(found) // options.images]
            shutil.copyfile(path, here / "scans" / f"{number:03}{path.suffix}")
    return ["explain", str(here / "scans"), *options.more]


if __name__ == "__main__":
    raise SystemExit(main())
