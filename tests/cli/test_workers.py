"""Several processes give what one gives, and end as one does."""

import csv
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, strategies as st

from cli.corner import photograph, results
from med_cam.cli.private import Place
from med_cam.cli.run import Failure
from med_cam.cli.workers import started, stopped
from med_cam.errors import ConfigError
from med_cam.report.shards import Shard, shard_of

NOT_COMPARED = {"created", "command", "seconds", "timeline"}


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def figures(folder):
    """All files of a result and all fields of its document that do not tell of the run itself."""
    saved = json.loads((folder / "explanation.json").read_text())
    for name in NOT_COMPARED:
        saved.pop(name)
    same = ("mask.png", "evidence.png", "source.png")
    return saved, *((folder / name).read_bytes() for name in same)


def test_two_processes_give_what_one_gives_and_a_bad_image_stops_neither(
    run, scans, model, quick, here, one_thread
):
    (here / "scans" / "scan-2.png").unlink()
    (here / "scans" / "bad.png").write_bytes(b"no image")
    words = [scans, "--model", model, "--config", quick]
    one = run(*words, "--out", "one")
    two = run(*words, "--out", "two", "--workers", 2)
    assert (one.status, one.err) == (two.status, two.err) == (2, one.err)
    assert results(here / "one") == results(here / "two") == ["scan-0", "scan-1"]
    for name in results(here / "one"):
        assert figures(here / "one" / name) == figures(here / "two" / name)
    lines = [sorted(line for line in ran.out if line.startswith("scan-")) for ran in (one, two)]
    assert lines[0] == lines[1]


def test_a_killed_worker_costs_its_image_alone(run, scans, model, quick, here, monkeypatch):
    def started_and_killed(order):
        monkeypatch.undo()  # the next one lives
        monkeypatch.chdir(here)
        worker = started(order)
        worker.process.kill()
        return worker

    (here / "scans" / "scan-2.png").unlink()
    monkeypatch.setattr("med_cam.cli.workers.started", started_and_killed)
    status, _, err = run(scans, "--model", model, "--config", quick, "--workers", 1)
    assert (status, len(err)) == (1, 1)
    assert "scan-0.png: the process that explained it was ended by signal 9" in err[0]
    assert results(here / "med-cam-out") == ["scan-1"]


def test_control_c_ends_all_workers_and_leaves_nothing(
    run, scans, model, quick, here, monkeypatch
):
    begun, blocked = [], []

    def watched(order):
        begun.append(started(order))
        status = Path(f"/proc/{begun[-1].process.pid}/status")
        blocked.append(re.search(r"SigBlk:\s*(\w+)", status.read_text())[1])
        return begun[-1]

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("med_cam.cli.workers.started", watched)
    monkeypatch.setattr("med_cam.cli.workers.wait", interrupted)
    status, _, err = run(scans, "--model", model, "--config", quick, "--workers", 2)
    assert (status, len(err)) == (130, 1)
    assert not (here / "med-cam-out").exists()
    assert [worker.process.is_alive() for worker in begun] == [False, False]
    assert all(int(mask, 16) & 1 << signal.SIGINT - 1 for mask in blocked)  # not from a terminal


def test_after_a_full_disk_nothing_more_is_begun():
    end = Failure("no room.", 2, "", "UnwritableError", "a.png")
    left = [Place(Path("b.png"), "b"), Place(Path("c.png"), "c")]
    found, rest = stopped(end, left)
    assert (found.sentence, rest) == ("no room. 2 more not begun: each would fail so.", [])
    assert stopped(replace(end, kind="ImageError"), left)[1] == left


def test_a_worker_ends_with_a_command_that_is_killed(here):
    code = (
        "import multiprocessing, time\n"
        "from med_cam.cli.signals import end_with_parent\n"
        "if __name__ == '__main__':\n"
        "    child = multiprocessing.get_context('spawn').Process(target=end_with_parent)\n"
        "    child.start()\n"
        "    print(child.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    (here / "parent.py").write_text(code)
    with subprocess.Popen([sys.executable, "parent.py"], stdout=subprocess.PIPE) as parent:
        worker = int(parent.stdout.readline())
        time.sleep(0.5)
        assert alive(worker)
        parent.kill()
    wait_for(lambda: [worker] if alive(worker) else [], count=0)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(found, *, count, seconds=60):
    end = time.monotonic() + seconds
    while len(now := found()) != count:
        assert time.monotonic() < end, now
        time.sleep(0.05)
    return now


# -- parts of a run -------------------------------------------------------------------------------


@given(names=st.lists(st.text(min_size=1), unique=True), of=st.integers(1, 9))
def test_parts_are_disjoint_and_complete(names, of):
    parts = [n for i in range(1, of + 1) for n in names if Shard(i, of).holds(n)]
    assert sorted(parts) == sorted(names)


def test_parts_stay_when_images_are_added_and_are_of_about_one_size():
    parts = Counter(i for n in range(4000) for i in (1, 2, 3, 4) if Shard(i, 4).holds(f"p/{n}"))
    assert all(900 < parts[i] < 1100 for i in (1, 2, 3, 4))
    by_hand = int(hashlib.sha256(b"p1/0001").hexdigest(), 16) % 4 + 1
    assert Shard(by_hand, 4).holds("p1/0001")


@pytest.mark.parametrize("text", ["", "0/4", "5/4", "1", "1/0", "a/b", "1/4/4", "-1/4", "1/99999"])
def test_what_is_no_part_is_refused(text):
    with pytest.raises(ConfigError, match="--shard must be I/N"):
        shard_of(text)


def test_the_tables_of_parts_join(run, model, instant, here):
    for index in range(8):
        photograph(here / "scans" / f"scan-{index}.png", seed=index)
    every = [f"scan-{index}" for index in range(8)]
    tables = []
    for part in ("1/2", "2/2"):
        assert run("scans", "--model", model, "--out", "r", "--shard", part).status == 0
        tables.append(folders(here / "r" / f"table-{part.replace('/', '-of-')}.csv"))
    assert sorted(tables[0] + tables[1]) == every
    assert tables[0]
    assert tables[1]
    assert folders(here / "r" / "table.csv") == every
    assert len(instant.calls) == 8
    lines = (here / "r" / "manifest.sha256").read_text().splitlines()
    assert sum("scan-" in line for line in lines) == 8
    assert "8 images kept" in run("scans", "--model", model, "--out", "r").out[1]


def folders(path):
    with path.open(newline="") as lines:
        return [line["folder"] for line in csv.DictReader(lines)]
