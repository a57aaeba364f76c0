"""What is a warning and what a plain fact: how often each kind comes up on ordinary images.

A warning that is always on is none. So each kind of notice has a base rate, measured on images
that nothing is wrong with, and one that is common there is a plain fact unless its figure is
extreme. `benchmarks/notices.py` prints these numbers of any results.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from med_cam.results.notice import NOTICES, Notice

COUNTS = frozenset(
    {"references_alike", "no_references", "on_edge"}
)  # kinds whose figure is no share
COMMON = 1 / 3  # of ordinary images: what comes up on more of them is no news of an image


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a kind of notice.

    Attributes:
        short: in a word or two, where there is no room for its sentence.
        meaning: when it comes up, and what its figure is.
        weight: how much a warning of it says against the evidence; what deserves a look first is
            found by their sum.
        rate: share of ordinary images on which it came up; None for what is the same for all
            images of a run, which is always a plain fact.
        usual: the highest figure that nine of ten ordinary images have, 0 where it did not come
            up; a kind that is common warns above it.
    """

    short: str
    meaning: str
    weight: int
    rate: float | None
    usual: float = 0.0


# Rates: the eight bundled samples and eight of the bundled reference images (--shard 1/4),
# explained by the bundled classifier with the preset `default`, 26 November 2026. Few images: a
# rate of 0.25 lies between 0.07 and 0.52 with 95% confidence. That of random regions: the samples
# and seven of those images, 28 November 2026.
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "printed_text": Kind(
            "text",
            "the evidence holds what looks like printed text or marks: share of the evidence, or "
            "of the marks",
            *(20, 0.0, 0.0),
        ),
        "confidence_rises": Kind(
            "rises",
            "the classifier is more confident on the evidence than on the whole image: by how "
            "much. No success: explanations that know the class leak it (Jethani et al. 2023, "
            "arXiv 2302.12893)",
            *(20, 0.25, 0.21),
        ),
        "outline": Kind(
            "outline",
            "the mask over the content of other images gives the label, within what the check "
            "allows: share of them",
            *(16, 0.38, 0.05),
        ),
        "constant_fill": Kind(
            "one colour",
            "the mask filled with one colour gives the label: share of the fills",
            *(14, 0.19, 0.25),
        ),
        "random_regions": Kind(
            "random",
            "most random regions, of its size or, without reference images, of twice that, retain "
            "the prediction: share of them",
            *(12, 0.13, 0.632),
        ),
        "whole_image": Kind(
            "whole image",
            "nothing smaller than the whole image passed: share of the image",
            *(12, 0.0, 0.0),
        ),
        "reinsertion": Kind(
            "re-adding",
            "showing hidden patches again changes the prediction more often than is wanted: share "
            "of the samples",
            *(8, 0.31, 0.119),
        ),
        "baseline_gives_label": Kind(
            "blank input",
            "a baseline alone gets the label with 0.5 or more: its probability",
            *(8, 0.0, 0.0),
        ),
        "border": Kind(
            "border",
            "a tenth or more of the evidence lies at the image's border: share of it",
            *(5, 0.0, 0.0),
        ),
        "surround": Kind(
            "surround",
            "half or more of the evidence lies on the image's empty background: share of it",
            *(5, 0.06, 0.0),
        ),
        "unseen_baselines": Kind(
            "unseen",
            "the prediction is lost on a baseline that the search did not see: share of their "
            "samples",
            *(4, 1.0, 0.375),
        ),
        "references_alike": Kind(
            "references",
            "all reference images get the label too, so that the outline is hardly tested: how "
            "many",
            *(4, 0.0, 0.0),
        ),
        "on_edge": Kind(
            "on edge",
            "another machine may count some outcomes otherwise: how many",
            *(4, 0.0, 0.0),
        ),
        "file": Kind("file", "what was odd about the image's file", *(2, 0.0, 0.0)),
        "older": Kind("warning", "a warning of a result that was saved without kinds", *(2, 0.0)),
        "confident_blank": Kind(
            "blank input",
            "the classifier is confident of another label on a blank input: the probability. "
            "`med-cam audit` looks into it",
            *(0, None),
        ),
        "no_references": Kind(
            "no references",
            "no reference images were given: the outline was tested over shuffled pixels",
            *(0, None),
        ),
    }
)


def notice(kind: str, text: str, figure: float | int = math.nan) -> Notice:
    """A notice, and whether it warns."""
    return Notice(kind, text, float(figure), warns(KINDS[kind], figure))


def warns(kind: Kind, figure: float | int) -> bool:
    """Whether a notice is a warning: it is rare on ordinary images, or above what is usual."""
    if kind.rate is None:
        return False
    return kind.rate <= COMMON or figure > kind.usual


def ranked(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """Warnings before plain facts, of each the most telling first."""
    return tuple(sorted(notices, key=lambda one: (not one.warns, NOTICES.index(one.kind))))
