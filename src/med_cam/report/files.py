"""Files written whole or not at all: in a new folder, to the disk itself, then renamed into place.

Whatever happens before the renaming (no space left, Ctrl-C), what stood there stays, and nothing
half-written does. A folder changes places with the old one at one stroke: even a kill leaves the
one or the other.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from med_cam.errors import OutputError
from med_cam.report.exchange import exchanged
from med_cam.report.leftovers import fresh_folder, swapped_by_name

Content = bytes | memoryview


class UnwritableError(OutputError):
    """Nothing can be written there: not this, and not what comes after it."""


def write_file(path: Path, content: Content) -> None:
    """Write a file, and its folder if there is none.

    Raises:
        UnwritableError: if it cannot be written.
    """
    try:
        _put_in(path.parent, {path.name: content})
    except OSError as error:
        raise unwritable(path, error) from error


def write_files(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write several files of a folder by name, all or none; its other files stay.

    Raises:
        UnwritableError: if one of them cannot be written.
    """
    try:
        _put_in(folder, contents)
    except OSError as error:
        raise unwritable(folder, error) from error


def replace_folder(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write a folder beside the old one and put it in its place; nothing of the old one is left.

    Raises:
        UnwritableError: if it cannot be written.
    """
    try:
        _replace(folder.resolve(), contents)  # the folder behind a link, not the link
    except OSError as error:
        raise unwritable(folder, error) from error


def add_line(path: Path, line: str) -> None:
    """Add a line to a text file in one write, so that several processes may do it.

    Raises:
        UnwritableError: if it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> UnwritableError:
    """What to say where a file or folder cannot be written."""
    return UnwritableError(
        f"{path} cannot be written ({error.strerror or error}); make room there or give another "
        "output folder (--out)"
    )


def _put_in(folder: Path, contents: Mapping[str, Content]) -> None:
    """Write all files before any of them takes its place, in the order given."""
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in contents:
            if (folder / name).is_dir():
                raise IsADirectoryError(None, f"{name} is a folder")
        with fresh_folder(folder) as fresh:
            for name, content in contents.items():
                _write_through(fresh / name, content)
            for name in contents:
                (fresh / name).replace(folder / name)
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()  # only if it is empty


def _replace(folder: Path, contents: Mapping[str, Content]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with fresh_folder(folder.parent) as fresh:
        for name, content in contents.items():
            _write_through(fresh / name, content)
        if not folder.exists():
            fresh.rename(folder)
        elif not exchanged(fresh, folder):
            swapped_by_name(fresh, folder)


def _write_through(path: Path, content: Content) -> None:
    """Write to the disk itself: a full one is noticed now, not after the rename."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
