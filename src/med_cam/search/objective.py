"""The weighted sum of the terms: the paper's loss (section 3.4), one line per term."""

from dataclasses import asdict

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.classifiers.forward import Outputs
from med_cam.config.settings import Objective
from med_cam.results.reference import Reference
from med_cam.search import losses


def objective(
    seen: Outputs,
    redrawn: Outputs,
    mask: Float[Tensor, "b 1 h w"],
    reference: Reference,
    settings: Objective,
) -> tuple[Float[Tensor, ""], dict[str, float]]:
    """The loss to minimise, and its unweighted terms for the record.

    Args:
        seen: the classifier on e = m * x.
        redrawn: the classifier on e~ = m * x + (1 - m) * r.
        mask: the masks of both, soft or straight-through, in [0, 1].
        reference: the classifier on the whole image.
        settings: weights, distance, weights of layers.
    """
    target = torch.full((len(mask),), reference.target, device=mask.device)
    alphas = settings.layer_weights or [1 / max(1, len(seen.activations))] * len(seen.activations)
    kl, cross_entropy = LIKELIHOODS[reference.head]

    def failed(outputs: Outputs) -> Tensor:
        return losses.failure(outputs.logits, target, reference.threshold, reference.head)

    parts = {
        "activation": losses.activation_matching(
            seen.activations, reference.activations, alphas, settings.distance
        )
        if seen.activations
        else torch.zeros_like(mask[:, 0, 0, 0]),
        "kl": kl(seen.logits, reference.logits),
        "cross_entropy": cross_entropy(seen.logits, target),
        "area": losses.area(mask),
        "binarization": losses.binarization(mask),
        "total_variation": losses.total_variation(mask),
        "robustness": cross_entropy(redrawn.logits, target),
        "failure": (failed(seen) + failed(redrawn)) / 2,
    }
    weighted = [weight * parts[name].mean() for name, weight in asdict(settings.weights).items()]
    return torch.stack(weighted).sum(), {name: part.mean().item() for name, part in parts.items()}


LIKELIHOODS = {
    "softmax": (losses.kl_divergence, losses.cross_entropy),
    "sigmoid": (losses.bernoulli_kl, losses.bernoulli_cross_entropy),
}
