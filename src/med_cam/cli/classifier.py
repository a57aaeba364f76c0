"""The classifier that a command was given, or the bundled one; loaded to answer the same again."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from med_cam.case.load_fill import PYTHON
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.bundled import CLASSIFIER, bundled_classifier
from med_cam.classifiers.description import FILE
from med_cam.classifiers.load import chosen_device, load_classifier
from med_cam.classifiers.repeatable import repeatable_gpu
from med_cam.errors import ClassifierError


@dataclass(frozen=True, slots=True)
class Source:
    """Where the classifier lies, whether it is the bundled one, and whose code it may run."""

    path: Path
    bundled: bool
    trusted: tuple[str, ...] = ()


def source_of(model: str | None, opened: ExitStack, trust: Sequence[str] | None = None) -> Source:
    """The classifier that was named, or the bundled one, which stays open with `opened`.

    Raises:
        ClassifierError: if the bundled one is wanted and not installed.
    """
    if model is None or is_bundled(Path(model)):
        return Source(opened.enter_context(bundled_classifier()), bundled=True)
    packages = tuple(name for name in trust or () if not name.endswith(PYTHON))
    return Source(Path(model), bundled=False, trusted=packages)


def is_bundled(model: Path) -> bool:
    """Whether this is the name of the bundled classifier, or the way to it."""
    try:
        if not model.exists():
            return model == Path(CLASSIFIER)
    except OSError:  # as a name longer than files have; loading says so
        return False
    with suppress(ClassifierError), bundled_classifier() as folder:
        return model.resolve() in (folder.resolve(), (folder / FILE).resolve())
    return False


def load_repeatable(source: Source, device: str) -> Classifier:
    """The classifier on its device; the same input gives the same output at every run.

    Raises:
        MedCamError: if it cannot be loaded.
    """
    if chosen_device(device).type == "cuda":
        repeatable_gpu()  # before anything runs there
    return load_classifier(source.path, device=device, trust=source.trusted)
