"""`med-cam export`: saved results as files for other programs."""

from collections.abc import Sequence
from pathlib import Path

from med_cam.cli.images import images_by_hash
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.export import ExportOptions
from med_cam.cli.run import attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen
from med_cam.errors import ConfigError
from med_cam.report.export import DICOM, DICOM_SCORES, EXPORTS, export, runs_listed
from med_cam.report.found_results import found_results


def run(options: ExportOptions, screen: Screen) -> int:
    """Export what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    names = asked(options)
    if not names:
        kinds = ", ".join(f"--{name}" for name in (*EXPORTS, DICOM))
        raise ConfigError(f"nothing to export was named; give one or more of {kinds}")
    folders = found_results(options.folders)
    images = images_by_hash(options.image or ())

    def one(_: int, folder: Path) -> str:
        identity = options.keep_identity
        return line(folder, export(folder, names, images=images, keep_identity=identity))

    with runs_listed(folders):
        ended = show_each(
            attempt_each(folders, one),
            screen,
            line=lambda text: (text, ""),
        )
    return exit_status(ended.failed)


def line(folder: Path, files: Sequence[str]) -> str:
    """What was written beside a result."""
    return f"{folder}  {', '.join(files)}"


def asked(options: ExplainOptions | ExportOptions) -> list[str]:
    """The exports that were asked for, by name."""
    every = (*EXPORTS, DICOM, DICOM_SCORES)
    return [name for name in every if getattr(options, name, False)]
