"""Is the evidence necessary: what is answered when it is hidden and the rest is shown?"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Predict
from med_cam.masking import Scene, masked_input
from med_cam.results import Necessity
from med_cam.verify.certificate import lower_bound
from med_cam.verify.decision import Decision, on_top, retains


def necessity(
    predict: Predict,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    around: Float[Tensor, "n c h w"],
    decision: Decision,
    confidence: float,
) -> Necessity:
    """The complement of a mask over some backgrounds.

    Args:
        answer: the classifier.
        scene: the image.
        mask: true = evidence; what is shown here is all the rest.
        around: what is put in its place, one a draw.
        decision: target, and what keeping means.
        confidence: of the bound.
    """
    target = decision.target
    p = predict(masked_input(scene.x, (~mask).to(scene.x), around))
    target = p[:, target.index]
    changed = int((~on_top(p, target)).sum())
    return Necessity(
        samples=len(p),
        changed=changed,
        lost=int((~retains(p, decision)).sum()),
        label=most_frequent_label(p, target.labels),
        mean=target.mean().item(),
        highest=target.max().item(),
        p_image=target.p_image,
        bound=lower_bound(changed, len(p), 1 - confidence),
        confidence=confidence,
    )


def most_frequent_label(p: Float[Tensor, "n k"], labels: Sequence[str]) -> str:
    """The label that is first most often."""
    return labels[int(torch.bincount(p.argmax(dim=1), minlength=len(labels)).argmax())]
