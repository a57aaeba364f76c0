"""Grad-CAM and Grad-CAM++: a layer's maps, each with a weight from the gradient to it.

After Selvaraju et al. 2017 (arXiv 1610.02391) and Chattopadhay et al. 2018 (DOI
10.1109/WACV.2018.00097). For transformers the tokens of a block are
read as maps. The map is that of the last hooked layer whose places the logit depends on: after the
last block of a vision transformer the logit is read from the class token alone, and the gradient
to every place is zero.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor
from torch.autograd.graph import GradientEdge

from med_cam.case.case import Case
from med_cam.errors import ClassifierError


def grad_cam(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """The paper's equations 1 and 2, on the deepest hooked layer that has places.

    Raises:
        ClassifierError: if no hooked layer has places that the logit depends on.
    """
    return grad_cam_and_layer(case)[0]


def mean_slopes(
    _maps: Float[Tensor, "1 c h w"], slopes: Float[Tensor, "1 c h w"]
) -> Float[Tensor, "1 c 1 1"]:
    """Grad-CAM's weights: the mean of each map's slopes (equation 1)."""
    return slopes.mean(dim=(2, 3), keepdim=True)


def plus_plus(
    maps: Float[Tensor, "1 c h w"], slopes: Float[Tensor, "1 c h w"]
) -> Float[Tensor, "1 c 1 1"]:
    """Grad-CAM++'s weights: the rising slopes, each times its alpha.

    Alpha is the paper's closed form for the score exp(logit): its derivatives are powers of the
    logit's slope times the score, which cancels in alpha and is one factor of the whole map.
    """
    square, total = slopes.square(), maps.sum(dim=(2, 3), keepdim=True)
    below = 2 * square + total * square * slopes
    alpha = torch.where(below == 0, torch.zeros_like(below), square / below)
    return (alpha * slopes.relu()).sum(dim=(2, 3), keepdim=True)


Weigh = Callable[[Float[Tensor, "1 c h w"], Float[Tensor, "1 c h w"]], Float[Tensor, "1 c 1 1"]]


def grad_cam_and_layer(
    case: Case, weigh: Weigh = mean_slopes
) -> tuple[Float[Tensor, "1 1 h w"], str]:
    """The map of Grad-CAM, or of one with other weights, and the layer that it is of.

    Raises:
        ClassifierError: if no hooked layer has places that the logit depends on.
    """
    x = case.scene.x.clone().requires_grad_()
    outputs = case.outputs.classifier(x)
    logit = outputs.logits[0, case.target.index]
    gradients = gradients_at(logit, outputs.activations)
    h, w = x.shape[2:]
    layers = zip(case.classifier.hooked_layers, outputs.activations, gradients, strict=True)
    for layer, activation, gradient in reversed(list(layers)):
        maps, slopes = as_maps(activation.detach(), h, w), as_maps(gradient, h, w)
        if maps is not None and slopes is not None and slopes.any():
            cam = weighted_maps(maps, weigh(maps, slopes))
            return F.interpolate(cam, (h, w), mode="bilinear", align_corners=False), layer
    raise ClassifierError(
        "Grad-CAM needs a hooked layer with maps or tokens that the target depends on; name one "
        "in hooked_layers of the classifier."
    )


def weighted_maps(
    maps: Float[Tensor, "1 c h w"], weights: Float[Tensor, "1 c 1 1"]
) -> Float[Tensor, "1 1 h w"]:
    """Sum of the maps, each times its weight.

    The papers cut off what is below zero; here it is left in its order, because a cut at any area
    needs one there too. Cuts of the positive part are the same.
    """
    return (weights * maps).sum(dim=1, keepdim=True)


def gradients_at(logit: Float[Tensor, ""], activations: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Gradient of a logit to each hooked activation; zero where it does not depend on it.

    The activations are copies beside the path from input to output (a later layer may write over
    the original), so the gradient is taken where the copy was made.
    """
    edges = []
    for activation in activations:
        copied = activation.grad_fn
        node, output = copied.next_functions[0] if copied else (None, 0)
        if node is None:
            raise ClassifierError(
                "Grad-CAM needs gradients to the hooked layers; the classifier gives none."
            )
        edges.append(GradientEdge(node, output))
    found: Sequence[Tensor | None] = ()
    if edges:
        found = torch.autograd.grad(logit, edges, allow_unused=True)
    return tuple(
        torch.zeros_like(a) if g is None else g for a, g in zip(activations, found, strict=True)
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
