"""Regions of a mask put together until each part is shown to be needed.

A mask that keeps a margin can spare a little anywhere: without one small region the prediction may
be nearer to being lost, and lost on no sample. Then it is said of that region and its neighbour
together. So "removing any of the parts loses the prediction" holds of every part that is drawn;
where less is shown, parts are larger. Knows no classifier.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from med_cam.reduction.regions import Regions

Units = frozenset[int]
Witness = Callable[[Units], int | None]
Part = tuple[Units, int | None]  # regions, and the place of the masked input that is the witness


def merged(
    first: Sequence[Units], borders: Mapping[tuple[int, int], int], witness: Witness
) -> list[Part]:
    """The parts of a mask, each with what shows that it is needed; the last resort is one part.

    One without a witness joins the part that it has the longest border with.

    Args:
        first: the parts to begin with, disjoint; together all regions of the mask.
        borders: pixels of border between two regions, from `borders_of`.
        witness: on which masked input a mask without some regions loses the prediction, by its
            place in the trial; None if on none that was tried.
    """
    parts = {part: witness(part) for part in first}
    while len(parts) > 1 and None in parts.values():
        alone = next(part for part, shown in parts.items() if shown is None)
        other = max((p for p in parts if p != alone), key=lambda p: border(alone, p, borders))
        del parts[alone], parts[other]
        parts[alone | other] = witness(alone | other)
    return sorted(parts.items(), key=lambda part: min(part[0]))


def border(one: Units, other: Units, borders: Mapping[tuple[int, int], int]) -> tuple[int, int]:
    """Pixels of border between two parts; of those without any, the nearer in number comes first.

    Superpixels are numbered row by row, so that a near number is a near place.
    """
    shared = sum(borders.get((min(a, b), max(a, b)), 0) for a in one for b in other)
    return shared, -min(abs(a - b) for a in one for b in other)


def borders_of(regions: Regions) -> Mapping[tuple[int, int], int]:
    """How many pairs of pixels side by side lie in two regions, the lower number first."""
    labels = regions[0, 0].cpu()
    pairs = [
        *touching(labels[:, :-1], labels[:, 1:]),
        *touching(labels[:-1], labels[1:]),
    ]
    return Counter(pairs)


def neighbours(borders: Mapping[tuple[int, int], int]) -> Mapping[int, Units]:
    """The regions that have a border with each."""
    pairs = [*borders, *((b, a) for a, b in borders)]
    return {one: Units(b for a, b in pairs if a == one) for one, _ in pairs}


def touching(one: Tensor, other: Tensor) -> list[tuple[int, int]]:
    """The labels of neighbouring pixels that differ, the lower one first."""
    apart = one != other
    pairs = torch.stack([one[apart], other[apart]], dim=1).sort(dim=1).values
    return [(a, b) for a, b in pairs.tolist() if a]
