"""Images that runs have named and not explained: who is left out of every number."""

import json
from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.file_names import RUN_FILE
from med_cam.report.opening import content_of
from med_cam.report.run_record import FAILED, LEFT_OUT

MOST = 2**28  # bytes of a file; an image takes some 300


def unfinished(out: Path, known: Container[str]) -> int:
    """How many images the runs into a folder named that have no result there.

    Args:
        out: folder of all results.
        known: SHA-256 of the images that have one.
    """
    missing = set()
    for path in sorted(out.glob(RUN_FILE.format("*"))):
        for image in _images(path):
            named = image.get("sha256") or image.get("file")
            if image.get("outcome") in (FAILED, LEFT_OUT) and named not in known:
                missing.add(named)
    return len(missing)


def _images(path: Path) -> Iterator[Mapping[str, Any]]:
    """What the file of a run says of each image; nothing if it is no such file."""
    with suppress(OSError, ValueError, RecursionError, LookupError, TypeError, OutputError):
        for image in json.loads(content_of(path, most=MOST))["images"]:
            if isinstance(image, Mapping):
                yield image
