"""The images that a dossier rests on: how many of which label, and each with its hashes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from med_cam_studies.report.blocks import Block, Said, Section, Tabled
from med_cam_studies.report.explained import SHOWN, Explained
from med_cam_studies.report.tables import NONE, Table

UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Results and images that are in no number of a dossier.

    Attributes:
        unreadable: results that are not as they were written.
        repeated: further results of images that are counted already.
        unfinished: images that a run named and did not explain.
    """

    unreadable: int = 0
    repeated: int = 0
    unfinished: int = 0


def data(every: Sequence[Explained], left_out: LeftOut) -> Section:
    """The section: counts by label, and what was left out."""
    known = sum(bool(one.truth) for one in every)
    blocks: list[Block] = [
        Said(
            f"{len(every)} images, each counted once and known by the SHA-256 of its file; the "
            f"right label is known of {known} of them. All numbers below are of these images. "
            "Intervals are 95% intervals and take images as independent: several images of one "
            "patient make them too narrow."
        ),
        *(Said(sentence, alert=True) for sentence in sentences(left_out)),
        Tabled("Images by right label and by prediction", by_label(every)),
    ]
    missing = () if known else ("Right labels are not known, so performance is not measured.",)
    return Section("data", "Images", tuple(blocks), missing)


def sentences(left_out: LeftOut) -> list[str]:
    """What is in no number, in a sentence each."""
    found = {
        "results are not as they were written, and are left out": left_out.unreadable,
        "further results are of images that are counted already": left_out.repeated,
        "images were named in a run and not explained; they are in no number": left_out.unfinished,
    }
    return [f"{count} {what}." for what, count in found.items() if count]


def by_label(every: Sequence[Explained]) -> Table:
    """How many images are of each label, and are predicted it."""
    truths, predicted = Counter(o.truth for o in every), Counter(o.predicted for o in every)
    names = [*_labels(every), *([""] if truths[""] else [])]
    rows = [
        (name or UNKNOWN, str(truths[name]), str(predicted[name]) if name else NONE)
        for name in names
    ]
    total = ("all", str(len(every)), str(len(every)))
    return Table(("label", "right label", "predicted"), (*rows, total))


def manifest(every: Sequence[Explained]) -> Section:
    """The last section: every image with its hash and the ID of its result."""
    rows = [
        (one.name, one.truth or UNKNOWN, one.predicted, one.sha256, one.result[:SHOWN])
        for one in every
    ]
    table = Table(("image", "right label", "predicted", "SHA-256", "result"), tuple(rows))
    said = Said(
        "The ID of a result stands for its masks and all its numbers; it is the SHA-256 of the "
        "lines of its manifest.sha256, without those of what is drawn from the rest."
    )
    blocks = (said, Tabled(f"All {len(every)} images", table, small=True))
    return Section("manifest", "Annex: every image", blocks)


def _labels(every: Sequence[Explained]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*every[0].labels, *(one.predicted for one in every))))
