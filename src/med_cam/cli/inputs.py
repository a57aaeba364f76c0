"""Which classifier, which images, which other images: what was asked for, or what is bundled."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from med_cam.case.references import References, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.bundled import (
    CLASSIFIER,
    bundled_classifier,
    bundled_references,
    bundled_samples,
)
from med_cam.classifiers.description import FILE
from med_cam.cli.failures import Failure, failure_of
from med_cam.errors import ClassifierError, ConfigError, ImageError, MedCamError
from med_cam.images.read import find_images, read_image
from med_cam.report.schema import JSON_FILE


@dataclass(frozen=True, slots=True)
class Source:
    """Where the classifier lies, and whether it is the bundled one."""

    path: Path
    bundled: bool


def source_of(model: str | None, opened: ExitStack) -> Source:
    """The classifier that was asked for, or the bundled one, which stays open with `opened`.

    Raises:
        ClassifierError: if the bundled one is wanted and not installed.
    """
    if model is None or is_bundled(Path(model)):
        return Source(opened.enter_context(bundled_classifier()), bundled=True)
    return Source(Path(model), bundled=False)


def is_bundled(model: Path) -> bool:
    """Whether this is the name of the bundled classifier, or the way to it."""
    if not model.exists():
        return model == Path(CLASSIFIER)
    with suppress(ClassifierError), bundled_classifier() as folder:
        return model.resolve() in (folder.resolve(), (folder / FILE).resolve())
    return False


def images_of(
    given: Sequence[Path], source: Source, opened: ExitStack, command: str = "explain"
) -> tuple[list[Path], list[Failure]]:
    """The images for a command, each once, and what is wrong with the others that were named.

    Raises:
        ConfigError: if none is named, and the classifier is not the one that samples come with.
        ClassifierError: if the samples are not installed.
    """
    if given:
        return named_images(given)
    if not source.bundled:
        raise ConfigError(
            f"no images given for the classifier {source.path}; name files or folders, as in "
            f"med-cam {command} IMAGE --model {source.path}"
        )
    return list(opened.enter_context(bundled_samples())), []


def named_images(given: Sequence[Path]) -> tuple[list[Path], list[Failure]]:
    """The images among files and folders; one that is missing does not stop the others."""
    found: dict[Path, Path] = {}
    failures = []
    for path in given:
        try:
            for image in images_at(path):
                found.setdefault(image.resolve(), image)
        except MedCamError as error:
            failures.append(failure_of(error, where=str(path)))
    return list(found.values()), failures


def images_at(path: Path) -> list[Path]:
    """The file itself, or the images of a folder but for those that we have written there.

    Raises:
        ImageError: if there are none.
    """
    found = find_images([path])
    foreign = [image for image in found if image == path or not is_result(image)]
    if not foreign:
        raise ImageError(f"the folder {path} has no images but results of med-cam; name another")
    return foreign


def is_result(image: Path) -> bool:
    """Whether a file lies in a result folder."""
    return (image.parent / JSON_FILE).is_file()


def reference_paths(given: Path | None, source: Source, opened: ExitStack) -> list[Path]:
    """The other images that were named, the bundled ones for the bundled classifier, or none.

    Raises:
        ImageError: if the folder that was named has none.
        ClassifierError: if the bundled ones are not installed.
    """
    if given is not None:
        return images_at(given)
    if source.bundled:
        return find_images([opened.enter_context(bundled_references())])
    return []


def references_from(classifier: Classifier, paths: Sequence[Path]) -> References | None:
    """The other images as the classifier sees them, read one by one; None for none.

    Raises:
        ImageError: if one cannot be read.
    """
    if not paths:
        return None
    parts = [
        prepare_references(classifier, [read_image(path, channels=classifier.channels)])
        for path in paths
    ]
    return References(
        torch.cat([part.x for part in parts]),
        torch.cat([part.probabilities for part in parts]),
        tuple(digest for part in parts for digest in part.digests),
    )


def evenly(paths: Sequence[Path], *, most: int) -> list[Path]:
    """At most so many, taken evenly, so that each folder of a sorted list has its share."""
    count = min(len(paths), most)
    return [paths[i * len(paths) // count] for i in range(count)]
