"""Files of a result folder, opened so that a folder from anyone does no harm.

Only a regular file that lies in the folder itself is read: no link, no pipe, no device; and no
more bytes than its limit.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from med_cam.errors import OutputError
from med_cam.report.limits import FILE_BYTES, refuse_more

BLOCK = 2**20  # bytes hashed at a time
_FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")  # as far as the system has them


def content_of(path: Path, *, most: int = FILE_BYTES) -> bytes:
    """The bytes of a file.

    Raises:
        OSError: it cannot be opened.
        OutputError: it is no regular file, or has more bytes than `most`.
    """
    with regular(path, most=most) as file:
        size = os.fstat(file.fileno()).st_size  # as much memory is asked for as is to be read
        content = file.read(min(most, size) + 1)
    refuse_more(path, "bytes", len(content), most)
    return content


def sha256_of_file(path: Path, *, most: int = FILE_BYTES) -> str:
    """The SHA-256 of a file, in hexadecimal, read in parts.

    Raises:
        OSError: it cannot be opened.
        OutputError: it is no regular file, or has more bytes than `most`.
    """
    digest = hashlib.sha256()
    with regular(path, most=most) as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def regular(path: Path, *, most: int) -> Iterator[BinaryIO]:
    """A regular file, open; a pipe is not waited for."""
    refuse_link(path)
    flags = sum(getattr(os, name, 0) for name in _FLAGS)
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OutputError(f"{path} is no regular file; it is no result of med-cam")
        refuse_more(path, "bytes", found.st_size, most)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    finally:
        os.close(descriptor)


def refuse_link(path: Path) -> None:
    """Check that a path is not a link.

    Raises:
        OutputError: it is one.
    """
    if path.is_symlink():
        raise OutputError(
            f"{path} is a link, and what it leads to is not read; put the file itself there"
        )
