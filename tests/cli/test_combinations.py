"""DICOM, volumes and slides with several workers, in shards, and again after a stop.

The workers are threads here, to which all is sent as it is to processes.
"""

import json
import logging
import multiprocessing
import pickle
import threading
import warnings
from multiprocessing.process import BaseProcess

import numpy as np
import PIL.Image
import pytest
import torch

from cli.test_dicom_command import lit as grey
from cli.test_nifti_command import volume
from cli.test_slide_command import lit as slide
from images.dicom_files import dicom, saved
from med_cam.cli.workers import Worker, work

NOT_COMPARED = ("created", "command", "seconds", "timeline")


class Inside(BaseProcess):
    """What a worker's process is asked for, of a thread; it ends when its pipe is closed."""

    exitcode = 0

    def __init__(self, way, order):
        self.thread = threading.Thread(target=work, args=(way, order), daemon=True)
        self.thread.start()

    def is_alive(self):
        return self.thread.is_alive()

    def join(self, timeout=None):
        self.thread.join(timeout)

    def terminate(self):
        pass


@pytest.fixture
def in_threads(monkeypatch):
    """Workers as threads; what they set for their process is put back."""
    handlers = {name: [*logging.getLogger(name).handlers] for name in (None, "med_cam")}
    threads = torch.get_num_threads()
    begun = []

    def started(order):
        ours, theirs = multiprocessing.Pipe()
        sent = pickle.loads(pickle.dumps(order))
        begun.append(Inside(theirs, sent))
        return Worker(begun[-1], ours)

    monkeypatch.setattr("med_cam.cli.workers.end_with_parent", lambda: None)
    monkeypatch.setattr("med_cam.cli.workers.started", started)
    with warnings.catch_warnings():
        yield begun
    for thread in begun:
        thread.join(5)
    for name, before in handlers.items():
        logging.getLogger(name).handlers[:] = before
    torch.set_num_threads(threads)


def of_dicom(here):
    window = {"WindowCenter": 120, "WindowWidth": 240}
    for number in range(4):
        found = dicom(grey(seed=number), "MR", bits=12, number=number + 1, **window)
        saved(here / "given" / "Doe" / f"I{number}", found)
    return ["given"]


def of_nifti(here):
    for number in range(4):
        (here / "given" / f"p{number}").mkdir(parents=True)
        volume(here / "given" / f"p{number}" / "head.nii.gz")
    return ["given", "--slice", "axial=1", "--window", "600,1200"]


def of_slides(here):
    (here / "given").mkdir()
    slide(here / "given" / "s.tif")
    return ["given", "--tiles", "--mpp", "0.5"]


@pytest.fixture(params=[of_dicom, of_nifti, of_slides])
def given(request, here, model):
    """Four images of one kind, and what is asked for of them."""
    return [*request.param(here), "--model", model, "--removal", "grey"]


def results(out):
    """The files and the document of each result, without what tells of the run itself."""
    found = {}
    for path in sorted(out.glob("**/explanation.json")):
        saved = json.loads(path.read_text())
        for name in NOT_COMPARED:
            saved.pop(name)
        files = [f for f in path.parent.iterdir() if f.suffix in (".png", ".npy", ".geojson")]
        where = path.parent.relative_to(out).as_posix()
        found[where] = (saved, {f.name: f.read_bytes() for f in files})
    return found


def test_two_workers_give_what_one_gives_and_all_is_kept(run, instant, given, here, in_threads):
    one = run(*given, "--out", "one")
    assert (one.status, one.err, len(instant.calls)) == (0, [], 4)
    two = run(*given, "--out", "two", "--workers", 2)
    assert (two.status, two.err, len(in_threads), len(instant.calls)) == (0, [], 2, 8)
    assert results(here / "one") == results(here / "two")
    assert len(results(here / "two")) == 4
    again = run(*given, "--out", "two", "--workers", 2, "--existing", "keep")
    assert (again.status, len(instant.calls)) == (0, 8)
    assert "Nothing to do: 4 images kept." in again.out


def test_shards_share_them_and_what_is_missing_of_one_is_done(
    run, instant, given, here, in_threads
):
    whole = run(*given, "--out", "one")
    parts = [run(*given, "--out", "s", "--shard", f"{n}/2", "--workers", 2) for n in (1, 2)]
    assert [part.status for part in (whole, *parts)] == [0, 0, 0]
    assert len(instant.calls) == 8
    assert results(here / "s") == results(here / "one")
    again = run(*given, "--out", "s", "--shard", "1/2")
    assert (again.status, len(instant.calls)) == (0, 8)
    assert run(*given, "--out", "s").status == 0  # without shards all of it is there
    assert len(instant.calls) == 8
    other = run(*given, "--out", "s", "--seed", 1)
    assert (other.status, len(instant.calls)) == (2, 8)
    assert "seed" in other.err[0]


def test_each_line_of_the_terminal_is_of_another_image(run, instant, given):
    done = run(*given, "--out", "one")
    names = [line.partition("  ")[0] for line in done.out if "  bright  " in line]
    assert len(names) == len(set(names)) == 4
    told = run(*given, "--out", "one", "--existing", "redo", "--seed", 1, "-v")
    places = [line for line in told.out if line.startswith("    result   ")]
    assert len(places) == (0 if "--slice" in given else 4)


def test_slices_of_one_volume_are_results_of_their_own(run, instant, here, model):
    path = volume(here / "head.nii.gz")
    for index in (0, 1):
        words = ("--slice", f"axial={index}", "--window", "600,1200", "--out", "r")
        assert run(path, "--model", model, *words).status == 0
    assert sorted(results(here / "r")) == ["head.nii-axial-0", "head.nii-axial-1"]


def test_a_slice_is_of_volumes_and_a_volume_has_slices(run, instant, here, model):
    (here / "given").mkdir()
    volume(here / "given" / "head.nii")
    done = run("given", "--model", model)
    assert done.status == 2
    assert "1 of its files is a NIfTI volume; say which slice with --slice" in done.err[0]
    PIL.Image.fromarray(np.zeros((8, 8), np.uint8)).save(here / "given" / "scan.png")
    words = ("--slice", "axial=1", "--window", "600,1200")
    assert run("given", "--model", model, *words, "--out", "r").status == 0
    assert sorted(results(here / "r")) == ["head-axial-1"]
    (here / "given" / "head.nii").unlink()
    done = run("given", "--model", model, *words)
    assert done.status == 2
    assert "has no NIfTI volume (.nii, .nii.gz) in it" in done.err[0]
    assert done.err[0].endswith("but 1 .png.")


def test_a_volume_of_a_result_without_pixels_is_found_in_its_folder(run, instant, here, model):
    from med_cam.cli.images import images_by_hash
    from med_cam.report.saved import read_saved

    (here / "given").mkdir()
    path = volume(here / "given" / "head.nii.gz")
    words = ("--slice", "axial=1", "--window", "600,1200", "--no-source", "--out", "r")
    assert run("given", "--model", model, *words).status == 0
    (folder,) = [p.parent for p in (here / "r").glob("*/explanation.json")]
    again = read_saved(folder, 3, images_by_hash([here / "given"])).image
    assert again.path == str(path.resolve())
