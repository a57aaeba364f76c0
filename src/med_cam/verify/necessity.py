"""Is the evidence necessary: what is answered when it is hidden and the rest is shown?"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.classifiers.base import Answer
from med_cam.masking import Scene, composite
from med_cam.results import Necessity
from med_cam.verify.certificate import lower_bound
from med_cam.verify.decision import Decision, keeps, on_top


def necessity(
    answer: Answer,
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
    question = decision.question
    p = answer(composite(scene.x, (~mask).to(scene.x), around))
    target = p[:, question.target]
    changed = int((~on_top(p, question)).sum())
    return Necessity(
        draws=len(p),
        changed=changed,
        lost=int((~keeps(p, decision)).sum()),
        label=given_most(p, question.labels),
        mean=target.mean().item(),
        highest=target.max().item(),
        full=question.full,
        bound=lower_bound(changed, len(p), 1 - confidence),
        confidence=confidence,
    )


def given_most(p: Float[Tensor, "n k"], labels: Sequence[str]) -> str:
    """The label that is first most often."""
    return labels[int(torch.bincount(p.argmax(dim=1), minlength=len(labels)).argmax())]
