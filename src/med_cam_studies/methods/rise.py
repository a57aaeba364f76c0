"""RISE: the mean of random masks, each weighted by the prediction for the image masked by it.

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
COARSE = 8  # values per side of the coarse mask; the paper has 7
VISIBLE = 0.5  # probability that a value is 1; the paper's


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
    """Batches of masks in [0, 1]: coarse random values, enlarged, cut out at a random shift.

    The enlarged mask is one coarse square larger than the image in both directions, so that the
    shift (up to one square) favours no place.
    """
    tall, wide = -(-h // COARSE), -(-w // COARSE)  # of a square, rounded up
    enlarged = ((COARSE + 1) * tall, (COARSE + 1) * wide)
    for start in range(0, count, BATCH):
        batch = min(BATCH, count - start)
        coarse = (torch.rand(batch, 1, COARSE, COARSE, generator=generator) < VISIBLE).float()
        smooth = F.interpolate(coarse, enlarged, mode="bilinear", align_corners=False)
        down = torch.randint(0, tall, (batch,), generator=generator).tolist()
        right = torch.randint(0, wide, (batch,), generator=generator).tolist()
        moved = zip(smooth, down, right, strict=True)
        yield torch.stack([m[:, dy : dy + h, dx : dx + w] for m, dy, dx in moved])
