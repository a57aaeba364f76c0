"""Every pass through the classifier, counted."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Forward, Outputs, Predict
from med_cam.removal.hidden import Hidden, in_parts
from med_cam.results.passes import Passes

BATCH = 64  # images per pass at most
PIXELS = 4 * 224 * 224  # of the images of one pass on a CPU
PIXELS_OF_GPU = BATCH * 224 * 224  # there, so that larger images do not fill its memory


def predictor(forward: Forward, classifier: Classifier, batch: int) -> Predict:
    """Probabilities without gradients, `batch` images per pass at most."""

    @torch.no_grad()
    def predict(x: Tensor, hidden: Hidden | None = None, /) -> Tensor:
        parts = in_parts(x, hidden, min(batch, swift_batch(x)))
        return torch.cat([classifier.probabilities(forward(*part).logits) for part in parts])

    return predict


def swift_batch(x: Float[Tensor, "b c h w"]) -> int:
    """How many of these images go through a classifier fastest together.

    On a CPU the activations of more would not fit into the memory that the C library gives and
    takes without asking the system for it, which clears every page of it: with 2 threads an image
    takes a MobileNetV2 8 ms alone, 4 ms among four, 8 ms among eight and 11 ms among sixteen.
    """
    pixels = PIXELS if x.device.type == "cpu" else PIXELS_OF_GPU
    return max(1, min(BATCH, pixels // (x.shape[2] * x.shape[3])))


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
