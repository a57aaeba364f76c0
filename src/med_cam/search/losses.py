"""The seven terms of the loss, one function each, in the order of the paper's equation.

Every term takes only the tensors it reads and returns one number per image, unweighted. The
paper's sums over pixels are means here, so that a weight means the same at any input size.
Heads of independent outputs have their own likelihoods; one term of ours stands at the end.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from med_cam.verify.divergence import (  # L_KL, which is reported of the evidence too
    bernoulli_kl as bernoulli_kl,
    kl_divergence as kl_divergence,
)


def activation_matching(
    activations: Sequence[Tensor],
    reference: Sequence[Tensor],
    layer_weights: Sequence[float],
    distance: str,
) -> Float[Tensor, " b"]:
    """L_act: the weighted sum over layers of the distance between two images' activations.

    Args:
        activations: of the masked inputs, one tensor a layer, b ... each.
        reference: of the whole image, in the same order, 1 ... each.
        layer_weights: the paper's alpha, one a layer.
        distance: a key of `DISTANCES`.
    """
    d = DISTANCES[distance]
    layers = zip(layer_weights, activations, reference, strict=True)
    return torch.stack([alpha * d(of_e, of_x) for alpha, of_e, of_x in layers]).sum(dim=0)


def mean_squared(
    a: Float[Tensor, "b *f"], reference: Float[Tensor, "1 *f"]
) -> Float[Tensor, " b"]:
    """Mean squared difference over all units of a layer."""
    return (a - reference).flatten(1).square().mean(dim=1)


def cosine(a: Float[Tensor, "b *f"], reference: Float[Tensor, "1 *f"]) -> Float[Tensor, " b"]:
    """One minus the cosine of the two layers, each flattened to one vector; in [0, 2]."""
    return 1 - F.cosine_similarity(a.flatten(1), reference.flatten(1), dim=1)


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": mean_squared,
    "cosine": cosine,
}


def cross_entropy(logits: Float[Tensor, "b k"], target: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
    """L_CE = -log p_f(e)(y); over random baselines L_rob = -log p_f(e~)(y)."""
    return F.cross_entropy(logits, target, reduction="none")


def area(mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, " b"]:
    """L_area = |m|_1 over the number of pixels; in [0, 1]."""
    return mask.mean(dim=(1, 2, 3))


def binarization(mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, " b"]:
    """L_bin = |m - m^2|_1 over the number of pixels; zero exactly when every value is 0 or 1."""
    return (mask - mask.square()).abs().mean(dim=(1, 2, 3))


def total_variation(mask: Float[Tensor, "b 1 h w"]) -> Float[Tensor, " b"]:
    """L_tv = sum of |differences| to the lower and the right neighbour, over the pixels."""
    rows = (mask[..., 1:, :] - mask[..., :-1, :]).abs().sum(dim=(1, 2, 3))
    columns = (mask[..., :, 1:] - mask[..., :, :-1]).abs().sum(dim=(1, 2, 3))
    return (rows + columns) / mask[0].numel()


def bernoulli_cross_entropy(
    logits: Float[Tensor, "b k"], target: Int[Tensor, " b"]
) -> Float[Tensor, " b"]:
    """L_CE and L_rob for sigmoid heads: -log sigmoid of the target's own output."""
    return -F.logsigmoid(logits.gather(1, target[:, None])[:, 0])


def failure(
    logits: Float[Tensor, "b k"], target: Int[Tensor, " b"], threshold: float, head: str
) -> Float[Tensor, " b"]:
    """Ours, not the paper's: how far a masked input is from retaining the prediction, in [0, 1].

    A smooth step in the target's probability at what is required. Unlike the cross-entropy it is
    flat where the prediction is retained already and where an area is too small for it: of many
    areas, those on the verge are trained.
    """
    p = logits.sigmoid() if head == "sigmoid" else logits.softmax(dim=1)
    return torch.sigmoid((threshold - p.gather(1, target[:, None])[:, 0]) / SOFTNESS)


SOFTNESS = 0.15  # in probability; the step is felt from 0.4 below to 0.4 above
