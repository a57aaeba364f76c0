"""How often a small region suffices for the prediction, how large it is, what its tests found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from med_cam.report.wording import baselines, percent
from med_cam_studies.dossier.warning_kinds import warning_kinds
from med_cam_studies.report.blocks import (
    Bar,
    Block,
    Drawn,
    Histogram,
    Said,
    Section,
    Tabled,
    share,
)
from med_cam_studies.report.explained import (
    FILLED,
    MINIMAL,
    NECESSARY,
    OUTLINE,
    SHOWN_AGAIN,
    Explained,
)
from med_cam_studies.report.tables import NONE, Table

BINS = 20  # of 5% of the image each
TEST_WORDS = {
    MINIMAL: "every part of the mask is needed",
    NECESSARY: "the prediction always changes where the mask is hidden and the rest shown",
    OUTLINE: "the outline of the mask alone gave the label at least once",
    FILLED: "the mask filled with one colour gave the label at least once",
    SHOWN_AGAIN: "showing random hidden patches again changes the prediction too often",
}


def evidence(every: Sequence[Explained]) -> Section:
    """The section, on the images whose predicted label was explained."""
    own = [one for one in every if one.of_prediction]
    others = len(every) - len(own)
    if not own:
        return Section("evidence", "Evidence", (Said("No result explains a prediction."),))
    removals = sorted({baselines(one.made.removals) for one in own})
    blocks: list[Block] = [
        Said(
            "A region is sufficient if the prediction is retained when the rest of the image is "
            f"replaced ({'; '.join(removals)}) and the checks of its outline and of small shifts "
            "pass. It is evidence for the prediction, not for a disease."
        ),
        *([Said(_not_predicted(others), alert=True)] if others else []),
        Tabled("Sufficient regions by predicted label", by_label(own)),
        Drawn(
            "Area of the sufficient masks, by predicted label",
            "share of the image in the mask, in %",
            tuple(histograms(own)),
        ),
        Tabled("How the tests ended", counted(own)),
        Tabled("Further tests of sufficient masks", further(own)),
        *_warnings(own),
    ]
    return Section("evidence", "Evidence", tuple(blocks))


def by_label(own: Sequence[Explained]) -> Table:
    """Shares of sufficient masks, of any size and of at most half of the image; their areas."""
    labels = [label for label in own[0].labels if any(one.label == label for one in own)]
    groups = {label: [one for one in own if one.label == label] for label in labels}
    rows = [(name, *_shares(group)) for name, group in {**groups, "all": list(own)}.items()]
    head = ("predicted", "sufficient", "at most half of the image", "median area (quartiles)")
    return Table(head, tuple(rows))


def histograms(own: Sequence[Explained]) -> Iterator[Histogram]:
    """Of each label that has sufficient masks."""
    for label in own[0].labels:
        of_label = [one for one in own if one.label == label]
        areas = [100 * one.area for one in of_label if one.verified]
        if of_label:
            yield histogram(label, areas, len(of_label))


def histogram(name: str, areas: Sequence[float], images: int) -> Histogram:
    """Areas in percent, as bars; the highest bar is as high as the box."""
    counts = np.histogram(areas, bins=BINS, range=(0, 100))[0].tolist()
    highest, width = max(counts), 100 / BINS
    bars = tuple(
        Bar(k * width, 100 - 100 * count / highest, width, 100 * count / highest)
        for k, count in enumerate(counts)
        if count
    )
    words = f"{len(areas)} of {images} sufficient, highest bar {highest}"
    return Histogram(name, words, bars, median(areas) if areas else None, highest)


def counted(own: Sequence[Explained]) -> Table:
    """How many ended in which way, the most frequent first."""
    counts = Counter(one.verdict for one in own)
    rows = [(words, share(count, len(own))) for words, count in counts.most_common()]
    return Table(("verdict", "images"), tuple(rows))


def further(own: Sequence[Explained]) -> Table:
    """What the further tests found of the sufficient masks that they were made of."""
    verified = [one for one in own if one.verified]
    rows = []
    for name, words in TEST_WORDS.items():
        found = [one.tests[name] for one in verified if name in one.tests]
        rows.append((words, share(sum(found), len(found))))
    bounds = sorted(one.bound for one in verified if one.bound == one.bound)
    lowest = f"{percent(bounds[0])}, lowest of {len(bounds)}" if bounds else NONE
    rows.append(("lower bound on the retention rate", lowest))
    return Table(("test", "masks"), tuple(rows))


def _shares(group: Sequence[Explained]) -> tuple[str, str, str]:
    verified = [one.area for one in group if one.verified]
    small = sum(one.small for one in group)
    return share(len(verified), len(group)), share(small, len(group)), _areas(verified)


def _areas(areas: Sequence[float]) -> str:
    """As in "8.7% (5.1% to 20.3%), of 12"."""
    if not areas:
        return NONE
    low, middle, high = np.quantile(areas, [0.25, 0.5, 0.75]).tolist()
    return f"{percent(middle)} ({percent(low)} to {percent(high)}), of {len(areas)}"


def _warnings(own: Sequence[Explained]) -> tuple[Block, ...]:
    kinds = warning_kinds([one.warnings for one in own], own[0].labels)
    if not kinds:
        return (Said(f"No warning in any of {len(own)} results."),)
    with_any = sum(bool(one.warnings) for one in own)
    rows = [(kind, share(count, len(own))) for kind, count in kinds.items()]
    rows.append(("any warning", share(with_any, len(own))))
    return (Tabled("Warnings by kind", Table(("warning", "images"), tuple(rows))),)


def _not_predicted(count: int) -> str:
    return (
        f"{count} results explain a label that is not the predicted one, or set two labels "
        "against each other; they are in no number of this section."
    )
