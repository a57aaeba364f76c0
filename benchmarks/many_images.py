"""A folder of many small images, killed and resumed: is anything lost, or done twice?

    python benchmarks/many_images.py [--images N] [--kills K] [--workers W] [--here FOLDER]

Makes N pictures of 32 x 32 pixels and a classifier that looks at a corner of them, and explains
the folder with short settings and without copies of the images. The command is killed with SIGKILL
K times, each time after about N / (K + 1) more images, and run again; at the end it runs through.
After each kill

* `table.csv` and `index.html` have to be whole, and the table may name nothing that is not there;
* every result that was finished has to be finished still, with the same ID, at the end: nothing is
  lost, nothing done twice.

Prints a table: seconds an image (by the clock and of the command's own CPU time, after its first
image) and the most memory of the command, run by run. Status 1 if anything was found.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from command import parser_of
from PIL import Image
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from cli.corner import NET, TOML
from med_cam.errors import MedCamError
from med_cam.report.manifest import checked_id, refuse_changed_run

COMMAND = "import sys; from med_cam.cli.entry import main; sys.exit(main())"
SHORT = """
[search]
steps = 1
widths = [1]
places = 1
[refinement]
rounds = 1
attempts = 1
[verification]
samples = 1
unseen_samples = 1
baselines = ["grey"]
unseen = []
[certification]
patch = 0
ladder_passes = 0
contrast = false
"""


@dataclass
class Run:
    """What one start of the command did."""

    images: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0  # KiB
    found: list[str] = field(default_factory=list)


def made(here, images):
    """Pictures, classifier and settings, unless they are there; the arguments of the command."""
    model = here / "corner"
    model.mkdir(exist_ok=True)
    (model / "net.py").write_text(NET)
    (model / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, model / "model.safetensors")
    (here / "short.toml").write_text(SHORT)
    for index in range(images):
        path = here / "scans" / f"p{index % 40:02}" / f"{index:05}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(index).integers(0, 40, (32, 32, 3), dtype=np.uint8)
        values[:16, :16] = 230
        Image.fromarray(values).save(path)
    return [
        "explain", str(here / "scans"), "--model", str(model), "--config",
        str(here / "short.toml"), "--out", str(here / "out"), "--no-source",
    ]  # fmt: skip


def finished(out):
    """The ID of every result that is whole, by folder; and what is wrong with others."""
    found, broken = {}, []
    for path in sorted(out.glob("*/explanation.json")):
        if path.parent.name.startswith("."):
            continue
        try:
            found[path.parent.name] = checked_id(path.parent)
        except MedCamError as error:
            broken.append(str(error))
    return found, broken


def tables(out, done):
    """What is wrong with the tables beside these results."""
    if not done:
        return []
    with (out / "table.csv").open(newline="") as lines:
        named = [line["folder"] for line in csv.DictReader(lines)]
    found = [f"table.csv names {name}, which is not there" for name in named if name not in done]
    if len(set(named)) < len(named) or not named:
        found.append("table.csv names nothing, or a result twice")
    if not (out / "index.html").read_text().endswith("</html>\n"):
        found.append("index.html is cut")
    return found


def started(arguments, out, log, *, until=None):
    """Run the command; kill it when so many results are there."""
    run, count = Run(), len(finished(out)[0])
    begun, first, used = time.perf_counter(), None, 0.0
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], stdout=said, stderr=said
        )
        while process.poll() is None:
            now = folders(out)
            if now > count and first is None:
                first, begun, used = now, time.perf_counter(), cpu_seconds(process.pid)
            run.cpu = max(run.cpu, cpu_seconds(process.pid))
            run.memory = max(run.memory, memory(process.pid))
            if until is not None and now >= until:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.05)
    last = len(finished(out)[0])
    run.images = last - count
    timed = max(1, last - (first or last))
    run.seconds, run.cpu = (time.perf_counter() - begun) / timed, (run.cpu - used) / timed
    if process.returncode not in (0, -signal.SIGKILL):
        run.found.append(f"status {process.returncode}: {log.read_text()[-300:]}")
    return run


def folders(out):
    """How many results there are, or seem to be."""
    if not out.exists():
        return 0
    return sum(not entry.name.startswith(".") and entry.is_dir() for entry in os.scandir(out))


def memory(pid):
    """The most that a process has had, in KiB; 0 once it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if "VmHWM" in line), 0)


def cpu_seconds(pid):
    """The CPU time that a process has had, without that of its children; 0 once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_runs(here, options):
    """Every start of the command, judged."""
    arguments, out = made(here, options.images), here / "out"
    if options.workers:
        arguments += ["--workers", str(options.workers)]
    known, runs = {}, []
    for turn in range(1, options.kills + 2):
        last = turn > options.kills
        until = None if last else turn * options.images // (options.kills + 1)
        run = started(arguments, out, here / "log.txt", until=until)
        done, broken = finished(out)
        run.found += broken + tables(out, done)
        run.found += [f"{name} is lost" for name in known if name not in done]
        again = [name for name in known if done.get(name, known[name]) != known[name]]
        run.found += [f"{name} was done twice" for name in again]
        known |= done
        runs.append(run)
        print(turn, run, file=sys.stderr, flush=True)
    runs[-1].found += ended(out, options.images)
    return runs


def ended(out, images):
    """What is wrong after the last run."""
    found = []
    try:
        refuse_changed_run(out)
    except MedCamError as error:
        found.append(str(error))
    if len(finished(out)[0]) != images:
        found.append(f"{len(finished(out)[0])} results of {images} images")
    (record,) = out.glob("run-*.json")
    outcomes = {image["outcome"] for image in json.loads(record.read_text())["images"]}
    return found + ([] if outcomes <= {"kept", "explained"} else [f"outcomes {outcomes}"])


def table(runs):
    """A line a start of the command."""
    print("| start | images | seconds an image | of CPU | most memory | found |")
    print("|---|---|---|---|---|---|")
    for number, run in enumerate(runs, start=1):
        memory_mb = f"{run.memory / 1024:.0f} MB"
        took = f"{run.seconds:.2f} | {run.cpu:.2f}"
        print(f"| {number} | {run.images} | {took} | {memory_mb} | {len(run.found)} |")
    for run in runs:
        print(*run.found, sep="\n", end="\n" if run.found else "")


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=0, help="0: without that option")
    parser.add_argument("--here", type=Path, help="an empty folder to work in, which is kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = all_runs(options.here or Path(folder), options)
    table(runs)
    return int(any(run.found for run in runs))


if __name__ == "__main__":
    raise SystemExit(main())
