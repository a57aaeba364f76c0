"""Parts of a run on several machines: which images belong to which, and their tables joined.

An image belongs to a part by the hash of the name of its result, whatever other images there are:
parts are disjoint and complete, also if they list the folder at different times.
"""

import hashlib
from dataclasses import dataclass

from med_cam.errors import ConfigError
from med_cam.report.file_names import INDEX_FILE, TABLE_FILE

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a run, from 1."""

    number: int
    of: int

    def holds(self, name: str) -> bool:
        """Whether the image with the result of this name belongs to it."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1

    @property
    def table(self) -> str:
        """Name of its own table."""
        return named(TABLE_FILE, self)

    @property
    def index(self) -> str:
        """Name of its own page."""
        return named(INDEX_FILE, self)


def named(name: str, shard: Shard) -> str:
    """As `table-2-of-4.csv`."""
    stem, dot, suffix = name.partition(".")
    return f"{stem}-{shard.number}-of-{shard.of}{dot}{suffix}"


def shard_of(text: str) -> Shard:
    """A part as it is written, `2/4`.

    Raises:
        ConfigError: if it is none.
    """
    number, slash, of = text.partition("/")
    if slash and number.isdecimal() and of.isdecimal() and len(text) <= 2 * len(str(MOST)) + 1:
        found = Shard(int(number), int(of))
        if 1 <= found.number <= found.of <= MOST:
            return found
    raise ConfigError(
        f"--shard must be I/N, the I-th of N parts, as in 1/4 for the first of four; got {text!r}"
    )
