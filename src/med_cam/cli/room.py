"""Room for the results, looked for before the work begins."""

import tempfile
from pathlib import Path

from med_cam.report.files import UnwritableError

ENOUGH = 2**16  # bytes, less than the files of one image; a disk this full is full


def require_room(out: Path) -> None:
    """Check that a folder can be made or written; nothing of it stays.

    Raises:
        UnwritableError: it is a file, may not be written, or there is no space left.
    """
    try:
        there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(bytes(ENOUGH))
            probe.flush()
    except OSError as error:
        raise UnwritableError(
            f"results cannot be written to {out} ({error.strerror or error}); make room there or "
            "give another folder with --out"
        ) from error
