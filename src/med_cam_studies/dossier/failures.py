"""The cases that speak against a classifier or against its evidence, with pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path

from med_cam_studies.report.blocks import Block, Pictures, Said, Section
from med_cam_studies.report.cards import card
from med_cam_studies.report.explained import Explained, TruthOf
from med_cam_studies.report.of_results import one_result

MOST = 12  # pictures of each kind
SIDE = 272  # pixels, longest side of a picture
KINDS: dict[str, Callable[[Explained], bool]] = {
    "Wrong, and a small region is sufficient": lambda one: one.right is False and one.small,
    "Wrong, and no small region is sufficient": lambda one: one.right is False and not one.small,
    "Right, and no small region is sufficient": lambda one: one.right is True and not one.small,
}


def failures(every: Sequence[Explained], out: Path, truth_of: TruthOf) -> Section:
    """The section; the most confident predictions of each kind first.

    Args:
        every: all images.
        out: folder of all results.
        truth_of: how the right label is found.

    Raises:
        OutputError: if a result is not as it was written.
    """
    known = [one for one in every if one.truth and one.of_prediction]
    if not known:
        text = f"Not known: the right label is known of 0 of {len(every)} images."
        return Section("failures", "Failure cases", (Said(text),))
    blocks = tuple(
        of_kind(title, [one for one in known if is_one(one)], len(known), out, truth_of)
        for title, is_one in KINDS.items()
    )
    return Section("failures", "Failure cases", blocks)


def of_kind(
    title: str, found: Sequence[Explained], of: int, out: Path, truth_of: TruthOf
) -> Block:
    """The cases of one kind."""
    first = sorted(found, key=lambda one: (-one.confidence, one.place))[:MOST]
    more = "" if len(first) == len(found) else f"; the {len(first)} most confident are shown"
    caption = f"{title}: {len(found)} of {of}{more}"
    if not first:
        return Said(f"{caption}.")
    cards = [
        card(one_result(one.folder, out, truth_of).shown, (), id=one.result, longest=SIDE)
        for one in first
    ]
    return Pictures(caption, tuple(cards))
