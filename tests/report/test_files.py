"""A file is written whole or not at all, and what stood there stays until then."""

import errno
import os

import pytest

from med_cam.errors import OutputError
from med_cam.report.files import replace_folder, write_file, write_files
from med_cam.report.leftovers import sweep


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.fixture
def full(monkeypatch):
    """A disk that has no room left after so many files."""

    def after(count):
        calls, real = iter(range(100)), os.fsync

        def fsync(descriptor):
            if next(calls) >= count:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        monkeypatch.setattr(os, "fsync", fsync)

    return after


def test_a_file_is_written_with_its_folders_and_over_an_earlier_one(tmp_path):
    for content in (b"first", b"second"):
        write_file(tmp_path / "a" / "b" / "x.txt", content)
        assert contents(tmp_path) == {"a/b/x.txt": content}


def test_what_a_kill_left_of_a_file_is_in_the_way_of_nothing_and_is_swept(tmp_path):
    left = tmp_path / ".med-cam-ab"
    left.mkdir()
    (left / "x.txt").write_bytes(b"cut o")
    write_file(tmp_path / "x.txt", b"whole")
    sweep(tmp_path)
    assert contents(tmp_path) == {"x.txt": b"whole"}
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


@pytest.mark.parametrize("after", [0, 1])
def test_of_several_files_all_are_written_or_none(tmp_path, full, after):
    (tmp_path / "a.txt").write_bytes(b"an earlier one")
    full(after)
    with pytest.raises(OutputError, match=r"No space left on device.*make room") as raised:
        write_files(tmp_path, {"a.txt": b"new", "b.txt": b"new"})
    assert "\n" not in str(raised.value)
    assert contents(tmp_path) == {"a.txt": b"an earlier one"}


@pytest.mark.parametrize("write", [write_files, replace_folder])
def test_a_folder_that_was_made_for_nothing_is_gone_again(tmp_path, full, write):
    full(0)
    with pytest.raises(OutputError):
        write(tmp_path / "new", {"a.txt": b"new"})
    assert not any(tmp_path.iterdir())


def test_a_folder_in_the_place_of_a_file_is_told_and_stays(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(OutputError, match=r"b\.txt is a folder"):
        write_files(tmp_path, {"a.txt": b"new", "b.txt": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b.txt"]


def test_an_interrupt_leaves_what_was_there(tmp_path, monkeypatch):
    write_file(tmp_path / "x.txt", b"old")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "x.txt", b"new")
    assert contents(tmp_path) == {"x.txt": b"old"}


def test_nothing_of_a_replaced_folder_is_left(tmp_path):
    replace_folder(tmp_path / "r", {"a.txt": b"old"})
    replace_folder(tmp_path / "r", {"b.txt": b"new"})
    assert contents(tmp_path) == {"r/b.txt": b"new"}
