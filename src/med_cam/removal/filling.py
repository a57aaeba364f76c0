"""Hidden places next to shown ones take the mean of their shown neighbours, round by round.

A round changes only the rim of what is shown. Without gradients just these places are looked up;
with gradients, to a mask that may be soft everywhere, the whole map is gone through.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import FunctionCtx

AROUND = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
CACHED = 1_000_000  # numbers that are gone through several times at little cost
OF_SIZE = {2: torch.int16, 4: torch.int32, 8: torch.int64}  # bytes of a number


@dataclass(frozen=True, slots=True)
class Rim:
    """The hidden places that one round fills, for maps of which each place is shown or hidden.

    Attributes:
        places: of each image, as numbers of its places; filled up with 0.
        near: their 3 x 3 neighbours, one after the other; beyond the map, the place itself.
        weights: what the sum of the neighbours is multiplied by; 0 where `places` is filled up.
    """

    places: Int[Tensor, "b 1 n"]
    near: Int[Tensor, "b 1 n9"]
    weights: Float[Tensor, "b 1 n"]


def rim_of(
    known: Bool[Tensor, "b 1 h w"], open_: Bool[Tensor, "b 1 h w"]
) -> tuple[Rim, Bool[Tensor, "b 1 h w"]]:
    """The places of one round, and what is known after it.

    Args:
        known: places with a value.
        open_: places that may be filled.
    """
    h, w = known.shape[2:]
    near = summed(known.float())  # how many are known
    filled = open_ & (near > 0)
    places, true = listed(filled.flatten(1))
    dy, dx = torch.tensor(AROUND, device=known.device)[..., None, None].unbind(1)  # 9 1 1
    y, x = places // w + dy, places % w + dx  # 9 b n
    on_map = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    around = torch.where(on_map, y * w + x, places).transpose(0, 1).flatten(1)  # b 9n
    weights = true / near.flatten(1).gather(1, places).clamp(min=1)
    rim = Rim(places[:, None], around[:, None], weights[:, None])
    return rim, known | filled


def listed(chosen: Bool[Tensor, "b p"]) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """The numbers of the chosen places of each image, filled up with 0, and which are such."""
    image, place = chosen.nonzero().unbind(1)
    counts = chosen.sum(dim=1)
    column = torch.arange(len(place), device=chosen.device) - (counts.cumsum(0) - counts)[image]
    places = place.new_zeros(len(chosen), int(counts.max()))
    places[image, column] = place
    return places, torch.arange(places.shape[1], device=chosen.device) < counts[:, None]


def carry_on(values: Float[Tensor, "b c h w"], rim: Rim) -> None:
    """Fill one round, in place; what it fills has to be zero before."""
    flat, size = values.flatten(2), (*values.shape[:2], -1)
    near = flat.gather(2, rim.near.expand(size)).unflatten(2, (len(AROUND), -1))
    flat.scatter_add_(2, rim.places.expand(size), near.sum(dim=2) * rim.weights.to(values))


def kept(
    x: Float[Tensor, "b c h w"], all_bits: Int[Tensor, "#b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """A new map with zero in hidden places, whatever stands there: NaN too.

    A quarter of the time of `torch.where`; it has no gradient.

    Args:
        x: the map.
        all_bits: -1, whose bits are all set, in shown places, and 0 in hidden ones; see `bits_of`.
    """
    bits = OF_SIZE[x.element_size()]
    return (x.contiguous().view(bits) & all_bits.to(bits)).view(x.dtype)


def bits_of(shown: Float[Tensor, "b 1 h w"]) -> Int[Tensor, "b 1 h w"]:
    """All bits of shown places, none of hidden ones."""
    return -(shown > 0).to(OF_SIZE[shown.element_size()])


class _Neighbours(torch.autograd.Function):
    """Sums of 3 x 3 places by rows, then by columns: the same for the gradient.

    A twentieth of the time of `F.avg_pool2d`, which looks at each window by itself.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return summed(x)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return neighbours(gradient)


def summed(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Sums of 3 x 3 places, with zeros around the map; few images at a time, which is faster."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    at_once = max(1, CACHED // x[:1].numel())
    for images, total in zip(x.split(at_once), out.split(at_once), strict=True):
        rows = images.clone()
        rows[..., 1:] += images[..., :-1]
        rows[..., :-1] += images[..., 1:]
        total.copy_(rows)
        total[..., 1:, :] += rows[..., :-1, :]
        total[..., :-1, :] += rows[..., 1:, :]
    return out


def neighbours(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """The sum of 3 x 3 places, with zeros around the map."""
    total: Tensor = _Neighbours.apply(x)  # type: ignore[no-untyped-call]
    return total
