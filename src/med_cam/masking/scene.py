"""One prepared image and what can be painted around its evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from jaxtyping import Bool, Float
from torch import Tensor

Fill = Callable[[Tensor, Tensor, tuple[int, ...]], Tensor]


@dataclass(frozen=True, slots=True)
class Scene:
    """One prepared image and what can be painted around its evidence.

    Attributes:
        x: the image as the classifier sees it, normalised.
        valid: true where the model input shows the image, false on the padding of the "pad" rule.
        black: zero pixels, normalised.
        white: full pixels, normalised.
        others: reference images, prepared alike; may be none (n = 0).
        alike: reference images where the classifier gives every one of them the explained label,
            so that there are no others.
        feather: radius of a feathered edge, in pixels of the model input.
        fills: of the user's own, by name: images of which one is drawn, or what paints around
            masks, from contents b c h w, hard masks b 1 h w and a seed for each.
    """

    x: Float[Tensor, "1 c h w"]
    valid: Bool[Tensor, "1 1 h w"]
    black: Float[Tensor, "1 c 1 1"]
    white: Float[Tensor, "1 c 1 1"]
    others: Float[Tensor, "n c h w"]
    alike: Float[Tensor, "k c h w"] | None = None
    feather: int = 0
    fills: Mapping[str, Fill | Tensor] = field(default_factory=dict)
