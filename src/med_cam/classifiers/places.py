"""What a hooked layer holds at each place of the image, and how an output depends on it."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from med_cam.errors import ClassifierError


def gradients_at(
    output: Float[Tensor, ""], activations: Sequence[Tensor], further: Sequence[Tensor] = ()
) -> tuple[Tensor, ...]:
    """Gradient of an output to each hooked activation; zero where it does not depend on it.

    The activations are copies beside the path from input to output (a later layer may write over
    the original), so the gradient is taken where the copy was made.

    Args:
        output: one number.
        activations: of the hooked layers, from the same pass.
        further: leaves that it may depend on, as the input; theirs come last.

    Raises:
        ClassifierError: if the classifier gives no gradients there.
    """
    edges: list[GradientEdge] = []
    for activation in activations:
        copied = activation.grad_fn
        node, number = copied.next_functions[0] if copied else (None, 0)
        if node is None:
            raise ClassifierError(
                "gradients to the hooked layers are needed, and the classifier gives none"
            )
        edges.append(GradientEdge(node, number))
    edges += [get_gradient_edge(leaf) for leaf in further]
    found: Sequence[Tensor | None] = ()
    if edges:
        found = torch.autograd.grad(output, edges, allow_unused=True)
    every = (*activations, *further)
    return tuple(
        torch.zeros_like(a) if g is None else g for a, g in zip(every, found, strict=True)
    )


def as_maps(values: Tensor, h: int, w: int) -> Float[Tensor, "1 c h1 w1"] | None:
    """Activations as maps of an image of h x w; None for a layer without places.

    Maps may have their channels first or last; of tokens 1 n d, those in excess of a grid in the
    image's proportions (class and register tokens) come first and are left out.
    """
    if values.ndim == 4:
        first = abs(math.log(values.shape[2] / values.shape[3] * w / h))
        last = abs(math.log(values.shape[1] / values.shape[2] * w / h))
        maps = values if first <= last else values.permute(0, 3, 1, 2)
        return maps if maps.shape[2:] != (1, 1) else None
    if values.ndim != 3:
        return None
    rows = math.isqrt(values.shape[1] * h // w)
    columns = values.shape[1] // max(rows, 1)
    columns = min(columns, round(rows * w / h))
    if rows * columns < 2:
        return None
    places = values[:, values.shape[1] - rows * columns :]  # 1 n d
    return places.transpose(1, 2).reshape(1, -1, rows, columns)
