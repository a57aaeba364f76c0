"""Warnings by kind, as they were saved.

Of what was odd about a file, and of results that were saved without kinds, the same sentence with
another label or other numbers is the same kind.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from med_cam.config.notices import KINDS
from med_cam.results.notice import Notice

LABEL, NUMBER = "the label", "\u2026"  # what stands in place of what differs
IN_BRACKETS = re.compile(r"\s*\([^()]*\)")
NUMBERS = re.compile(r"\d[\d,.]*\d%?|\d%?")


SENTENCES = ("file", "older")  # kinds that hold sentences of several kinds


def warning_kinds(of_images: Iterable[Sequence[Notice]], labels: Sequence[str]) -> dict[str, int]:
    """How many images have a warning of each kind, the most frequent first.

    Args:
        of_images: the warnings of each image.
        labels: of the classifier.
    """
    counts = Counter(
        kind for warnings in of_images for kind in {in_words(w, labels) for w in warnings}
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def in_words(warning: Notice, labels: Sequence[str]) -> str:
    """When a warning of this kind comes up, without its figure."""
    if warning.kind in SENTENCES:
        return kind_of(warning.text, labels)
    return KINDS[warning.kind].meaning.partition(":")[0]


def kind_of(warning: str, labels: Sequence[str]) -> str:
    """A warning without figures, without the name of its label, without what is in brackets."""
    named = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    plain = re.sub(rf"(?<!\w)(?:{named})(?!\w)", LABEL, warning) if named else warning
    return NUMBERS.sub(NUMBER, IN_BRACKETS.sub("", plain)).strip()
