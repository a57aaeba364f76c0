"""How often two versions of a classifier differ on the same images."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import mean, median

from med_cam.report.wording import percent
from med_cam_studies.evaluation.paired import Paired as Rightness, paired as rightness
from med_cam_studies.report.blocks import share
from med_cam_studies.report.tables import NONE, Table
from med_cam_studies.versions.pairs import Pair


def right_and_wrong(pairs: Sequence[Pair]) -> Rightness:
    """Of the images with a known label, how many each version predicts rightly."""
    return rightness(pair.right for pair in pairs if pair.right is not None)


def changes(pairs: Sequence[Pair]) -> Mapping[str, str]:
    """The main numbers, each with its denominator."""
    n = len(pairs)
    gained = sum(pair.test_changed and pair.after.small for pair in pairs)
    lost = sum(pair.test_changed and pair.before.small for pair in pairs)
    return {
        "Another label is explained": share(sum(p.label_changed for p in pairs), n),
        "A small region was sufficient, and none is now": share(lost, n),
        "A small region is sufficient, and none was before": share(gained, n),
        "Area, where both are sufficient": _areas(pairs),
        "IoU of the masks, where both are sufficient": _overlaps(pairs),
    }


def rightness_facts(found: Rightness) -> Mapping[str, str]:
    """Accuracy of both, and McNemar's exact p."""
    n = found.images
    return {
        "Right before": share(found.both + found.first, n),
        "Right after": share(found.both + found.second, n),
        "Right before only": f"{found.first} of {n}",
        "Right after only": f"{found.second} of {n}",
        "McNemar, exact, two-sided": f"p = {_p(found.p)}, {found.first + found.second} images "
        "that only one of them predicts rightly",
    }


def verdicts(pairs: Sequence[Pair]) -> Table:
    """How many images went from which verdict to which."""
    counts = Counter((pair.before.verdict, pair.after.verdict) for pair in pairs)
    rows = [(*words, f"{count} of {len(pairs)}") for words, count in counts.most_common()]
    return Table(("before", "after", "images"), tuple(rows))


def labels(pairs: Sequence[Pair]) -> Table:
    """How many images went from which label to which."""
    counts = Counter((p.before.label, p.after.label) for p in pairs if p.label_changed)
    rows = [(*words, f"{count} of {len(pairs)}") for words, count in counts.most_common()]
    return Table(("before", "after", "images"), tuple(rows))


def _areas(pairs: Sequence[Pair]) -> str:
    both = [pair for pair in pairs if pair.before.verified and pair.after.verified]
    if not both:
        return NONE
    before, after = (median(getattr(p, s).area for p in both) for s in ("before", "after"))
    return f"median {percent(before)} before, {percent(after)} after, of {len(both)} images"


def _overlaps(pairs: Sequence[Pair]) -> str:
    found = [pair.iou for pair in pairs if not math.isnan(pair.iou)]
    return f"mean {mean(found):.2f}, of {len(found)} images" if found else NONE


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"
