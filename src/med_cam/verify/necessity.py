"""The deletion test: what is predicted when the evidence is hidden and the rest is shown?"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.mask_tests import Necessity
from med_cam.verify.certificate import lower_bound
from med_cam.verify.decision import Decision, on_top, retains
from med_cam.verify.edge import edge_of_either


def necessity(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    infill: Sampled,
    decision: Decision,
    confidence: float,
) -> Necessity:
    """The complement of a mask over some baselines.

    Args:
        view: the image before the classifier.
        mask: true = evidence; what is shown here is all the rest.
        infill: what is put in its place, one per sample.
        decision: the target, and what retaining the prediction means.
        confidence: of the bound.
    """
    target = decision.target
    p = view.over(~mask, infill)
    changed = int((~on_top(p, target)).sum())
    return Necessity(
        samples=len(p),
        changed=changed,
        lost=int((~retains(p, decision)).sum()),
        label=most_frequent_label(p, target.labels),
        mean=p[:, target.index].mean().item(),
        highest=p[:, target.index].max().item(),
        p_image=target.p_image,
        bound=lower_bound(changed, len(p), 1 - confidence),
        confidence=confidence,
        edge=edge_of_either(p, decision),
    )


def most_frequent_label(p: Float[Tensor, "n k"], labels: Sequence[str]) -> str:
    """The label that is first most often."""
    return labels[int(torch.bincount(p.argmax(dim=1), minlength=len(labels)).argmax())]
