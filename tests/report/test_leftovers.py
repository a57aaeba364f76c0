"""Whatever a kill leaves, the old result or the new one is there, and the rest goes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from med_cam.errors import OutputError
from med_cam.report import exchange as exchange_module, files as files_module
from med_cam.report.exchange import exchanged
from med_cam.report.files import replace_folder
from med_cam.report.leftovers import fresh_folder, swapped_by_name, sweep


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def made(folder, content):
    folder.mkdir()
    (folder / "a.txt").write_bytes(content)
    return folder


@pytest.fixture(params=["at one stroke", "in two steps"])
def way(request, monkeypatch):
    """Both ways to replace a folder."""
    if request.param == "in two steps":
        monkeypatch.setattr(files_module, "exchanged", lambda *_: False)
    return request.param


def test_two_folders_change_places(tmp_path):
    one, other = made(tmp_path / "one", b"1"), made(tmp_path / "other", b"2")
    assert exchanged(one, other)
    assert contents(tmp_path) == {"one/a.txt": b"2", "other/a.txt": b"1"}


def test_a_folder_that_is_not_there_cannot_be_exchanged(tmp_path):
    one = made(tmp_path / "one", b"1")
    with pytest.raises(FileNotFoundError):
        exchanged(one, tmp_path / "other")


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EINVAL])
def test_a_system_that_cannot_exchange_says_so_and_does_nothing(tmp_path, monkeypatch, number):
    one, other = made(tmp_path / "one", b"1"), made(tmp_path / "other", b"2")

    class Library:
        @staticmethod
        def renameat2(*_):
            return -1

    monkeypatch.setattr(exchange_module.ctypes, "CDLL", lambda *_, **__: Library)
    monkeypatch.setattr(exchange_module.ctypes, "get_errno", lambda: number)
    assert not exchanged(one, other)
    assert contents(tmp_path) == {"one/a.txt": b"1", "other/a.txt": b"2"}


def test_a_library_without_the_call_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(exchange_module.ctypes, "CDLL", lambda *_, **__: object())
    assert not exchanged(tmp_path, tmp_path)


def test_a_folder_is_replaced_and_nothing_is_left(tmp_path, way):
    made(tmp_path / "scan", b"old")
    replace_folder(tmp_path / "scan", {"b.txt": b"new"})
    assert contents(tmp_path) == {"scan/b.txt": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]


KILLED = """
import os, signal, sys
from pathlib import Path
from med_cam.report import files
if sys.argv[2] == "in two steps":
    files.exchanged = lambda *_: False
left = int(sys.argv[3])
def hook(event, arguments):
    global left
    names = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")
    if event in names and sys.argv[1] in str(arguments[0]):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
files.replace_folder(Path(sys.argv[1]) / "scan", {"a.txt": b"new", "b.txt": b"new"})
"""
OLD, NEW = {"scan/a.txt": b"old"}, {"scan/a.txt": b"new", "scan/b.txt": b"new"}


def test_a_kill_at_every_file_operation_leaves_the_old_or_the_new(tmp_path, way):
    seen, number = set(), 0
    while True:
        parent = tmp_path / str(number)
        parent.mkdir()
        made(parent / "scan", b"old")
        command = [sys.executable, "-c", KILLED, str(parent), way, str(number)]
        status = subprocess.run(command, check=False).returncode
        sweep(parent)
        assert contents(parent) in (OLD, NEW), number
        assert [path.name for path in parent.iterdir()] == ["scan"]
        seen.add("old" if contents(parent) == OLD else "new")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        number += 1
    assert number >= 6
    assert seen == {"old", "new"}


def test_an_old_result_that_lost_its_place_is_put_back(tmp_path):
    made(tmp_path / ".med-cam-ab-old", b"old")
    made(tmp_path / ".med-cam-ab", b"new")
    (tmp_path / ".med-cam-ab-name").write_bytes(b"scan")
    sweep(tmp_path)
    assert contents(tmp_path) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]


def test_an_old_result_whose_place_is_taken_goes(tmp_path):
    made(tmp_path / ".med-cam-ab-old", b"old")
    made(tmp_path / "scan", b"new")
    (tmp_path / ".med-cam-ab-name").write_bytes(b"scan")
    sweep(tmp_path)
    assert contents(tmp_path) == {"scan/a.txt": b"new"}


@pytest.mark.parametrize("name", [b"../scan", b"/scan", b"..", b"."])
def test_nothing_is_put_back_elsewhere(tmp_path, name):
    parent = tmp_path / "run"
    parent.mkdir()
    made(parent / ".med-cam-ab-old", b"old")
    (parent / ".med-cam-ab-name").write_bytes(name)
    sweep(parent)
    assert contents(tmp_path) == {}


def test_what_a_running_process_writes_is_not_swept(tmp_path):
    with fresh_folder(tmp_path) as fresh:
        (fresh / "a.txt").write_bytes(b"new")
        sweep(tmp_path)
        assert contents(fresh) == {"a.txt": b"new"}
    assert not any(tmp_path.iterdir())


def test_a_lock_ends_with_its_process(tmp_path):
    left = made(tmp_path / ".med-cam-cd", b"half")
    descriptor = os.open(left, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sweep(tmp_path)
    assert left.exists()
    os.close(descriptor)
    sweep(tmp_path)
    assert not left.exists()


def test_other_names_are_not_swept(tmp_path):
    for name in (".other", "med-cam-1", "scan"):
        (tmp_path / name).mkdir()
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".other", "med-cam-1", "scan"}


def test_a_folder_that_is_not_there_has_nothing_to_sweep(tmp_path):
    sweep(tmp_path / "no")


def test_the_old_result_stays_if_the_new_one_cannot_take_its_place(tmp_path):
    folder, fresh = made(tmp_path / "scan", b"old"), tmp_path / ".med-cam-missing"
    with pytest.raises(FileNotFoundError):
        swapped_by_name(fresh, folder)
    assert contents(tmp_path) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]


def test_an_exchange_that_fails_leaves_the_old_result(tmp_path, monkeypatch):
    made(tmp_path / "scan", b"old")

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(files_module, "exchanged", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        replace_folder(tmp_path / "scan", {"a.txt": b"new"})
    assert contents(tmp_path) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["scan"]
