"""What a kill leaves beside results, and the next run puts right.

New files and folders are written in `.med-cam-<number>`, which is locked meanwhile: one that
nobody locks is left over, and goes. Where folders cannot be exchanged at one stroke (`exchange`),
the old result is `.med-cam-<number>-old` for a moment, and `.med-cam-<number>-name` says what it
was called: if there is nothing of that name, the old result is put back.

On Windows, nothing is locked and nothing swept.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = ".med-cam-"
OLD, NAME = "-old", "-name"  # how the names end of an old result, and of what says its name


@contextmanager
def fresh_folder(parent: Path) -> Iterator[Path]:
    """A new folder, locked for the length of a `with` and gone after it, with what is in it."""
    fresh = parent / f"{PREFIX}{secrets.token_hex(4)}"
    try:
        fresh.mkdir()
        with locked(fresh):
            fresh.mkdir(exist_ok=True)  # if a sweep came first
            yield fresh
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def swapped_by_name(fresh: Path, folder: Path) -> None:
    """Put a new folder into the place of an old one in two steps; a kill between is put right.

    Raises:
        OSError: if that cannot be; the old one stays.
    """
    old, name = _beside(fresh, OLD), _beside(fresh, NAME)
    try:
        name.write_bytes(os.fsencode(folder.name))
        folder.rename(old)
        fresh.rename(folder)
    finally:
        _put_right(fresh)


def sweep(parent: Path) -> None:
    """Remove what earlier runs left in a folder, and put old results back; running ones stay."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        found = {entry.name for entry in parent.iterdir() if entry.name.startswith(PREFIX)}
        for number in {name[len(PREFIX) :].partition("-")[0] for name in found}:
            _sweep_one(parent / f"{PREFIX}{number}")


def _sweep_one(fresh: Path) -> None:
    with suppress(OSError):
        fresh.mkdir(exist_ok=True)  # to be locked, also if only the old result is left
        with locked(fresh, wait=False):
            _put_right(fresh)
            shutil.rmtree(fresh, ignore_errors=True)


def _put_right(fresh: Path) -> None:
    """The old result back in its place if there is none, or gone."""
    old, name = _beside(fresh, OLD), _beside(fresh, NAME)
    if old.exists():
        called = os.fsdecode(name.read_bytes()) if name.is_file() else ""
        if Path(called).name == called != "" and not (fresh.parent / called).exists():
            old.rename(fresh.parent / called)
        shutil.rmtree(old, ignore_errors=True)
    name.unlink(missing_ok=True)


def _beside(fresh: Path, ending: str) -> Path:
    return fresh.with_name(f"{fresh.name}{ending}")


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """A lock that ends with the process, however that ends.

    Raises:
        OSError: another process has it, and it is not waited for.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if wait:
            with suppress(OSError):  # a disk without locks is written all the same
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
