"""What became of every image of a run: `run-<time>-<hash>.json` beside the results.

A file of its own for every run, also of several into one folder, under the manifest of the run.
With `--no-source` it has no name and no path of an image, only hashes; nor where DICOM files were
among the images, but with `--keep-identity`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from med_cam.report.circumstances import Platform, Time
from med_cam.report.document import fields_of
from med_cam.report.file_names import RUN_FILE
from med_cam.report.files import write_file
from med_cam.report.layout import Sha256
from med_cam.report.text import to_text
from med_cam.results.ranges import OneOf

EXPLAINED, KEPT, FAILED, LEFT_OUT = "explained", "kept", "failed", "left out"
RUN_VERSION = "1.1"  # the first number changes when a field changes its meaning or goes
SHOWN = 8  # hexadecimal digits in the name of the file


@dataclass(frozen=True, slots=True)
class RunImage:
    """One image of a run, and what became of it.

    Attributes:
        file: the image as it was named or found, of a slide with the region; null with
            `--no-source`, and in a run with DICOM files without `--keep-identity`.
        sha256: of its bytes; null if it was not read.
        outcome: `explained`; `kept`, where an earlier run had finished the same; `failed`; or
            `left out`, where the run ended before it was begun.
        folder: of its result; null if there is none.
        result: ID of its result; null if there is none.
        reason: why there is none; where `file` is null the kind of error only, as sentences name
            files.
    """

    file: str | None
    sha256: Sha256 | None
    outcome: Annotated[str, OneOf((EXPLAINED, KEPT, FAILED, LEFT_OUT))]
    folder: str | None = None
    result: Sha256 | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of `med-cam explain`.

    Attributes:
        created: when it began, in UTC.
        ended: when it ended, in UTC.
        command: the command with all that was given to it.
        platform: what it ran on.
        images: every image of the run, in order.
    """

    created: Time
    ended: Time
    command: tuple[str, ...]
    platform: Platform
    images: tuple[RunImage, ...]


def write_run_record(out: Path, record: RunRecord) -> Path:
    """Write a run's file, under a name that no other run has; return its path.

    Raises:
        UnwritableError: if it cannot be written.
    """
    content = to_text({"run_version": RUN_VERSION, **fields_of(record)}).encode("utf-8")
    stamp = record.created.replace("-", "").replace(":", "")
    path = out / RUN_FILE.format(f"{stamp}-{hashlib.sha256(content).hexdigest()[:SHOWN]}")
    write_file(path, content)
    return path
