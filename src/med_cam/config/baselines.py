"""The baselines by name: what is known of each without drawing it; drawn in `masking/`.

Nothing heavy is imported here: `--help` reads this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known of a baseline.

    Attributes:
        words: how reports call it.
        fixed: whether every sample of it is the same.
        content: whether it shows something by itself, so that a prediction for it is no fault.
        inside: whether it works inside the network, where nothing is painted; only some have it.
        references: whether it is made of reference images.
    """

    words: str
    fixed: bool = False
    content: bool = False
    inside: bool = False
    references: bool = False


FEATHERED = "feathered_"  # before the name of a painted baseline: with a soft edge in the mask
ALWAYS_THE_SAME = "fixed:"  # before the name of a user's own fill: nothing of it is drawn
FOLDER = "folder:"  # before the path of a folder whose images are shown

HARD: Mapping[str, Baseline] = {
    "grey": Baseline("grey", fixed=True),
    "black": Baseline("black", fixed=True),
    "white": Baseline("white", fixed=True),
    "mean": Baseline("the image's mean colour", fixed=True),
    "blur": Baseline("the blurred image", fixed=True, content=True),
    "gaussian": Baseline("Gaussian noise"),
    "uniform": Baseline("uniform noise"),
    "shuffled": Baseline("shuffled pixels"),
    "others": Baseline("reference images", content=True, references=True),
    "inpainted": Baseline("inpainted surroundings", fixed=True),
    "layer_masking": Baseline("layer masking", inside=True),
    "dropped_tokens": Baseline("dropped tokens", fixed=True, inside=True),
}
BASELINES: Mapping[str, Baseline] = {
    **HARD,
    **{
        FEATHERED + name: replace(known, words=f"{known.words}, edge feathered")
        for name, known in HARD.items()
        if not known.inside
    },
}
FIXED = frozenset(name for name, known in BASELINES.items() if known.fixed)
CONTENT = frozenset(name for name, known in BASELINES.items() if known.content)
INSIDE = frozenset(name for name, known in BASELINES.items() if known.inside)
OF_REFERENCES = frozenset(name for name, known in BASELINES.items() if known.references)


def hard(name: str) -> str:
    """What is painted: the name without the word for its edge."""
    return name.removeprefix(FEATHERED)


def is_own(name: str) -> bool:
    """Whether it names a fill of the user's own: such a name has a colon, as no baseline's has."""
    before, _, after = fill_name(name).partition(":")
    return bool(before and after)


def fill_name(name: str) -> str:
    """A fill of the user's own, without the words for its edge and for what is drawn of it."""
    return hard(name).removeprefix(ALWAYS_THE_SAME)


def described(name: str) -> Baseline:
    """What is known of a baseline, one of the user's own too."""
    if name in BASELINES:
        return BASELINES[name]
    fill = fill_name(name)
    folder = f"images of {fill.removeprefix(FOLDER)}"
    words = folder if fill.startswith(FOLDER) else f"the fill {fill}"
    edge = ", edge feathered" if name.startswith(FEATHERED) else ""
    fixed = hard(name).startswith(ALWAYS_THE_SAME)
    return Baseline(words + edge, fixed=fixed, content=True)


def is_fixed(name: str) -> bool:
    """Whether every sample of a baseline is the same."""
    return described(name).fixed
