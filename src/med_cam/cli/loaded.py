"""The classifier of a run: loaded so that results repeat, and introduced in a line."""

import torch

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.load import load_classifier
from med_cam.cli.inputs import Source

SHOWN = 12  # labels named in a sentence; some classifiers have thousands
MANY = 200  # other images prepared at most: a claim draws some dozens of them


def loaded(source: Source, device: str) -> Classifier:
    """The classifier on its device, which answers the same at every run.

    Raises:
        MedCamError: if it cannot be loaded.
    """
    classifier = load_classifier(source.path, device=device)
    repeat_exactly(classifier.device)
    return classifier


def repeat_exactly(device: torch.device) -> None:
    """Same seed, same machine, same mask: on a GPU that has to be asked for."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(mode=True, warn_only=True)


def introduced(classifier: Classifier, source: Source) -> str:
    """Its name and labels, and whether it is only the one that comes with med-cam."""
    labels = classifier.labels
    shown = ", ".join(labels[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")
    bundled = " Bundled, for MRI of the brain only; give your own with --model."
    return f"Classifier: {classifier.name} ({shown}).{bundled if source.bundled else ''}"
