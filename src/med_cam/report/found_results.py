"""The result folders below the folders that were named."""

from collections.abc import Sequence
from pathlib import Path

from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE


def found_results(paths: Sequence[Path]) -> list[Path]:
    """The result folders among these folders and below them, sorted, each once.

    Raises:
        OutputError: one of the paths has none, or there are no paths.
    """
    if not paths:
        raise OutputError("no folder was named; give one that `med-cam explain` has written")
    found: dict[Path, Path] = {}
    for path in paths:
        results = [file.parent for file in path.rglob(JSON_FILE) if not _hidden(file, path)]
        if not results:
            raise OutputError(
                f"{path} holds no result; give a folder that `med-cam explain` has written"
            )
        for result in results:
            found.setdefault(result.resolve(), result)
    return sorted(found.values())


def _hidden(file: Path, folder: Path) -> bool:
    """Whether it lies in a hidden folder, as results do that are half-written."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
