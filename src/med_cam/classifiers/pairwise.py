"""The same classifier, restricted to two of its classes."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.hooks import logits_of
from med_cam.config.given import refuse_other
from med_cam.config.rules import nearest
from med_cam.errors import ClassifierError


class TwoOf(nn.Module):
    """A user's module, run as it is, of whose logits two are handed on.

    Args:
        classifier: whose module it is: in any form that `hooks.logits_of` reads.
        places: indices of the two.
    """

    def __init__(self, classifier: Classifier, places: tuple[int, int]) -> None:
        super().__init__()
        self.module = classifier.module
        self._logits = partial(
            logits_of,
            labels=classifier.labels,
            outputs=classifier.outputs,
            head=classifier.head,
        )
        self._places = list(places)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 2"]:
        """The two logits, in the order of the places."""
        raw = self.module(x)
        return self._logits(raw, batch=len(x))[:, self._places]

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:  # noqa: ANN401 - as nn.Module has them
        """The module's own, also where it keeps them out of sight, as opaque programs do."""
        return self.module.named_parameters(*args, **kwargs)

    def named_buffers(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401
        """The module's own, as its parameters are."""
        return self.module.named_buffers(*args, **kwargs)


def pairwise(classifier: Classifier, target: str, rival: str) -> Classifier:
    """The classifier restricted to two classes: the target and its rival.

    Its probability of the target is softmax over the two logits: sigmoid(z_target - z_rival).
    Evidence for it separates the target from that one class, whatever the others get. For a
    softmax head this is p(target) / (p(target) + p(rival)), the probability given that it is one
    of the two.

    For a sigmoid head, whose outputs are independent, the odds of the two are compared:
    one half is where they are equal. The classifier itself does not state that probability; it may
    be high where neither output reaches its threshold, or both do. Thresholds are left out.

    Args:
        classifier: run as it is, neither copied nor changed.
        target: label of the class whose evidence is searched; the second label of the result.
        rival: label of the class to distinguish it from; the first one.

    Raises:
        ClassifierError: if a label is unknown, or both are the same.
    """
    refuse_other("classifier", classifier, Classifier, A_CLASSIFIER, ClassifierError)
    labels = classifier.labels
    for label in (target, rival):
        refuse_other("a label", label, str, "a text", ClassifierError)
        if label not in labels:
            near = nearest(label, dict.fromkeys(labels))
            raise ClassifierError(f"{classifier.name} has no class {label!r}{near}")
    if target == rival:
        raise ClassifierError(
            f"{target!r} cannot be distinguished from itself; name another of {', '.join(labels)}"
        )
    places = (labels.index(rival), labels.index(target))
    return replace(
        classifier,
        module=TwoOf(classifier, places),
        labels=(rival, target),
        head="softmax",
        outputs="logits",
        thresholds=(),
        hooked_layers=tuple(f"module.{layer}" for layer in classifier.hooked_layers),
        foldable=tuple((f"module.{one}", f"module.{two}") for one, two in classifier.foldable),
        name=f"{classifier.name}: {target} against {rival}",
    )
