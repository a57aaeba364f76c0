"""The negative control of a claim: does a smooth random mask of the same area do it as well?

A mask counts for nothing if random ones of its area do the same more often than chance allows.
With k hits among N random masks, a mask that is one more random mask stands out so far with a
probability of (1 + k) / (1 + N) at most: the rank of one among exchangeable ones (Phipson and
Smyth 2010, doi 10.2202/1544-6115.1585). It is exact for any N, so that few masks prove little.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.masking.masks import keep_most, smooth_field
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.ladder import Control
from med_cam.verify.decision import Target
from med_cam.verify.edge import edge

CELLS = 6  # values per side of the field that they are cut from: blobs of a sixth of the side
AT_ONCE = 32  # masks in memory together
FLOOR = 1e-6  # of a probability, before its logarithm

Masks = Bool[Tensor, "n 1 h w"]
Margin = Callable[[Masks, Sampled], Float[Tensor, " n"]]  # 0 and above: does what is claimed


def random_masks(
    like: Bool[Tensor, "1 1 h w"], within: Bool[Tensor, "1 1 h w"], generator: Generator
) -> Iterator[Bool[Tensor, "1 1 h w"]]:
    """Smooth random masks with as many pixels as a mask has, without end.

    Args:
        like: the mask.
        within: where they may lie; holds the mask.
        generator: on the CPU.
    """
    return smooth_masks(int(like.sum()), within, generator)


def smooth_masks(
    pixels: int, within: Bool[Tensor, "1 1 h w"], generator: Generator
) -> Iterator[Bool[Tensor, "1 1 h w"]]:
    """Smooth random masks with so many pixels, without end.

    Args:
        pixels: of each mask.
        within: where they may lie; of no fewer pixels.
        generator: on the CPU.
    """
    share = pixels / within.numel()
    while True:
        field = smooth_field(within.shape[2:], CELLS, generator).to(within.device)
        yield keep_most(torch.where(within, field, field.min() - 1), share)


def control(masks: Masks, infill: Sampled, margin: Margin) -> Control:
    """How many random masks do what is claimed of a mask of their area.

    Args:
        masks: from `random_masks`.
        infill: one sample a mask.
        margin: by how much each masked input does it.
    """
    parts = range(0, len(masks), AT_ONCE)
    margins = [margin(masks[i : i + AT_ONCE], infill[i : i + AT_ONCE]) for i in parts]
    distances = torch.cat(margins)
    hits = int((distances >= 0).sum())
    return Control(len(masks), hits, rank(hits, len(masks)), edge(distances.abs().tolist()))


def rank(hits: int, masks: int) -> float:
    """With which probability one of so many random masks stands out as far, at most."""
    return (1 + hits) / (1 + masks)


def masks_for(risk: float, hits: int = 0) -> int:
    """The fewest random masks with which so many hits still have a rank of `risk`."""
    masks = max(1, round((1 + hits) / risk) - 2)
    while rank(hits, masks) > risk + 1e-12:
        masks += 1
    return masks


def mean_score(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], infill: Sampled, target: Target
) -> float:
    """Mean log-probability of the target on a mask, over samples that all masks share."""
    p = view.over(mask, infill)[:, target.index]
    return p.double().clamp(min=FLOOR).log().mean().item()
