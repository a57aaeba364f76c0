"""What studies count: confusions and answers to emptiness; pure functions."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from med_cam.classifiers.base import Predict
from med_cam.masking import Scene
from med_cam.verify.sufficiency import drawn

EMPTY = ("grey", "black", "white", "gaussian", "uniform")  # backgrounds without any content


def confusion(
    labels: Int[Tensor, " n"], answers: Int[Tensor, " n"], classes: int
) -> Int[Tensor, "k k"]:
    """How many images of each class (row) got each answer (column)."""
    return torch.bincount(labels * classes + answers, minlength=classes**2).view(classes, classes)


def accuracies(counts: Int[Tensor, "k k"]) -> tuple[float, ...]:
    """Share answered right of each class, and last of all images; NaN where there are none."""
    right, of = counts.diagonal(), counts.sum(dim=1)
    shares = torch.cat([right / of, (right.sum() / of.sum())[None]])
    return tuple(shares.tolist())


def balanced_accuracy(
    labels: Int[Tensor, " n"], answers: Int[Tensor, " n"], classes: int
) -> float:
    """Mean over the classes that occur of the share answered right."""
    *shares, _ = accuracies(confusion(labels, answers, classes))
    return torch.tensor(shares).nanmean().item()


def emptiness(
    predict: Predict, scene: Scene, *, samples: int, generator: Generator
) -> dict[str, Float[Tensor, "n k"]]:
    """Probabilities on images without content, by background; one draw of those that are fixed.

    Args:
        answer: the classifier; an opinion of 1 / k on each class is the best it can have here.
        scene: whose frame and whose black and white are used, never its content.
        draws: of each random background.
        generator: on the CPU.
    """
    baselines = drawn(scene, EMPTY, samples, generator)
    return {name: predict(x) for name, x in baselines.items()}
