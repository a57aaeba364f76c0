"""The bytes of a file that a user names: of a regular file only, and not more than fit."""

import hashlib
import os
import stat
from functools import lru_cache
from pathlib import Path

from med_cam.errors import ImageError, first_line

_FLAGS = ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY")  # as far as the system has them
SPECIAL = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def content_of(path: Path, *, most: int) -> bytes:
    """The file's bytes, at least one; a pipe is not waited for, a device not opened.

    Args:
        path: of the file; links are followed.
        most: bytes that are read.

    Raises:
        ImageError: there is no such file, it cannot be opened, it is empty, it is no regular file
            or too large.
    """
    try:
        return _read(path, most)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path.") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    except (ValueError, MemoryError) as error:
        reason = first_line(error)
        raise ImageError(f"{path} cannot be opened ({reason}).") from error


def head_of(path: Path, most: int) -> bytes:
    """The first bytes of a file, however large it is.

    Raises:
        ImageError: there is no such file, it cannot be opened, is empty or no regular file.
    """
    try:
        _refuse_other_kinds(path, path.stat().st_mode)
        with path.open("rb") as file:
            content = file.read(most)
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path.") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    if not content:
        raise ImageError(f"{path} is empty (0 bytes); copy or export it again.")
    return content


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal; of an unchanged file reckoned once.

    Raises:
        ImageError: as `head_of`.
    """
    head_of(path, 1)
    found = path.stat()
    return _sha256(path.resolve(), found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, changed: int) -> str:
    """Of a file that was so large and was changed then: a slide has thousands of tiles."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def special(mode: int) -> str:
    """What a file is that is neither a regular one nor a folder; "" if it is one of these."""
    return next((words for fits, words in SPECIAL if fits(mode)), "")


def _read(path: Path, most: int) -> bytes:
    _refuse_other_kinds(path, path.stat().st_mode)  # a device may act on being opened
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, name, 0) for name in _FLAGS))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        _refuse_other_kinds(path, found.st_mode)
        if found.st_size > most:
            raise _too_large(path, most)
        content = file.read(found.st_size + 1)  # as much memory is asked for as there is to read
    if len(content) > most:
        raise _too_large(path, most)
    if not content:
        raise ImageError(f"{path} is empty (0 bytes); copy or export it again.")
    return content


def _refuse_other_kinds(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise ImageError(f"{path} is a folder where an image is expected.")
    if words := special(mode):
        raise ImageError(f"{path} is {words}, no image file; save the image to a file first.")


def _too_large(path: Path, most: int) -> ImageError:
    return ImageError(
        f"{path} has more than {most / 2**30:.3g} GiB, which is the memory that one image may "
        "take; cut out the part to explain, or name a region of a slide with --region."
    )
