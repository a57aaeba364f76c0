"""The images that a command was given: files, folders, or by the hash that a result knows."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from med_cam.classifiers.bundled import bundled_samples
from med_cam.cli.classifier import Source
from med_cam.cli.run import Failure, failure_of
from med_cam.errors import ConfigError, ImageError, MedCamError
from med_cam.images.file import sha256_of
from med_cam.images.find import Folder, find_images, images_in
from med_cam.images.nifti import is_called_volume
from med_cam.report.file_names import JSON_FILE
from med_cam.report.source import PIXELS_FILE

log = logging.getLogger(__name__)


def images_of(
    given: Sequence[Path], source: Source, opened: ExitStack, command: str, *, volumes: bool
) -> tuple[list[Path], list[Failure]]:
    """The images for a command, each once, and what is wrong with the others that were named.

    Raises:
        ConfigError: if none is named, and the classifier is not the one that samples come with.
        ClassifierError: if the samples are not installed.
    """
    if given:
        return named_images(given, volumes=volumes)
    if not source.bundled:
        raise ConfigError(
            f"no images given for the classifier {source.path}; name files or folders, as in "
            f"med-cam {command} IMAGE --model {source.path}"
        )
    return list(opened.enter_context(bundled_samples())), []


def named_images(
    given: Sequence[Path], *, volumes: bool = False
) -> tuple[list[Path], list[Failure]]:
    """The images among files and folders; one that is missing does not stop the others."""
    found: dict[Path, Path] = {}
    failures = []
    for path in given:
        try:
            for image in images_at(path, volumes=volumes):
                found.setdefault(image.resolve(), image)
        except MedCamError as error:
            failures.append(failure_of(error, where=str(path)))
    return list(found.values()), failures


def images_at(path: Path, *, volumes: bool = False) -> list[Path]:
    """The file itself, or the images of a folder except those that med-cam has written there.

    Raises:
        ImageError: if there are none.
    """
    try:
        if not path.is_dir():
            return find_images([path])
        folder = images_in(path, volumes=volumes)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    foreign = [image for image in folder.images if not is_result(image)]
    left_out = [(image, "picture of results") for image in folder.images if is_result(image)]
    folder = Folder(tuple(foreign), (*folder.left_out, *left_out))
    if folder.left_out and foreign:
        log.warning("%s: %s taken; left out: %s.", path, len(foreign), folder.words)
        log.info("left out: %s", ", ".join(str(one) for one, _ in folder.left_out))
    if not foreign:
        raise ImageError(
            f"the folder {path} has no images except results of med-cam; name another"
        )
    return foreign


def has_pixels(path: Path) -> bool:
    """Whether a file that is no image of a folder has pixels that were explained, by its name."""
    return path.is_file() and (path.suffix == Path(PIXELS_FILE).suffix or is_called_volume(path))


def images_by_hash(given: Sequence[Path]) -> dict[str, Path]:
    """The images among files and folders by the SHA-256 of the file.

    In folders NIfTI volumes and pixels saved as .npy are among them.

    Raises:
        ImageError: a path does not exist, or is a folder without any.
    """
    files: list[Path] = []
    try:
        for path in given:
            others = [one for one in path.rglob("*") if has_pixels(one)] if path.is_dir() else []
            try:
                files += find_images([path])
            except ImageError:
                if not others:
                    raise
            files += sorted(others)
        return {sha256_of(file): file.resolve() for file in files}
    except OSError as error:
        raise ImageError(
            f"{error.filename} cannot be read ({error.strerror or error}); check the path"
        ) from error


def is_result(image: Path) -> bool:
    """Whether a file lies in a result folder."""
    return (image.parent / JSON_FILE).is_file()
