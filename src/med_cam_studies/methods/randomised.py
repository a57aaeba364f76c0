"""A classifier with the weights of some of its layers shuffled, from its output side down.

The cascade of Adebayo et al. 2018 (arXiv 1810.03292), by shuffling instead of new random values:
the entries of every parameter tensor change places. Their values stay, and with them their scale,
so that activations have about the same size; what was learned is lost. How a layer was initialised
does not matter, so it works on any module, also on exported programs.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.hooks import frozen
from med_cam.errors import ClassifierError

STATISTICS = ("running_mean", "running_var")  # of batch normalisation; learned from data too
PARTS = {"top quarter": 0.25, "top half": 0.5, "top three quarters": 0.75, "all layers": 1.0}


def randomised(
    classifier: Classifier,
    layers: Sequence[str],
    generator: Generator,
    *,
    images: Float[Tensor, "b c h w"] | None = None,
) -> Classifier:
    """A copy of the classifier with the parameters of these layers shuffled.

    Running statistics of batch normalisation are learned from the data too, and are lost with
    their layer. They are taken anew from images, because any others no longer fit what comes in:
    the prediction is then mostly one class with a probability of 1, whatever is shown. Without
    images, and in programs whose parts cannot be reached, they are shuffled. Other buffers
    (positions, attention masks) are not weights and stay.

    Args:
        classifier: stays as it is.
        layers: as `layers_from_top` names them. From one state of the generator, the first layers
            are shuffled alike however many follow: a cascade continues from where it was.
        generator: on the CPU.
        images: at least two, prepared.

    Raises:
        ClassifierError: if a layer has no parameters.
    """
    module = copy.deepcopy(classifier.module)
    held = _held(module)
    shuffled: set[int] = set()
    for name in layers:
        if name not in held:
            raise ClassifierError(f"{classifier.name} has no layer {name!r} with parameters.")
        for tensor in held[name]:
            if id(tensor) not in shuffled:  # a tensor that layers share is shuffled once
                _shuffle(tensor, generator)
                shuffled.add(id(tensor))
    if images is not None:
        _take_statistics(module, layers, images)
    name = f"{classifier.name}, {len(layers)} layers shuffled"
    return replace(classifier, module=module, name=name, sha256="", check=None)


def stages(classifier: Classifier) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The cascade: the name of each stage, and the layers that it shuffles, the last first.

    A stage of a small classifier that would shuffle no more than the one before is left out.

    Raises:
        ClassifierError: if the classifier has no parameters.
    """
    layers = layers_from_top(classifier)
    if not layers:
        raise ClassifierError(f"{classifier.name} has no parameters that could be shuffled.")
    cascade = {"last layer": layers[:1]}
    for name, share in PARTS.items():
        part = layers[: math.ceil(share * len(layers))]
        if len(part) > max(map(len, cascade.values())):
            cascade[name] = part
    return tuple(cascade.items())


def layers_from_top(classifier: Classifier) -> tuple[str, ...]:
    """Names of the modules that hold parameters of their own, from the output side down.

    By when each is entered in one pass, so that a module with parts comes after its parts. Those
    that are never called as modules come where their nearest called parent does, or where none is
    seen (TorchScript, exported graphs), in the order in which they are registered.
    """
    entered = _entered(classifier)
    order = {name: (_when(name, entered), i) for i, name in enumerate(_held(classifier.module))}
    return tuple(sorted(order, key=order.__getitem__, reverse=True))


def _held(module: nn.Module) -> dict[str, list[Tensor]]:
    """By layer, in the order of registration: its own parameters and running statistics."""
    held: dict[str, list[Tensor]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        held.setdefault(_parent(name), []).append(parameter)
    for name, buffer in module.named_buffers():
        if name.rpartition(".")[2] in STATISTICS and _parent(name) in held:
            held[_parent(name)].append(buffer)
    return held


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _shuffle(tensor: Tensor, generator: Generator) -> None:
    """The entries of a tensor in another order, in place."""
    order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
    with torch.no_grad():
        tensor.copy_(tensor.flatten()[order].view(tensor.shape))


def _take_statistics(module: nn.Module, layers: Sequence[str], images: Tensor) -> None:
    """Running statistics of these layers from one pass of the images, in place."""
    norms = [
        part
        for name, part in module.named_modules()
        if name in set(layers) and isinstance(part, nn.modules.batchnorm._BatchNorm)
    ]
    if not norms:
        return
    with frozen(module), torch.no_grad():
        for part in norms:
            part.reset_running_stats()
            part.momentum = None  # the plain mean of all batches, of which there is one
            part.training = True
        module(images.clone())
        for part in norms:
            part.training = False


def _entered(classifier: Classifier) -> dict[str, int]:
    """When each module is entered for the last time, in one pass of an empty image."""
    module, entered = classifier.module, {"": 0}

    def noting(name: str) -> Callable[[nn.Module, object], None]:
        def note(_module: nn.Module, _inputs: object) -> None:
            entered.pop(name, None)
            entered[name] = next(clock)

        return note

    clock: Iterator[int] = iter(range(1, 2**62))
    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(frozen(module))
        for name, part in module.named_modules():
            if name and not isinstance(part, torch.jit.ScriptModule):
                stack.callback(part.register_forward_pre_hook(noting(name)).remove)
        module(torch.zeros(1, classifier.channels, *classifier.input_size).to(classifier.device))
    return entered


def _when(name: str, entered: dict[str, int]) -> int:
    """When the module is entered, or else the nearest module around it that is."""
    while name not in entered:
        name = _parent(name)
    return entered[name]
