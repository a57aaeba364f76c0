"""A user's own fills that a command names, loaded once for all images."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from med_cam.case.fills import Fill
from med_cam.case.load_fill import load_fill
from med_cam.classifiers.base import Classifier
from med_cam.cli.classifier import Source
from med_cam.config.baselines import fill_name, is_own
from med_cam.config.settings import Config


def named_in(config: Config) -> tuple[str, ...]:
    """The fills that settings name, without the words for edges."""
    rules = config.verification
    every = (*rules.baselines, *rules.beside, *rules.unseen)
    return tuple(dict.fromkeys(fill_name(name) for name in every if is_own(name)))


def loaded(
    names: Iterable[str], classifier: Classifier, source: Source, trust: Sequence[str] | None
) -> dict[str, Fill]:
    """Each by its name.

    Raises:
        MedCamError: if one cannot be had, or its code is not trusted.
    """
    folder = None if source.bundled else source.path
    folder = folder if folder is None or folder.is_dir() else Path(folder).parent
    return {name: load_fill(name, classifier, trust=trust or (), folder=folder) for name in names}
