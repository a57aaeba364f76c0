"""Methods side by side on images with an outlined finding: means, and how far ours is ahead."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Generator

from med_cam.images.overlap import chance_iou
from med_cam_studies.evaluation.intervals import Interval, difference, interval, share_interval
from med_cam_studies.evaluation.rows import OURS, Row

CHANCE = "any mask at random"  # in the table: what needs neither image nor classifier
MEASURES = ("inside", "covered", "iou", "pointing")


@dataclass(frozen=True, slots=True)
class Summary:
    """One method over all images with a finding, as a line of the table.

    Attributes:
        method: its name in `Row.overlaps`, or `CHANCE`.
        images: how many it was measured on.
        means: by measure ("inside", "covered", "iou", "pointing"), with 95% intervals: exact for
            the share of hits of "pointing", else bootstrap over images.
        ours_ahead: by measure the mean of ours - theirs on the images that have both, with its
            bootstrap interval; empty for ours.
    """

    method: str
    images: int
    means: Mapping[str, Interval]
    ours_ahead: Mapping[str, Interval]


def summaries(rows: Sequence[Row], *, generator: Generator) -> tuple[Summary, ...]:
    """Ours, the other methods in the order they appear, and last a random mask of our area.

    Rows without overlaps are left out; if none has any, there are no lines.
    """
    outlined = [row for row in rows if row.overlaps]
    if not outlined:
        return ()
    named = dict.fromkeys((OURS, *(name for row in outlined for name in row.overlaps)))
    return tuple(summary(outlined, name, generator=generator) for name in (*named, CHANCE))


def summary(rows: Sequence[Row], method: str, *, generator: Generator) -> Summary:
    """One line of the table; the rows have overlaps."""
    pairs = [(measured(row, OURS), measured(row, method)) for row in rows]
    found = [theirs for _, theirs in pairs if theirs]
    means, ahead = {}, {}
    for measure in MEASURES:
        values = [theirs[measure] for theirs in found]
        if measure == "pointing" and method != CHANCE:
            means[measure] = share_of_hits(values)
        else:
            means[measure] = interval(values, generator=generator)
        if method != OURS:
            both = [(ours[measure], theirs[measure]) for ours, theirs in pairs if ours and theirs]
            ahead[measure] = difference(
                [a for a, _ in both], [b for _, b in both], generator=generator
            )
    return Summary(method, len(found), means, ahead)


def measured(row: Row, method: str) -> Mapping[str, float]:
    """The measures of a method on one image; none where it was not tried."""
    if method == CHANCE:
        return at_random(row.area, next(iter(row.overlaps.values())).share)
    overlap = row.overlaps.get(method)
    return {} if overlap is None else {name: float(getattr(overlap, name)) for name in MEASURES}


def at_random(area: float, share: float) -> Mapping[str, float]:
    """What a random mask of this area is expected to reach on a finding of this share."""
    return {
        "inside": share,
        "covered": area,
        "iou": chance_iou(area, share),
        "pointing": share,
    }


def share_of_hits(hits: Sequence[float]) -> Interval:
    """The share of ones among zeros and ones, with its exact interval.

    The bootstrap would call 20 hits of 20 certain.
    """
    count = round(sum(hits))
    mean = count / len(hits) if hits else math.nan
    return Interval(mean, *share_interval(count, len(hits)))
