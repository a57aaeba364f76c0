"""Every pass through the classifier, counted."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Forward, Outputs, Predict
from med_cam.removal.hidden import Hidden, in_parts
from med_cam.results.passes import Passes

BATCH = 64  # images per pass, where nothing is claimed


def predictor(forward: Forward, classifier: Classifier, batch: int) -> Predict:
    """Probabilities without gradients, `batch` images per pass."""

    @torch.no_grad()
    def predict(x: Tensor, hidden: Hidden | None = None, /) -> Tensor:
        parts = in_parts(x, hidden, batch)
        return torch.cat([classifier.probabilities(forward(*part).logits) for part in parts])

    return predict


def counted(forward: Forward) -> tuple[Forward, Callable[[], Passes]]:
    """The same function, and how many images have gone through it forward and backward."""
    cost = {"forward": 0, "backward": 0}

    def went_back(images: int, _: Tensor) -> None:
        cost["backward"] += images

    def counting(x: Tensor, hidden: Hidden | None = None, /) -> Outputs:
        cost["forward"] += len(x)  # before it: a pass that is refused at its end is one too
        outputs = forward(x, hidden)
        if outputs.logits.requires_grad:
            outputs.logits.register_hook(partial(went_back, len(x)))
        return outputs

    return counting, lambda: Passes(cost["forward"], cost["backward"])
