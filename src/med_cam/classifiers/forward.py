"""A classifier at work: frozen and hooked in a `with`, one function from pixels to its outputs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.folding import folded
from med_cam.classifiers.hooks import frozen, hooked, logits_of
from med_cam.classifiers.opaque import Opaque
from med_cam.classifiers.processes import refuse_fork_of_threads
from med_cam.classifiers.turns import turn
from med_cam.errors import ClassifierError
from med_cam.removal.hidden import Hidden
from med_cam.removal.masked_pass import masked_pass


class Outputs(NamedTuple):
    """One forward pass: logits b k, and the activations of the hooked layers, each b ..."""

    logits: Float[Tensor, "b k"]
    activations: tuple[Tensor, ...]


@runtime_checkable
class Forward(Protocol):
    """Normalised images b c h w to outputs; with a removal inside the network, if one is given."""

    def __call__(self, x: Tensor, hidden: Hidden | None = None, /) -> Outputs:
        """One pass."""


@runtime_checkable
class Predict(Protocol):
    """Normalised images b c h w to probabilities b k, without gradients."""

    def __call__(self, x: Tensor, hidden: Hidden | None = None, /) -> Tensor:
        """As many passes as it takes."""


@contextmanager
def hooks_attached(classifier: Classifier) -> Iterator[Forward]:
    """The classifier as a function, frozen and hooked for the length of a `with`.

    In evaluation mode, no parameter requires a gradient, with forward hooks attached. All of it is
    taken back at the end, also after an error; gradients, weights and their memory layout are
    never touched. The function takes normalised b c h w, passes gradients on to its input, works
    under `torch.no_grad` and `torch.inference_mode`, and never writes into its input. With a
    `Hidden` it answers under a mask that works inside the network. Another thread that wants the
    same module, by whichever classifier, waits until the `with` ends.

    Raises:
        ClassifierError: from the function, if the module does not return one logit per label,
            or a hooked layer is not on the path from input to output; before, if torch would hang
            in this process, or two threads wait for each other.
    """
    refuse_fork_of_threads()
    caught: dict[str, Tensor] = {}
    layout = swift_layout(classifier)

    def once(x: Tensor) -> Outputs:
        caught.clear()
        # A copy, since a first layer that works in place must not reach x.
        raw = classifier.module(classifier.at_the_door(x.clone(memory_format=layout)))
        logits = logits_of(
            raw,
            batch=x.shape[0],
            labels=classifier.labels,
            outputs=classifier.outputs,
            head=classifier.head,
        )
        return Outputs(logits, tuple(_caught(caught, name) for name in classifier.hooked_layers))

    def forward(x: Tensor, hidden: Hidden | None = None, /) -> Outputs:
        return once(x) if hidden is None else masked_pass(once, x, hidden, batches(classifier))

    module, layers = classifier.module, classifier.hooked_layers
    faster = folded(module, classifier.foldable, layers)
    with turn(module), frozen(module), faster, hooked(module, layers, caught):
        yield forward


def batches(classifier: Classifier) -> tuple[int, int | None]:
    """The smallest and the largest batch that the module itself takes; None: any."""
    module = classifier.module
    return module.batches if isinstance(module, Opaque) else (1, None)


def swift_layout(classifier: Classifier) -> torch.memory_format:
    """The memory layout in which the input goes through the module fastest.

    On a CPU convolutions with batch normalisation take channels last better, weights as they are:
    2.4 times faster forward and 1.3 times with the way back for MobileNetV2, 1.2 and 1.0 for
    ResNet-18 (one thread, torch 2.13); ConvNeXt, which permutes by itself, loses a tenth.
    """
    normalised = any(isinstance(part, nn.BatchNorm2d) for part in classifier.module.modules())
    gains = normalised and classifier.device.type == "cpu"
    return torch.channels_last if gains else torch.preserve_format


def _caught(caught: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in caught:
        raise ClassifierError(
            f"The hooked layer {name!r} gave no tensor in a forward pass; name another one."
        )
    return caught[name]
