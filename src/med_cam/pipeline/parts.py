"""The region of a weaker claim made smaller: without the parts that can go.

On few masked inputs, in one sweep: what is reported is judged anew, see `rung.judged`.
"""

import torch

from med_cam.pipeline.certify import side_of
from med_cam.pipeline.rung import Now, enough
from med_cam.reduction.regions import union, within
from med_cam.removal.samples import Sampled
from med_cam.verify.minimality import Mask, places, without
from med_cam.verify.random_masks import Margin

PARTS, SIDE = 24, 16  # parts of a region at most; pixels a side of a square at least
BACK = (1.0, 0.6)  # of the parts that can go on few masked inputs, those that go on more
BISECTIONS = 5  # of up to as many parts


def passes_of_pruning(on: Sampled) -> int:
    """What it takes at most."""
    return PARTS + BISECTIONS * len(on)


def pruned(now: Now, region: Mask, on: Sampled, margins: Margin, least: float = 0.0) -> list[Mask]:
    """The region without as many parts as can go, and with some of them back; the smallest first.

    Each part is left out once, on one masked input in turn: those go first that are missed least.
    The number of those that go is bisected.

    Args:
        now: where the ladder stands.
        region: that does what is claimed.
        on: masked inputs, all of which it has to do that on.
        margins: by how much masks do what is claimed.
        least: of the margin that is asked for.
    """
    parts = parts_of(now, region)
    alone = torch.cat([region & ~part for part in parts])
    turns = on[[i % len(on) for i in range(len(parts))]]
    missed = margins(alone, turns).tolist()
    order = sorted(range(len(parts)), key=lambda i: missed[i], reverse=True)

    def less(count: int) -> Mask:
        gone = [parts[i] for i in order[:count]]
        return region & ~torch.cat(gone).any(dim=0, keepdim=True) if gone else region

    low, high = 0, len(parts) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if enough(margins(less(middle), on), least):
            low = middle
        else:
            high = middle - 1
    return [less(int(share * low)) for share in BACK]


def parts_of(now: Now, region: Mask) -> list[Mask]:
    """The region in at most `PARTS` parts.

    Whole regions of the image where masks are made of them, those together that lie in one square
    by the middle one of their pixels; else squares.
    """
    side = side_of(region, now.case.config.certification.patch or SIDE, PARTS)
    regions = now.regions
    if regions is None:
        return [region & ~without(region, [place], side) for place in places(region, side)]
    together: dict[tuple[int, int], list[int]] = {}
    for unit in sorted(within(region, regions)):
        rows, columns = (regions[0, 0] == unit).nonzero(as_tuple=True)
        middle = len(rows) // 2
        place = int(rows[middle]) // side, int(columns[middle]) // side
        together.setdefault(place, []).append(unit)
    return [union(regions, units) for units in together.values()]
