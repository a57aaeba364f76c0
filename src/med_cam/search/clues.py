"""What one forward and one backward pass tell of where the evidence is: the clues.

A network that proposes masks need not learn the classifier from pixels: gradient times activation
of each hooked layer (HiResCAM, Draelos & Carin 2020, arXiv 2011.08891) and gradient times input
say what the classifier itself answers to, at which place.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.places import as_maps, gradients_at
from med_cam.search.disc_map import standardised


@torch.enable_grad()
def clues(case: Case, side: int) -> Float[Tensor, "1 k side side"]:
    """The image, and maps of what its target's score depends on, each of deviation 1.

    Channels: those of the image as the classifier sees it; gradient times input; of each hooked
    layer gradient times activation, and the size of the activation. One without places is 0.

    Args:
        case: the classifier before an image; the target is the case's own.
        side: of the maps.
    """
    x = case.scene.x.clone().requires_grad_()
    outputs = case.outputs.classifier(x)
    score = F.logsigmoid(margin(outputs.logits, case.target.index, case.target.head))
    *gradients, at_input = gradients_at(score, outputs.activations, (x,))
    h, w = x.shape[2:]
    maps = [(at_input * x).sum(dim=1, keepdim=True)]
    for activation, gradient in zip(outputs.activations, gradients, strict=True):
        values, slopes = as_maps(activation.detach(), h, w), as_maps(gradient, h, w)
        if values is None or slopes is None:
            maps += [torch.zeros_like(maps[0])] * 2
        else:
            maps += [(values * slopes).sum(1, keepdim=True), values.square().mean(1, keepdim=True)]
    levelled = [standardised(resized(each.detach(), side)) for each in maps]
    return torch.cat([F.adaptive_avg_pool2d(case.scene.x, side), *levelled], dim=1)


def count_of(classifier: Classifier) -> int:
    """How many channels the clues of a classifier have."""
    return classifier.channels + 1 + 2 * len(classifier.hooked_layers)


def margin(logits: Float[Tensor, "1 k"], target: int, head: str) -> Float[Tensor, ""]:
    """The log-odds of the target."""
    if head == "sigmoid" or logits.shape[1] == 1:
        return logits[0, target]
    rest = torch.cat([logits[:, :target], logits[:, target + 1 :]], dim=1)
    return logits[0, target] - rest.logsumexp(dim=1)[0]


def resized(values: Float[Tensor, "1 1 h w"], side: int) -> Float[Tensor, "1 1 side side"]:
    """Means where there are more values than wanted, smooth between them where there are fewer."""
    if min(values.shape[2:]) >= side:
        return F.adaptive_avg_pool2d(values, side)
    return F.interpolate(values, (side, side), mode="bilinear", align_corners=False)
