"""What a network's outputs are made of, seen in the graph that automatic differentiation keeps.

From the outputs back, through all that only rearranges, adds or scales, there comes first either a
layer with weights (then they are logits) or a function into a fixed range (then they are not).
"""

import torch
from torch import Tensor

LAYERS = ("addmm", "mm", "bmm", "baddbmm", "addbmm", "addmv", "mv", "dot", "linear", "convolution")
BOUNDED = ("softmax", "sigmoid", "exp", "exp2", "tanh", "erf", "atan", "hardsigmoid")
LIMITS = (("_saved_min", "_saved_max"), ("_saved_min_val", "_saved_max_val"))  # of clip, hardtanh


def is_bounded(outputs: Tensor) -> bool | None:
    """Whether every path back ends in a bounded function; None if that cannot be seen."""
    if outputs.grad_fn is None:
        return None
    waiting, known = [outputs.grad_fn], set()
    while waiting:
        function = waiting.pop()
        if function in known or _bounds(function):
            continue
        known.add(function)
        if issubclass(type(function), torch.autograd.function.BackwardCFunction):
            return None  # somebody's own function
        if _is_layer(function) or function.name().endswith("AccumulateGrad"):
            return False  # a layer with weights, or the input itself
        waiting += [before for before, _ in function.next_functions if before is not None]
    return True


def _operation(function: torch.autograd.graph.Node) -> str:
    """As "sigmoid" for SigmoidBackward0."""
    return function.name().rpartition("::")[2].partition("Backward")[0].lower()


def _is_layer(function: torch.autograd.graph.Node) -> bool:
    operation = _operation(function)
    return operation in LAYERS or "convolution" in operation or operation.endswith("linear")


def _bounds(function: torch.autograd.graph.Node) -> bool:
    """Whether its values lie in a fixed range, whatever goes in; a clip only to [0, 1]."""
    if _operation(function) in BOUNDED:
        return True
    for low, high in LIMITS:
        least, most = getattr(function, low, None), getattr(function, high, None)
        if least is not None and most is not None:
            return float(least) >= 0 and float(most) <= 1
    return False
