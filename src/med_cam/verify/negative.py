"""Labels that say that nothing was found."""

import re

NEGATIVE = frozenset(
    {
        "absent", "clear", "control", "healthy", "negative", "nofinding", "nofindings", "none",
        "normal", "notpresent", "notumor", "notumour", "unremarkable",
    }
)  # fmt: skip


def is_negative(label: str) -> bool:
    """Whether a label names the absence of a finding, by its words.

    Evidence for absence is what shows that nothing is there: it may be the whole image.
    """
    letters = re.sub(r"[^a-z]", "", label.lower())
    first = re.split(r"[^a-z]+", label.lower().strip())[0]
    return letters in NEGATIVE or first in ("no", "non", "without", "normal", "healthy")
