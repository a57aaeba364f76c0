"""Random views for training: rigid changes, colour, random masks over random baselines."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.masking.masks import smooth_field
from med_cam_studies.training.recipes import Recipe

TURN = 0.14  # radians, 8 degrees


def jittered(
    x: Float[Tensor, "b c h w"], generator: Generator, *, zoom: float = 0.1
) -> Float[Tensor, "b c h w"]:
    """Rotate by up to 8 degrees, scale, shift by 5%, change contrast. Never flipped.

    `x` is in [-1, 1], with black at -1; what comes in from outside is black.
    """
    samples = torch.rand(6, len(x), generator=generator).to(x) * 2 - 1
    turn, scaling, dx, dy, gain, offset = samples.unbind()
    angle, scale = turn * TURN, 1 + zoom * scaling
    cos, sin = angle.cos() * scale, angle.sin() * scale
    rows = [torch.stack([cos, -sin, 0.1 * dx], 1), torch.stack([sin, cos, 0.1 * dy], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    moved = F.grid_sample(x + 1, grid, align_corners=False)  # zero outside, so black outside
    bright = moved * (1 + 0.2 * gain)[:, None, None, None] + 0.1 * offset[:, None, None, None]
    return bright.clamp(0, 2) - 1


def turned(
    x: Float[Tensor, "b c n n"], turns: str, generator: Generator
) -> Float[Tensor, "b c n n"]:
    """Each image in one of the positions that mean the same.

    Args:
        x: square images.
        turns: "none"; "mirror", left for right; "dihedral", any of the square's eight.
        generator: on the CPU.
    """
    if turns == "none":
        return x
    chosen = torch.randint(8, (len(x),), generator=generator).tolist()
    return torch.stack([position(item, n, turns) for item, n in zip(x, chosen, strict=True)])


def position(x: Float[Tensor, "c n n"], number: int, turns: str) -> Float[Tensor, "c n n"]:
    """One of the positions, by a number from 0 to 7."""
    mirrored = x.flip(2) if number % 2 else x
    return mirrored if turns == "mirror" else mirrored.rot90(number // 2, (1, 2))


def coloured(
    x: Float[Tensor, "b c h w"], most: float, generator: Generator
) -> Float[Tensor, "b c h w"]:
    """Each channel brighter or darker by at most that share; `x` is in [-1, 1], black at -1."""
    if most == 0:
        return x
    gain = 1 + most * (torch.rand(*x.shape[:2], 1, 1, generator=generator).to(x) * 2 - 1)
    return ((x + 1) * gain).clamp(0, 2) - 1


def normalised(unit: Float[Tensor, "b c h w"], recipe: Recipe) -> Float[Tensor, "b d h w"]:
    """From [-1, 1] to the space of the recipe's mean and std; grey becomes three channels."""
    mean, std = (unit.new_tensor(v).view(1, -1, 1, 1) for v in (recipe.mean, recipe.std))
    return ((unit + 1) / 2 - mean) / std


def batch_of_views(
    x: Float[Tensor, "b c h w"], target: Float[Tensor, "b k"], recipe: Recipe, generator: Generator
) -> tuple[Float[Tensor, "b c h w"], Float[Tensor, "b k"]]:
    """The last images of the batch seen in part, or not at all.

    The label of a masked image stays what it is: trained so, the classifier's output is
    p(class | what is visible), whatever the baseline, and the prior where nothing is visible.
    """
    x, target = x.clone(), target.clone()
    hidden = recipe.masked + recipe.empty
    if hidden == 0 or len(x) <= hidden:
        return x, target
    part = x[-hidden:]
    mask = blobs(part, shares(len(part), recipe, generator), generator)
    mask[len(mask) - recipe.empty :] = 0
    x[-hidden:] = mask * part + (1 - mask) * baselines(part, recipe, generator)
    target[len(target) - recipe.empty :] = 1 / target.shape[1]
    return x, target


def shares(count: int, recipe: Recipe, generator: Generator) -> Float[Tensor, " b"]:
    """Which share of each masked image is visible."""
    u = torch.rand(count, generator=generator)
    low, high = recipe.smallest_share, recipe.largest_share
    return low + (high - low) * u if recipe.uniform_share else low * (high / low) ** u


def blobs(
    x: Float[Tensor, "b c h w"], shares: Float[Tensor, " b"], generator: Generator
) -> Float[Tensor, "b 1 h w"]:
    """Random smooth 0/1 masks that show the given shares of their images.

    Each mask is a bicubic field of its own coarseness, cut at its own quantile.
    """
    masks = []
    for share in shares:
        side = int(torch.randint(3, 13, (1,), generator=generator))
        smooth = smooth_field(x.shape[2:], side, generator)
        masks.append((smooth >= smooth.flatten().quantile(1 - share)).to(x))
    return torch.cat(masks)


def baselines(
    x: Float[Tensor, "b c h w"], recipe: Recipe, generator: Generator
) -> Float[Tensor, "b c h w"]:
    """One random baseline for each image of the batch, in the normalised space of `x`."""
    ends = torch.tensor([-1.0, 1.0])[:, None, None, None].expand(-1, x.shape[1], -1, -1)
    black, white = normalised(ends, recipe).to(x)
    return torch.stack([one_baseline(item, black, white, generator) for item in x])


def one_baseline(
    x: Float[Tensor, "c h w"],
    black: Float[Tensor, "c 1 1"],
    white: Float[Tensor, "c 1 1"],
    generator: Generator,
) -> Float[Tensor, "c h w"]:
    """Grey, black, white, a constant, noise of several kinds, or the image's shuffled pixels."""
    kind = int(torch.randint(0, 8, (1,), generator=generator))
    if kind < 3:
        return (torch.zeros_like(black), black, white)[kind].expand_as(x)
    if kind < 5:
        shape = (len(x) if flip(generator) else 1, 1, 1) if kind == 3 else x.shape
        return (black + (white - black) * torch.rand(shape, generator=generator).to(x)).expand_as(
            x
        )
    if kind == 5:
        order = torch.randperm(x[0].numel(), generator=generator).to(x.device)
        return x.flatten(1)[:, order].view_as(x)
    return torch.randn(x.shape, generator=generator).to(x)  # twice as likely as the others


def flip(generator: Generator) -> bool:
    """A fair coin."""
    return bool(torch.rand(1, generator=generator) < 0.5)
