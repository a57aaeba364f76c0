"""How good a classifier is, from the labels and the probabilities that it gave."""

import math
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import torch
from jaxtyping import Float, Int
from torch import Tensor

from med_cam.classifiers.compat import import_torchvision
from med_cam.errors import ClassifierError, ConfigError, DataError
from med_cam_studies.evaluation.intervals import share_interval
from med_cam_studies.evaluation.metrics import accuracies, balanced_accuracy, confusion

BINS = 15  # as in Guo et al. 2017 and most tables since
BELOW_ONE = 1 - 2**-24  # the largest single-precision number under 1


@dataclass(frozen=True, slots=True)
class Performance:
    """What a classifier reaches on labelled images; shares and areas in [0, 1].

    Attributes:
        counts: images of each class (row) by prediction (column), which is the first of the most
            probable classes.
        accuracy: share of the images predicted correctly.
        accuracy_interval: its exact 95% interval (Clopper and Pearson), which takes images as
            independent: several of one patient make it too narrow.
        balanced_accuracy: mean of the recalls of those classes that have images.
        recalls: share predicted correctly of each class; NaN for a class without images.
        auroc: mean of the aurocs that are numbers; NaN if none is.
        aurocs: area under the ROC curve of each class against the rest; NaN for a class that has
            no image, or all of them.
        ece: expected calibration error of the most probable class, in 15 bins of equal width.
        majority: share of the largest class, which a constant prediction reaches.
    """

    counts: tuple[tuple[int, ...], ...]
    accuracy: float
    accuracy_interval: tuple[float, float]
    balanced_accuracy: float
    recalls: tuple[float, ...]
    auroc: float
    aurocs: tuple[float, ...]
    ece: float
    majority: float


def performance(labels: Int[Tensor, " n"], probabilities: Float[Tensor, "n k"]) -> Performance:
    """All of it for one classifier.

    Args:
        labels: in [0, k).
        probabilities: of each class, in [0, 1]; those of a sigmoid head need not sum to 1.

    Raises:
        DataError: if there are no images, or a label is out of range.
        ClassifierError: if a probability is out of range, or not a number.
    """
    _refuse_odd(labels, probabilities)
    predicted, classes = probabilities.argmax(dim=1), probabilities.shape[1]
    counts = confusion(labels, predicted, classes)
    *recalls, accuracy = accuracies(counts)
    by_class = aurocs(labels, probabilities)
    return Performance(
        counts=tuple(tuple(row) for row in counts.tolist()),
        accuracy=accuracy,
        accuracy_interval=share_interval(int(counts.diagonal().sum()), len(labels)),
        balanced_accuracy=balanced_accuracy(labels, predicted, classes),
        recalls=tuple(recalls),
        auroc=torch.tensor(by_class).nanmean().item(),
        aurocs=by_class,
        ece=calibration_error(labels, probabilities),
        majority=counts.sum(dim=1).max().item() / len(labels),
    )


def aurocs(labels: Int[Tensor, " n"], probabilities: Float[Tensor, "n k"]) -> tuple[float, ...]:
    """Area under the ROC curve of each class against the rest; NaN without both of them."""
    metrics = import_torchmetrics()
    areas = []
    for k, column in enumerate(probabilities.unbind(dim=1)):
        own = labels == k
        both = bool(own.any()) and not bool(own.all())
        areas.append(metrics.binary_auroc(column, own.long()).item() if both else math.nan)
    return tuple(areas)


def calibration_error(labels: Int[Tensor, " n"], probabilities: Float[Tensor, "n k"]) -> float:
    """Mean distance of confidence and accuracy over bins of confidence, weighted by their images.

    Guo et al. 2017 (arXiv 1706.04599), equation 3.
    """
    within = probabilities.clamp(max=BELOW_ONE)  # torchmetrics gives 1 a bin of its own
    error = import_torchmetrics().multiclass_calibration_error(
        within, labels, num_classes=within.shape[1], n_bins=BINS, norm="l1"
    )
    return float(error)


def import_torchmetrics() -> ModuleType:
    """The classification metrics of torchmetrics.

    Raises:
        ConfigError: if it is not installed.
    """
    import_torchvision()  # torchmetrics imports it, where it is installed
    try:
        return import_module("torchmetrics.functional.classification")
    except ModuleNotFoundError as error:
        raise ConfigError(
            "The studies' metrics need the package torchmetrics: "
            "pip install 'med-cam-evidence[studies]'."
        ) from error


def _refuse_odd(labels: Int[Tensor, " n"], probabilities: Float[Tensor, "n k"]) -> None:
    """Labels and probabilities against their ranges.

    Raises:
        DataError: no labels, or one out of range.
        ClassifierError: a probability out of range, or not a number.
    """
    if len(labels) == 0:
        raise DataError("There are no labelled images to score; is the data set complete?")
    classes = probabilities.shape[1]
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        raise DataError(
            f"Labels reach from {lowest} to {highest} where the classifier has {classes} classes;"
            " number them from 0 in the order of its classes."
        )
    if not bool(((probabilities >= 0) & (probabilities <= 1)).all()):
        raise ClassifierError(
            f"Probabilities reach from {probabilities.min().item():g} to "
            f"{probabilities.max().item():g}; give softmax or sigmoid values in [0, 1]."
        )
