"""A file of results, one per line, that many processes add to and a kill cannot spoil."""

import json
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from med_cam.report.files import unwritable


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Every line as it was added; none without a file. A line that a kill cut off is left out."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def append_line(path: Path, value: Mapping[str, Any]) -> None:
    """Add a line in one write, and end one that a kill cut off before it.

    Raises:
        OutputError: if it cannot be written.
    """
    line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
    try:
        with path.open("a+b", buffering=0) as file:
            file.write(b"\n" + line if _cut_off(file) else line)
    except OSError as error:
        raise unwritable(path, error) from error


def _cut_off(file: FileIO) -> bool:
    """Whether it ends within a line."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"
