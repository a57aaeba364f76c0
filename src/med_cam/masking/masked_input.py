"""Masked inputs: what a mask shows of an image, over a baseline."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def masked_input(
    x: Float[Tensor, "#b c h w"],
    mask: Float[Tensor, "#b 1 h w"],
    baseline: Float[Tensor, "#b c h w"],
) -> Float[Tensor, "b c h w"]:
    """Keep `x` where the mask is 1 and show the baseline where it is 0 (paper section 3.2).

    Over the baseline "grey" this is the paper's e = m * x. Where the baseline is NaN, it is
    painted in from what the mask shows, see `painted_in`.
    """
    if bool(baseline.sum().isnan()):  # a tenth of what looking at every pixel costs
        baseline = torch.where(baseline.isnan(), painted_in(x, mask), baseline)
    return mask * x + (1 - mask) * baseline


def painted_in(
    x: Float[Tensor, "#b c h w"], mask: Float[Tensor, "#b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """What the mask shows, carried on smoothly into what it hides.

    Push and pull over a pyramid (Gortler et al. 1996, doi 10.1145/237170.237200): each level takes
    the mean of what is shown in the four pixels below; a pixel without any is filled from the
    level above. Zero where nothing is shown at all.
    """
    values = mask * x
    return pulled(values, mask.expand(len(values), -1, -1, -1))


def pulled(
    values: Float[Tensor, "b c h w"], weights: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """One level of the pyramid, filled from the coarser ones."""
    own = values / weights.clamp(min=1e-6)
    if max(values.shape[2:]) == 1:
        return own
    coarser = pulled(halved(values), halved(weights))
    size = values.shape[2:]
    above = F.interpolate(coarser, size=size, mode="bilinear", align_corners=False)
    share = weights.clamp(max=1.0)
    return share * own + (1 - share) * above


def halved(values: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h1 w1"]:
    """Means of four pixels; of fewer at the far edges."""
    return F.avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)
