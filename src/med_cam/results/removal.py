"""How the rest of the image is hidden: which removals, why these, and what they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from med_cam.results.ranges import Count, Difference, Level, OneOf, Probability, Share


@dataclass(frozen=True, slots=True)
class BaselineColours:
    """What the baselines grey and Gaussian noise are, one value for each channel, 255 is white.

    Attributes:
        grey: the colour of `grey`, and the mean of `gaussian`.
        spread: the standard deviation of `gaussian`.
        source: where the two come from, in words.
    """

    grey: tuple[Level, ...]
    spread: tuple[Level, ...]
    source: str


@dataclass(frozen=True, slots=True)
class RemovalFigures:
    """How a classifier takes one removal, measured on reference images.

    A label is given with confidence from 0.5 (of two labels from 0.75; sigmoid heads: from its
    threshold). Of two labels (softmax), `blank_confident`, `effect` and `mean_effect` are of the
    images of the label that blank input is not given, as is `blank_own`, and `pull` is toward a
    label that blank input is not given with confidence.

    Attributes:
        name: of the removal.
        references: reference images that it was measured on.
        blank_confident: share of them for which some label is given with confidence where nothing
            is shown.
        blank_own: the same for the image's own label.
        effect: share of them whose probability on the whole image lies at least `minimum_effect`
            above that where nothing is shown; of those images alone that lie as far above an even
            answer (one over the number of labels; sigmoid heads: 0), where there are any.
        mean_effect: mean of those differences.
        pull: over random masks that show 10, 30 or 50%: the label that takes most images of other
            labels with confidence, and its share of them.
        pull_label: that label.
        retained_25, retained_50, retained_75: share of random masks that show 25, 50 or 75% under
            which the image keeps its label; null where none was tried.
        chance: share of random masks that show 50 or 75% under which the image would keep its
            label if the labels that are given there were given to any of them (as for Cohen's
            kappa).
        masked: random masks that were tried.
    """

    name: str
    references: Count
    blank_confident: Probability
    blank_own: Probability
    effect: Probability
    mean_effect: Difference
    pull: Probability
    pull_label: str
    retained_25: Probability
    retained_50: Probability
    retained_75: Probability
    chance: Probability
    masked: Count


@dataclass(frozen=True, slots=True)
class RemovalChoice:
    """Which removals a classifier is explained with, by one rule, and the figures it rests on.

    Attributes:
        removal: names of the removals, the set that claims are relative to.
        rule: version of the rule, see docs/audit.md.
        fails: the conditions that fail for it; empty if it passes all.
        reason: why it is this one, in one sentence.
        source: `measured` for this run, read from an `audit` file, or the `default` where nothing
            could be measured.
        references: reference images that there were.
        passes: inputs sent through the classifier for it, forward.
        minimum_effect: what counts as an effect.
        figures: one entry for each removal that was measured, in the order of the rule.
        refused: removals inside the network that the classifier cannot have, each with why.
    """

    removal: tuple[str, ...]
    rule: str
    fails: tuple[str, ...]
    reason: str
    source: Annotated[str, OneOf(("measured", "audit", "default"))]
    references: Count
    passes: Count
    minimum_effect: Share
    figures: tuple[RemovalFigures, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnFill:
    """A fill of the user's own: what is known of it.

    Attributes:
        name: as the settings have it, without `feathered_` and `fixed:`.
        kind: a `folder` of images, a function of a Python `file`, or a `function` given in Python.
        source: path of the folder, path and name, or name of the function.
        sha256: of the images' SHA-256, sorted; of the Python file and all that it imports from
            beside it; null of a function given in Python.
        images: in the folder; null of functions.
    """

    name: str
    kind: Annotated[str, OneOf(("folder", "file", "function"))]
    source: str
    sha256: str | None
    images: Count | None
