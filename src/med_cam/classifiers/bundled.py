"""The classifier, samples and reference images that are installed with the package."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from med_cam.errors import ClassifierError

ROOM = "bundled"
CLASSIFIER, SAMPLES, REFERENCES = "brain-mri", "samples", "references"


@contextmanager
def bundled_classifier() -> Iterator[Path]:
    """The folder of the bundled classifier, for `load_classifier`.

    Raises:
        ClassifierError: if the installation lacks it.
    """
    with _folder(CLASSIFIER) as folder:
        yield folder


@contextmanager
def bundled_samples() -> Iterator[tuple[Path, ...]]:
    """The bundled sample images, sorted by name.

    Raises:
        ClassifierError: if the installation lacks them.
    """
    with _folder(SAMPLES) as folder:
        yield tuple(sorted(folder.glob("*.jpg")))


@contextmanager
def bundled_references() -> Iterator[Path]:
    """The folder of the bundled reference images, one folder in it for each class label.

    Raises:
        ClassifierError: if the installation lacks it.
    """
    with _folder(REFERENCES) as folder:
        yield folder


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    resource = files("med_cam").joinpath(ROOM, name)
    if not resource.is_dir():
        raise ClassifierError(
            f"The bundled {name} folder is not installed (no {resource}); install med-cam again."
        )
    with as_file(resource) as folder:
        yield folder
