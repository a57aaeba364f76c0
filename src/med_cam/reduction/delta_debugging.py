"""The 1-minimal reduction: take specks away, then patches, until none can be spared.

Knows no classifier: it is handed `weigh` and `lost`. Delta debugging (Zeller and Hildebrandt 2002,
doi 10.1109/32.988498): batches of patches are tried, half as large in each pass, down to single
patches; within a pass the patches without which the prediction is retained best go first. The
result is 1-minimal: each patch that is left was tried alone and is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from med_cam.results.minimality import Patch
from med_cam.verify.minimality import Mask, Place, places, without

Weigh = Callable[[Tensor], Tensor]  # n 1 h w -> n
Lost = Callable[[Tensor, tuple[str, int] | None], tuple[str, int] | None]
EMPTY = ("sample", -1)  # where a mask without evidence fails, though no masked input shows it
Shown = dict[Place, tuple[str, int]]  # what shows that a patch is needed


@dataclass(frozen=True, slots=True)
class Pruned:
    """A mask of which no patch can be spared.

    Attributes:
        mask: what is left.
        trajectory: the masks from the start to it, each within the one before.
        patches: its patches, each with what shows that it is needed.
        tested: removals that were tried, of one patch or of several.
    """

    mask: Mask
    trajectory: tuple[Mask, ...]
    patches: tuple[Patch, ...]
    tested: int


def pruned(mask: Mask, side: int, weigh: Weigh, lost: Lost, hardest: tuple[str, int]) -> Pruned:
    """Take patches away until each that is left is needed.

    Args:
        mask: one that is sufficient.
        side: of a patch, in pixels.
        weigh: for each of some masks how well it retains the prediction over the hardest baseline;
            below 0 it is lost.
        lost: on which masked input a mask loses the prediction, or None; a masked input to try
            first is given with the mask, if one is known.
        hardest: name of the sample that `weigh` looks at.
    """
    size = max(1, len(places(mask, side)) // 2)
    trajectory, tested = [mask], 0
    shown: Shown = {}
    while True:
        patches = places(mask, side)
        weights = weigh(torch.cat([without(mask, [patch], side) for patch in patches]))
        order = [patches[i] for i in weights.argsort(descending=True, stable=True).tolist()]
        spare = int((weights >= 0).sum())
        known = shown | dict.fromkeys(order[spare:], hardest)
        smaller, tried, shown = passed_through(mask, order[:spare], side, size, lost, known)
        tested += len(patches) + tried
        if size == 1 and torch.equal(smaller, mask):
            needed = tuple(Patch(*patch, *shown[patch]) for patch in patches)
            return Pruned(mask, tuple(trajectory), needed, tested)
        trajectory += [] if torch.equal(smaller, mask) else [smaller]
        mask, size = smaller, max(1, size // 2)


def despeckled(mask: Mask, side: int, lost: Lost) -> Mask:
    """The mask without isolated specks: as many of them, the smallest first, as can be spared.

    A speck is a connected part (8-neighbourhood) of less than a quarter of a patch. All are tried
    together, then half as many, and so on.
    """
    parts, count = scipy.ndimage.label(mask[0, 0].cpu().numpy(), structure=np.ones((3, 3)))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    specks = [i for i in np.argsort(sizes[1:], kind="stable") + 1 if 4 * sizes[i] < side**2]
    while specks:
        away = torch.from_numpy(np.isin(parts, specks))[None, None].to(mask.device)
        smaller = mask & ~away
        if smaller.any() and lost(smaller, None) is None:
            return smaller
        specks = specks[: len(specks) // 2]
    return mask


def passed_through(
    mask: Mask,
    order: Sequence[Place],
    side: int,
    size: int,
    lost: Lost,
    known: Shown,
) -> tuple[Mask, int, Shown]:
    """One pass: batches of `size` patches one after the other; what can be spared is taken away.

    Batches of several patches end with the second in a row that cannot be spared: the next ones
    weigh more. What is known to show that a patch is needed is tried first, and kept up to date.
    """
    shown, tried, failed = dict(known), 0, 0
    for start in range(0, len(order), size):
        batch = order[start : start + size]
        smaller = without(mask, batch, side)
        hint = known.get(batch[0]) if size == 1 else None
        failure = lost(smaller, hint) or (None if smaller.any() else EMPTY)
        tried += 1
        if failure is None:
            mask, failed = smaller, 0
            continue
        failed += 1
        if size == 1:
            shown[batch[0]] = failure
        elif failed == 2:
            break
    return mask, tried, shown
