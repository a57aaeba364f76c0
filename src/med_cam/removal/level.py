"""What a mask shows of all maps of one size, and such a map without what is hidden."""

from dataclasses import dataclass, field
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.removal.filling import Rim, bits_of, carry_on, kept, neighbours, rim_of

Size = tuple[int, int]
SMALL = 250  # places of a map that are gone through sooner than a rim of it is found


@dataclass(slots=True)
class Level:
    """What is shown of all maps of one size.

    Attributes:
        shown: 1 = shown; 0 on padding.
        inside: false on padding that the net itself has put around a map; None if there is none.
        hard: whether each place is shown or hidden, and no gradient to that is wanted.
        everything: whether nothing at all is hidden.
        rims: for each round of filling, what it fills; where `hard`.
        gains: for each round, what the sum of a place's surroundings is multiplied by; elsewhere.
        certainty: 1 where a value is known after these rounds.
        bits: of the shown places, see `kept`; where `hard`.
    """

    shown: Float[Tensor, "b 1 h w"]
    inside: Bool[Tensor, "1 1 h w"] | None = None
    hard: bool = field(init=False)
    everything: bool = field(init=False)
    rims: list[Rim] = field(default_factory=list)
    gains: list[Tensor] = field(default_factory=list)
    certainty: Tensor | None = None
    bits: Tensor | None = None

    def __post_init__(self) -> None:
        whole = self.shown == 1
        self.hard = not self.shown.requires_grad and bool((whole | (self.shown == 0)).all())
        self.everything = self.hard and bool(whole.all())

    @property
    def hidden(self) -> Bool[Tensor, "b 1 h w"]:
        """Places that are not shown; padding is neither."""
        hidden = self.shown == 0
        return hidden if self.inside is None else hidden & self.inside

    def weighted(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """The map with zero in hidden places, whatever stands there."""
        if self.everything:
            return x
        if self.shown.requires_grad:
            return x * self.shown
        if self.hard and not needs_gradient(x):
            self.bits = bits_of(self.shown) if self.bits is None else self.bits
            return kept(x, self.bits)
        return torch.where(self.shown > 0, x * self.shown, 0)

    def filled(self, x: Float[Tensor, "b c h w"], rounds: int) -> Float[Tensor, "b c h w"]:
        """The map, carried on from shown places into hidden ones by so many rounds."""
        if self.everything:
            return x
        values = self.weighted(x)
        if self.hard and not needs_gradient(x) and x.shape[2] * x.shape[3] > SMALL:
            for rim in self._rims(rounds):
                carry_on(values, rim)
        else:
            for gain in self._gains(rounds):
                values = torch.addcmul(values, gain, neighbours(values))
        return values if self.inside is None else torch.where(self.inside, values, x)

    def _rims(self, rounds: int) -> list[Rim]:
        while len(self.rims) < rounds:
            known = (self.shown if self.certainty is None else self.certainty) > 0
            open_ = ~known if self.inside is None else ~known & self.inside
            rim, after = rim_of(known, open_)
            self.rims.append(rim)
            self.certainty = after.to(self.shown)
        return self.rims[:rounds]

    def _gains(self, rounds: int) -> list[Tensor]:
        while len(self.gains) < rounds:
            known = self.shown if self.certainty is None else self.certainty
            near = neighbours(known)
            missing = 1 - known if self.inside is None else (1 - known) * self.inside
            self.gains.append(torch.where(near > 0, missing / near.clamp(min=1e-12), 0))
            self.certainty = torch.where(near > 0, known + missing, known)
        return self.gains[:rounds]


def shown_at(shown: Float[Tensor, "b 1 h w"], size: Size) -> Float[Tensor, "b 1 h1 w1"]:
    """What is shown of maps of another size: the largest value that lies in a place.

    On a GPU by rows, then by columns: torch's own gradient adds there in any order, so that the
    same seed would give another mask.
    """
    if shown.device.type == "cpu":
        return F.adaptive_max_pool2d(shown, size)
    return largest_along(largest_along(shown, 2, size[0]), 3, size[1])


def largest_along(x: Float[Tensor, "b 1 h w"], dim: int, count: int) -> Float[Tensor, "b 1 h1 w1"]:
    """The largest value in each of so many parts of a dimension, which overlap if they have to."""
    each, length = torch.arange(count, device=x.device)[:, None], x.shape[dim]
    begin, end = each * length // count, -((each + 1) * -length // count)
    longest = int((end - begin).max())
    places = torch.minimum(begin + torch.arange(longest, device=x.device), end - 1)
    parts = x.index_select(dim, places.flatten()).unflatten(dim, (count, longest))
    largest: Tensor = parts.max(dim=dim + 1).values
    return largest


def needs_gradient(x: Tensor) -> bool:
    """Whether what is made of it now will be asked for its gradient."""
    return torch.is_grad_enabled() and x.requires_grad


def is_map(x: Any) -> TypeGuard[Tensor]:  # noqa: ANN401 - whatever a function takes or gives
    """Whether this is b c h w, of numbers."""
    return isinstance(x, Tensor) and x.dim() == 4 and x.is_floating_point()


def size_of(x: Tensor) -> Size:
    """Height and width of a map."""
    return int(x.shape[-2]), int(x.shape[-1])
