"""Whether the evidence tells wrong predictions from right ones, beside the confidence itself."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from torch import Generator

from med_cam_studies.evaluation.separation import separation
from med_cam_studies.report.blocks import Block, Said, Section, Tabled, measured, share
from med_cam_studies.report.explained import Explained
from med_cam_studies.report.tables import NONE, Table

TITLE = "Whether evidence tells errors"
FEWEST = 5  # wrong predictions, and right ones: with fewer an interval says nothing
Score = Callable[[Explained], float]  # the higher, the more likely is a wrong prediction

SCORES: Mapping[str, Score] = MappingProxyType(
    {
        "low confidence of the classifier": lambda one: -one.confidence,
        "large mask (the whole image where none is sufficient)": lambda one: (
            one.area if one.verified else 1.0
        ),
        "low bound on the retention rate (0 where there is none)": lambda one: (
            -one.bound if one.bound == one.bound else 0.0
        ),
        "low stability under shifts": lambda one: -one.stability,
        "no sufficient region of at most half of the image": lambda one: float(not one.small),
    }
)


def errors(every: Sequence[Explained], *, generator: Generator) -> Section:
    """The section, on images with a known label whose prediction was explained.

    Args:
        every: all images.
        generator: of the bootstrap.
    """
    known = [one for one in every if one.truth and one.of_prediction]
    wrong, right = ([one for one in known if one.right is is_right] for is_right in (False, True))
    of = f"{len(wrong)} of {len(known)} images with a known label are predicted wrongly"
    if min(len(wrong), len(right)) < FEWEST:
        few = "errors" if len(wrong) < FEWEST else "right predictions"
        text = f"Too few {few}: {of}; at least {FEWEST} wrong and {FEWEST} right ones are needed."
        return Section("errors", TITLE, (Said(text),))
    blocks: list[Block] = [
        Said(
            f"{of}. The area under the ROC curve (AUROC) is the share of pairs of a wrong and a "
            "right prediction in which the wrong one has the higher score: 0.5 is chance, 1 tells "
            "every error, below 0.5 it is the other way round. The interval is that of a "
            "bootstrap over images. The scores were fixed beforehand; of five one may stand out "
            "by chance."
        ),
        Tabled("AUROC for a wrong prediction", table(wrong, right, generator=generator)),
        Tabled("Right and wrong predictions by evidence", crossed(wrong, right)),
    ]
    return Section("errors", TITLE, tuple(blocks))


def table(
    wrong: Sequence[Explained], right: Sequence[Explained], *, generator: Generator
) -> Table:
    """Each score with its AUROC, and of how many images."""
    rows = []
    for words, score in SCORES.items():
        above, below = (_numbers(score, group) for group in (wrong, right))
        found = separation(above, below, generator=generator)
        of = f"{len(above)} wrong, {len(below)} right" if above and below else NONE
        rows.append((words, measured(found), of))
    return Table(("score", "AUROC", "images"), tuple(rows))


def crossed(wrong: Sequence[Explained], right: Sequence[Explained]) -> Table:
    """How often predictions are wrong, with a small sufficient region and without."""
    rows = []
    for words, small in (("small sufficient region", True), ("no small sufficient region", False)):
        counts = [sum(one.small is small for one in group) for group in (wrong, right)]
        rows.append((words, share(counts[0], sum(counts))))
    return Table(("evidence", "predicted wrongly"), tuple(rows))


def _numbers(score: Score, group: Sequence[Explained]) -> list[float]:
    return [value for value in map(score, group) if value == value]  # no NaN
