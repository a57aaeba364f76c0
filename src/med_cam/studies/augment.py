"""Random views for training: small rigid changes, random masks, random backgrounds."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor


def jittered(x: Float[Tensor, "b c h w"], generator: Generator) -> Float[Tensor, "b c h w"]:
    """Rotate by up to 8 degrees, scale by 10%, shift by 5%, change contrast. Never flipped.

    Left and right mean something in medicine. `x` is in [-1, 1], with black at -1.
    """
    b = len(x)
    turn, zoom, dx, dy, gain, offset = (torch.rand(6, b, generator=generator) * 2 - 1).unbind()
    angle, scale = turn * 0.14, 1 + 0.1 * zoom
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cos, -sin, 0.1 * dx], 1), torch.stack([sin, cos, 0.1 * dy], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    moved = F.grid_sample(x + 1, grid, align_corners=False)  # zero outside, so black outside
    bright = moved * (1 + 0.2 * gain)[:, None, None, None] + 0.1 * offset[:, None, None, None]
    return bright.clamp(0, 2) - 1


def blobs(
    x: Float[Tensor, "b c h w"], shares: Float[Tensor, " b"], generator: Generator
) -> Float[Tensor, "b 1 h w"]:
    """Random smooth 0/1 masks that keep the given shares of their images.

    Each mask is a bicubic field of its own coarseness, cut at its own quantile.
    """
    masks = []
    for share in shares:
        cells = int(torch.randint(3, 13, (1,), generator=generator))
        field = torch.randn(1, 1, cells, cells, generator=generator)
        smooth = F.interpolate(field, size=x.shape[2:], mode="bicubic", align_corners=False)
        masks.append((smooth >= smooth.flatten().quantile(1 - share)).to(x))
    return torch.cat(masks)


def backgrounds(x: Float[Tensor, "b c h w"], generator: Generator) -> Float[Tensor, "b c h w"]:
    """One random background for each image of the batch, in the normalised space of `x`."""
    return torch.stack([one_background(item, generator) for item in x])


def one_background(x: Float[Tensor, "c h w"], generator: Generator) -> Float[Tensor, "c h w"]:
    """Grey, black, white, a constant, noise of several kinds, or the image's shuffled pixels."""
    kind = int(torch.randint(0, 8, (1,), generator=generator))
    if kind < 3:
        return torch.full_like(x, (0.0, -1.0, 1.0)[kind])
    if kind < 5:
        shape = (len(x) if flip(generator) else 1, 1, 1) if kind == 3 else x.shape
        return (torch.rand(shape, generator=generator) * 2 - 1).expand_as(x).to(x)
    if kind == 5:
        order = torch.randperm(x[0].numel(), generator=generator)
        return x.flatten(1)[:, order].view_as(x)
    return torch.randn(x.shape, generator=generator).to(x)  # twice as likely as the others


def flip(generator: Generator) -> bool:
    """A fair coin."""
    return bool(torch.rand(1, generator=generator) < 0.5)
