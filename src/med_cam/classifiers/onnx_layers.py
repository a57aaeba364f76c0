"""Which layers of a converted ONNX graph are hooked."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from med_cam.classifiers.onnx_graph import Graph

ACTIVATIONS = ("relu", "elu", "silu", "swish", "mish", "clip")  # parts of class names


def layers_to_show(graph: Graph, x: Tensor, named: tuple[str, ...]) -> dict[str, nn.Module]:
    """Layers to show: the activations, else all that give numbers; and those that are named.

    Activations only where one of them reads the image by place: a SiLU is a Sigmoid and a Mul in a
    graph, so that a network of them may have no other activation than one of its head.
    """
    fired: dict[str, tuple[nn.Module, tuple[int, ...]]] = {}

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def note(module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1:
                fired[name] = module, tuple(output.shape)

        return note

    with ExitStack() as stack, torch.no_grad():
        for name, part in graph.graph.named_modules():
            if name:
                stack.callback(part.register_forward_hook(hook(name)).remove)
        graph(x)
    active = _activations(fired)
    by_place = any(_has_places(fired[name][1]) for name in active)
    shown = active if by_place else active | _features(fired)
    return {name: part for name, (part, _) in fired.items() if name in shown or name in named}


def _has_places(shape: tuple[int, ...]) -> bool:
    """Whether this is a map of more than one place, or tokens; in whatever layout."""
    return len(shape) == 3 or (len(shape) == 4 and sum(side > 1 for side in shape[1:]) > 1)


def _activations(fired: Mapping[str, tuple[nn.Module, tuple[int, ...]]]) -> set[str]:
    kinds = {name: type(part).__name__.lower() for name, (part, _) in fired.items()}
    return {name for name, kind in kinds.items() if any(known in kind for known in ACTIVATIONS)}


def _features(fired: Mapping[str, tuple[nn.Module, tuple[int, ...]]]) -> set[str]:
    """All but normalisations and attention matrices (b heads n n), which look like maps."""
    tokens = {shape[1] for _, shape in fired.values() if len(shape) == 3}
    return {
        name
        for name, (part, shape) in fired.items()
        if "norm" not in type(part).__name__.lower()
        and not (len(shape) == 4 and shape[2] == shape[3] and shape[2] in tokens)
    }
