"""Labels that say that nothing was found."""

import re

NEGATIVE = frozenset(
    {
        "absent", "clear", "control", "healthy", "negative", "no", "nofinding", "nofindings",
        "none", "nontumor", "nontumour", "normal", "notpresent", "notumor", "notumour",
        "unremarkable",
    }
)  # fmt: skip
ABSENCE = frozenset({"no", "without"})  # of whatever follows
SOUND = frozenset({"normal", "healthy"})
OF_WHAT = frozenset(  # sound tissue; a "normal pressure hydrocephalus" is none
    {"brain", "breast", "colon", "control", "eye", "fundus", "lung", "scan", "skin", "tissue"}
)


def is_negative(label: str) -> bool:
    """Whether a label names the absence of a finding, by its words.

    Evidence for absence is what shows that nothing is there: it may be the whole image.
    """
    words = re.findall(r"[a-z]+", label.lower())
    if not words:
        return False
    first, *rest = words
    return (
        "".join(words) in NEGATIVE
        or first in ABSENCE
        or (first in SOUND and bool(rest) and set(rest) <= OF_WHAT)
    )
