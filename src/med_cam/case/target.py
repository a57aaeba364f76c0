"""Which class of a classifier is explained: named by index or label, or the one predicted."""

import operator
from collections.abc import Sequence
from typing import SupportsIndex

from jaxtyping import Float
from torch import Tensor

from med_cam.classifiers.base import Classifier
from med_cam.config.given import given
from med_cam.errors import ClassifierError
from med_cam.verify.decision import Target


def target_of(
    classifier: Classifier, before: Float[Tensor, "1 k"], target: SupportsIndex | str | None
) -> Target:
    """The target, by index, by label or as the classifier's own prediction."""
    index = target_index(classifier.labels, target, default=int(before.argmax()))
    output_threshold = classifier.thresholds[index] if classifier.head == "sigmoid" else 0.0
    p_image = before[0, index].item()
    return Target(index, classifier.labels, classifier.head, output_threshold, p_image)


def target_index(
    labels: Sequence[str], target: SupportsIndex | str | None, *, default: int
) -> int:
    """The index that a target names.

    Raises:
        ClassifierError: if the labels do not have it.
    """
    if target is None:
        return default
    if isinstance(target, str):
        index = list(labels).index(target) if target in labels else -1
    else:
        index = whole_number(target)
    if 0 <= index < len(labels):
        return index
    raise ClassifierError(
        f"no class {given(target)}; the classifier knows {', '.join(labels)}, by name or by "
        f"number from 0 to {len(labels) - 1}"
    )


def whole_number(value: SupportsIndex) -> int:
    """Of any kind that has one, as NumPy's; -1 for what is none, truth values among them."""
    try:
        return -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return -1
