"""What studies count: confusions, and predictions for blank images; pure functions."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from med_cam.classifiers.forward import Predict
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.sufficiency import drawn

EMPTY = ("grey", "black", "white", "gaussian", "uniform")  # baselines without any content


def confusion(
    labels: Int[Tensor, " n"], predicted: Int[Tensor, " n"], classes: int
) -> Int[Tensor, "k k"]:
    """How many images of each class (row) got each prediction (column)."""
    places = labels * classes + predicted
    return torch.bincount(places, minlength=classes**2).view(classes, classes)


def accuracies(counts: Int[Tensor, "k k"]) -> tuple[float, ...]:
    """Share predicted correctly of each class, and last of all images; NaN without images."""
    right, of = counts.diagonal(), counts.sum(dim=1)
    shares = torch.cat([right / of, (right.sum() / of.sum())[None]])
    return tuple(shares.tolist())


def balanced_accuracy(
    labels: Int[Tensor, " n"], predicted: Int[Tensor, " n"], classes: int
) -> float:
    """Mean over the classes that occur of the share predicted correctly."""
    *shares, _ = accuracies(confusion(labels, predicted, classes))
    return torch.tensor(shares).nanmean().item()


def blank_predictions(
    predict: Predict, scene: Scene, *, samples: int, generator: Generator
) -> dict[str, Float[Tensor, "n k"]]:
    """Probabilities for images without content, by baseline; one sample of those that are fixed.

    Args:
        predict: the classifier; 1 / k for each class is the best it can give here.
        scene: whose size and whose black and white are used, never its content.
        samples: of each random baseline.
        generator: on the CPU.
    """
    baselines = drawn(scene, EMPTY, samples, generator)
    view = View(predict, scene)
    return {name: view.hidden(infill) for name, infill in baselines.items()}
