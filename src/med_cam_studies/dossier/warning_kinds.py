"""Warnings by kind: the same sentence with another label or other numbers is the same kind."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

LABEL, NUMBER = "the label", "\u2026"  # what stands in place of what differs
IN_BRACKETS = re.compile(r"\s*\([^()]*\)")
NUMBERS = re.compile(r"\d[\d,.]*\d%?|\d%?")


def warning_kinds(of_images: Iterable[Sequence[str]], labels: Sequence[str]) -> dict[str, int]:
    """How many images have a warning of each kind, the most frequent first.

    Args:
        of_images: the warnings of each image.
        labels: of the classifier.
    """
    counts = Counter(
        kind for warnings in of_images for kind in {kind_of(w, labels) for w in warnings}
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def kind_of(warning: str, labels: Sequence[str]) -> str:
    """A warning without figures, without the name of its label, without what is in brackets."""
    named = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    plain = re.sub(rf"(?<!\w)(?:{named})(?!\w)", LABEL, warning) if named else warning
    return NUMBERS.sub(NUMBER, IN_BRACKETS.sub("", plain)).strip()
