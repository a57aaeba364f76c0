"""Masks of whole regions, cut from maps of scores, and which of them have the margin."""

from collections.abc import Callable, Iterator, Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from med_cam.config.settings import Refinement
from med_cam.reduction.bisection import Cut, Passes
from med_cam.reduction.ground import Ground, in_turn
from med_cam.reduction.regions import Regions, highest, union, within
from med_cam.reduction.rooms import Look
from med_cam.verify.minimality import Mask

GROWTH = 1.2  # of a mask that leaks the label: what is too much is taken away again


def cut_of(regions: Regions) -> Cut:
    """How scores are cut to a mask of whole regions."""
    return lambda scores, share: highest(scores, regions, share)


def nested(
    scores: Float[Tensor, "1 1 h w"], share: float, regions: Regions, rules: Refinement
) -> list[Mask]:
    """Masks of the regions of the highest scores from this share on, the smallest first.

    And the same with all that touch them: shifted masks need what lies around, whatever its score.
    The largest of at most half of the image is among them: what is larger says little.
    """
    masks = [highest(scores, regions, rules.large, whole=False)] if share < rules.large else []
    while share < 1.0:
        mask = highest(scores, regions, share)
        masks += [mask, surrounded(mask, regions)]
        share = share * GROWTH if share < rules.large else 1.0
    masks.append(highest(scores, regions, 1.0))
    return by_area(masks)


def by_area(masks: Sequence[Mask]) -> list[Mask]:
    """The same masks, the smallest first."""
    return sorted(masks, key=lambda mask: int(mask.sum()))


def surrounded(mask: Mask, regions: Regions) -> Mask:
    """A mask of regions with all regions that touch it."""
    near = F.max_pool2d(mask.float(), 3, stride=1, padding=1) > 0
    return union(regions, within(near, regions))


def by_few(ground: Ground) -> Passes:
    """Whether a mask has the margin on a few masked inputs, that which lost the last one first."""
    return within_margin(ground, ground.look_at_few)


def by_all(ground: Ground) -> Passes:
    """The same on all of them."""
    return within_margin(ground, ground.look)


def within_margin(ground: Ground, measured: Callable[..., Look]) -> Passes:
    """Whether a mask has the margin by such looks, each at what lost the last mask first."""
    look = in_turn(measured)
    return lambda mask: look(within(mask, ground.regions)).slack >= 0


def having_margin(masks: Sequence[Mask], ground: Ground) -> Iterator[Mask]:
    """Those of these masks that have the margin on all masked inputs, in their order."""
    return filter(by_all(ground), masks)
