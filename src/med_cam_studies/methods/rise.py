"""RISE: the mean of random masks, each weighted by what is said of the image seen through it.

After Petsiuk, Das, Saenko 2018 (arXiv 1806.07421).
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.case.counting import BATCH

MASKS = 2000  # the paper takes 4,000 for VGG-16 and 8,000 for ResNet-50
CELLS = 8  # a side of the coarse mask; the paper's 7, so that a cell is an eighth of the side
VISIBLE = 0.5  # probability that a cell is kept; the paper's


def rise(case: Case, generator: Generator, *, masks: int = MASKS) -> Float[Tensor, "1 1 h w"]:
    """The paper's equation 6: sum of p(target | x * m) m, over the masks' expected sum.

    Hidden pixels are grey, zero in the normalised space, as there. Forward passes only.
    """
    x, target = case.scene.x, case.target.index
    h, w = x.shape[2:]
    total = torch.zeros_like(x[:, :1])
    for m in random_masks(masks, h, w, generator):
        m = m.to(x)  # b 1 h w
        p = case.batched.over(m, torch.zeros_like(x))[:, target]
        total += (p[:, None, None, None] * m).sum(dim=0, keepdim=True)
    return total / (masks * VISIBLE)


def random_masks(
    count: int, h: int, w: int, generator: Generator
) -> Iterator[Float[Tensor, "b 1 h w"]]:
    """Batches of masks in [0, 1]: coarse random cells, enlarged, cut out at a random shift.

    The enlarged mask is one cell larger than the image in both directions, so that the shift
    (up to one cell) leaves no place favoured.
    """
    tall, wide = -(-h // CELLS), -(-w // CELLS)  # of a cell, rounded up
    enlarged = ((CELLS + 1) * tall, (CELLS + 1) * wide)
    for start in range(0, count, BATCH):
        batch = min(BATCH, count - start)
        cells = (torch.rand(batch, 1, CELLS, CELLS, generator=generator) < VISIBLE).float()
        smooth = F.interpolate(cells, enlarged, mode="bilinear", align_corners=False)
        down = torch.randint(0, tall, (batch,), generator=generator).tolist()
        right = torch.randint(0, wide, (batch,), generator=generator).tolist()
        moved = zip(smooth, down, right, strict=True)
        yield torch.stack([m[:, dy : dy + h, dx : dx + w] for m, dy, dx in moved])
