"""Kill `med-cam explain` at every file operation: is each result the old or the new one, whole?

    python benchmarks/kills.py [--every N] [--starts N]

Tiny pictures and a made-up classifier, explained once (the old results) and then again with
another seed (the new ones). The second run is killed: at its n-th file operation in the folder of
results, for n = 0, N, 2N, ... until it comes to its end, and, as a process of its own, at random
times of its first seconds. SIGKILL, SIGTERM and SIGINT, each at every place. After each kill

* every result has to be the old one or the new one, each file as its manifest has it;
* a signal that can be heard has to be answered with its status and no traceback;
* the same command again has to give the new results, and to leave nothing else in the folder.

Prints a table, a line a signal; the status is 1 if anything was found.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from command import parser_of
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from cli.corner import NET, QUICK, TOML, photograph
from med_cam.cli.main import main as med_cam
from med_cam.errors import MedCamError
from med_cam.report.manifest import checked_id, refuse_changed_run
from med_cam.report.read import read_explanation

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
IMAGES = 2
COMMAND = "from med_cam.cli.entry import main; raise SystemExit(main())"


@dataclass(frozen=True)
class Setting:
    """What all kills have in common: where, the command, the seeds of old and new."""

    here: Path
    arguments: list[str]
    old: dict[str, int]
    new: dict[str, int]

    @property
    def out(self):
        return self.here / "r"

    @property
    def log(self):
        return self.here / "log.txt"


@dataclass
class Tally:
    """What came of the kills with one signal."""

    kills: int = 0
    old: int = 0
    new: int = 0
    neither: list[str] = field(default_factory=list)


def prepared(here):
    """Pictures, classifier and settings; the arguments to explain them."""
    for index in range(IMAGES):
        photograph(here / "scans" / f"scan-{index}.png", seed=index)
    model = here / "corner"
    model.mkdir()
    (model / "net.py").write_text(NET)
    (model / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, model / "model.safetensors")
    (here / "quick.toml").write_text(QUICK)
    return [
        "explain", str(here / "scans"), "--model", str(model), "--config",
        str(here / "quick.toml"), "--out", str(here / "r"),
    ]  # fmt: skip


def forked(work, log):
    """The status of a process of its own, everything imported; negative for a signal."""
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


def killed_at(place, number, arguments, out):
    """A run that sends itself a signal before its n-th file operation in the folder of results."""

    def work():
        left = [place]

        def hook(event, details):
            if event in EVENTS and isinstance(details[0], str | os.PathLike):
                left[0] -= str(out) in os.fspath(details[0])
                if left[0] < 0:
                    left[0] = sys.maxsize
                    os.kill(os.getpid(), number)

        sys.addaudithook(hook)
        return med_cam([*arguments, "--seed", "1"])

    return work


def killed_early(number, arguments, log, rng):
    """A process of its own, sent a signal in its first seconds."""
    with (
        Path(log).open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--seed", "1"], stdout=said, stderr=said
        ) as process,
    ):
        time.sleep(rng.uniform(0.3, 8.0))
        process.send_signal(number)
        return process.wait()


def seeds(out):
    """The seed of every whole result, what is wrong with another; and what else lies there."""
    found, others = {}, []
    for entry in sorted(out.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            others.append(entry.name)
            continue
        try:
            checked_id(entry)
            found[entry.name] = read_explanation(entry)["seed"]
        except MedCamError as error:
            found[entry.name] = f"broken: {error}"
    return found, others


def judged(tally, where, found, setting):
    """Count the results after a kill."""
    for name in setting.old:
        if found.get(name) == setting.old[name]:
            tally.old += 1
        elif found.get(name) == setting.new[name]:
            tally.new += 1
        else:
            tally.neither.append(f"{where}: {name} is {found.get(name, 'not there')}")


def wrong_status(status, number, text):
    """What is wrong with how a process ended; "" if nothing is."""
    wanted = {0, -number} if number == signal.SIGKILL else {0, 128 + number}
    if status not in wanted:
        return f"status {status}: {text[-200:]!r}"
    return "a traceback" if "Traceback" in text else ""


def mended(setting):
    """What is wrong after the same command once more; "" if nothing is."""
    status = forked(lambda: med_cam([*setting.arguments, "--seed", "1"]), setting.log)
    found, others = seeds(setting.out)
    beside = [name for name in others if not name.startswith("run-")]
    if status or found != setting.new or beside != ["manifest.sha256"]:
        return f"the next run: status {status}, results {found}, beside them {others}"
    refuse_changed_run(setting.out)
    return ""


def killed(tally, where, number, run, setting):
    """One kill and what comes of it; whether the run came to its end before."""
    shutil.rmtree(setting.out, ignore_errors=True)
    shutil.copytree(setting.here / "old", setting.out)
    status = run()
    tally.kills += status != 0
    problem = wrong_status(status, number, setting.log.read_text(errors="replace"))
    judged(tally, where, seeds(setting.out)[0], setting)
    problem = problem or mended(setting)
    if problem:
        tally.neither.append(f"{where}: {problem}")
    print(number.name, where, status, problem or "whole", file=sys.stderr, flush=True)
    return status == 0


def table(tallies):
    """A line a signal."""
    print("| signal | kills | results old | results new | lost, half or left over |")
    print("|---|---|---|---|---|")
    for number, tally in tallies.items():
        figures = (number.name, tally.kills, tally.old, tally.new, len(tally.neither))
        print(f"| {' | '.join(map(str, figures))} |")


def set_up(here):
    """The old and the new results, each made once."""
    arguments, states = prepared(here), []
    for seed, name in (("0", "old"), ("1", "new")):
        forked(lambda seed=seed: med_cam([*arguments, "--seed", seed]), here / "log.txt")
        states.append(seeds(here / "r")[0])
        (here / "r").rename(here / name)
    old, new = states
    if len(old) != IMAGES or any(old[name] == new[name] for name in old):
        raise SystemExit(f"nothing to tell old and new apart: {old}, {new}")
    return Setting(here, arguments, old, new)


def kills(number, setting, every, starts):
    """All kills with one signal, and what was found."""
    tally, place, rng = Tally(), 0, random.Random(0)
    ended = False
    while not ended:
        work = killed_at(place, number, setting.arguments, setting.out)
        run = partial(forked, work, setting.log)
        ended = killed(tally, f"operation {place}", number, run, setting)
        place += every
    for start in range(starts):
        run = partial(killed_early, number, setting.arguments, setting.log, rng)
        killed(tally, f"start {start}", number, run, setting)
    return tally


def main():
    parser = parser_of(__doc__)
    parser.add_argument("--every", type=int, default=1, help="kill at every n-th operation")
    parser.add_argument("--starts", type=int, default=8, help="kills in the first seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = set_up(Path(folder).resolve())
        tallies = {n: kills(n, setting, options.every, options.starts) for n in SIGNALS}
    table(tallies)
    for number, tally in tallies.items():
        for problem in tally.neither:
            print(f"{number.name}, {problem}")
    return int(any(tally.neither for tally in tallies.values()))


if __name__ == "__main__":
    raise SystemExit(main())
