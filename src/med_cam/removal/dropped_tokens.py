"""Dropped tokens: a vision transformer for which hidden patches are not there.

Jain et al., "Missingness Bias in Model Debugging" (ICLR 2022, arXiv 2204.08945). A patch of which
the mask shows at least half is shown; its hidden pixels have the mean of its shown ones. All other
patches are no tokens for the rest: no attention has them among its keys, no mean over tokens
counts them. Class tokens and registers stand before the patches and stay. Positions are those of
the whole image. With everything shown that is what the network does by itself.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

from med_cam.errors import ClassifierError
from med_cam.removal.functions import argument, looked_up, pair
from med_cam.removal.hidden import marked

Function = Callable[..., Any]
HALF = 0.5  # of a patch; from there on it is shown
MOST_BEFORE = 32  # class tokens and registers
LEAST = 1e-4  # weight of a hidden token where a gradient is wanted: at 0 it would have none


class DroppedTokens(TorchFunctionMode):
    """Hidden patches are no tokens of a vision transformer; nothing is painted over them.

    Within this `with`, one pass is made under a mask.

    Args:
        mask: 1 = shown.
        intruder: see `Hidden`.
    """

    def __init__(self, mask: Float[Tensor, "b 1 h w"], intruder: float = 0.0) -> None:
        super().__init__()
        self.mask = mask
        self.intruder = intruder
        self.shown: Float[Tensor, "b n"] | None = None  # of the patches, once they are embedded
        self.dropped = False  # whether any layer left tokens out

    def __torch_function__(
        self,
        func: Function,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """Any function of torch, of whatever the network is made."""
        rule, args, given = looked_up(RULES, func, args, kwargs)
        if rule is None or not isinstance(args[0], Tensor):
            return func(*args, **given)
        return rule(self, func, args, given)

    def refuse_unused(self) -> None:
        """Check, after the pass, that the network is made of tokens.

        Where an answer hardly depends on the image, its exactness would not tell.

        Raises:
            ClassifierError: if no layer left a token out.
        """
        if not self.dropped:
            raise ClassifierError(
                "dropped_tokens does not fit this classifier: none of its layers takes patches of "
                "the image as tokens; it is for vision transformers"
            )

    def weights(self, tokens: int, images: int) -> Float[Tensor, "b n"] | None:
        """How far each of so many tokens is shown, the patches last; None if they are others."""
        shown = self.shown
        if shown is None or not 0 <= tokens - shown.shape[1] <= MOST_BEFORE:
            return None
        self.dropped = True
        every = F.pad(shown, (tokens - shown.shape[1], 0), value=1.0)
        return every.expand(images, -1) if len(every) == 1 else every

    def bias(self, weights: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """What is added to the scores of keys: minus infinity for those that are hidden."""
        return (weights + LEAST if weights.requires_grad else weights).log()


def embedded(
    mode: DroppedTokens, func: Function, args: tuple[Any, ...], given: dict[str, Any]
) -> Any:  # noqa: ANN401
    """The convolution that cuts the image into patches and embeds each of them."""
    x, weight = args[0], argument(args, given, 1, "weight", None)
    side, kernel = pair(argument(args, given, 3, "stride", 1)), tuple(weight.shape[-2:])
    cuts = kernel == side != (1, 1)
    if mode.shown is not None or not cuts or x.shape[-2:] != mode.mask.shape[-2:]:
        return func(*args, **given)
    covered = F.avg_pool2d(mode.mask, side)  # b 1 h/p w/p
    mode.shown = decided(covered, soft=mode.mask).flatten(1)
    out: Tensor = func(painted_even(x, mode.mask, covered), *args[1:], **given)
    if mode.intruder:
        out = marked(out, mode.shown.view_as(covered) == 0, mode.intruder)
    return out


def decided(
    covered: Float[Tensor, "b 1 h w"], soft: Float[Tensor, "b 1 _ _"]
) -> Float[Tensor, "b 1 h w"]:
    """Which patches are shown: 0 or 1; of a soft mask, how far.

    With a gradient to a mask of zeros and ones it is the gradient of what is covered.
    """
    hard = (covered >= HALF).to(covered)
    if not soft.requires_grad:
        return hard
    is_hard = bool(((soft == 0) | (soft == 1)).all())
    return hard + covered - covered.detach() if is_hard else covered


def painted_even(
    x: Float[Tensor, "b c h w"],
    mask: Float[Tensor, "#b 1 h w"],
    covered: Float[Tensor, "#b 1 h1 w1"],
) -> Float[Tensor, "b c h w"]:
    """Each shown patch with the mean of its shown pixels in its hidden ones.

    Others stay as they are: nothing reads them, and a gradient has to know what they hold.
    """
    kept = x * mask if mask.requires_grad else torch.where(mask > 0, x * mask, 0)
    side = (x.shape[-2] // covered.shape[-2], x.shape[-1] // covered.shape[-1])
    mean, size = F.avg_pool2d(kept, side) / covered.clamp(min=1e-6), x.shape[-2:]
    painted = kept + (1 - mask) * raised(mean, side, size)
    return torch.where(raised(covered, side, size) >= HALF, painted, x)


def raised(
    values: Float[Tensor, "b c h1 w1"], side: tuple[int, int], size: Sequence[int]
) -> Float[Tensor, "b c h w"]:
    """One value a patch for all its pixels; zero for those beyond the last whole patch."""
    pixels = values.repeat_interleave(side[0], dim=2).repeat_interleave(side[1], dim=3)
    return F.pad(pixels, (0, size[1] - pixels.shape[3], 0, size[0] - pixels.shape[2]))


def attention(
    mode: DroppedTokens, func: Function, args: tuple[Any, ...], given: dict[str, Any]
) -> Any:  # noqa: ANN401
    """Scaled dot products: hidden tokens are no keys."""
    query, key = args[0], args[1] if len(args) > 1 else given["key"]
    weights = mode.weights(key.shape[-2], len(query))
    if weights is None:
        return func(*args, **given)
    before = argument(args, given, 3, "attn_mask", None)
    added = spread(mode.bias(weights), query)
    if before is not None and before.dtype == torch.bool:
        before = torch.zeros_like(before, dtype=query.dtype).masked_fill(~before, -torch.inf)
    places = ("dropout_p", "is_causal", "scale")
    rest = {**given, **dict(zip(places, args[4:], strict=False))}
    rest["attn_mask"] = added if before is None else before + added
    out = func(query, key, argument(args, rest, 2, "value", None), **without(rest, "key", "value"))
    return torch.where(spread(weights, query).amax(dim=-1, keepdim=True) > 0, out, 0)


def without(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Arguments without some of them."""
    return {name: value for name, value in given.items() if name not in names}


def softmax(
    mode: DroppedTokens, func: Function, args: tuple[Any, ...], given: dict[str, Any]
) -> Any:  # noqa: ANN401
    """The weights of keys, where attention is written out."""
    scores: Tensor = args[0]
    last = argument(args, given, 1, "dim", None) in (-1, scores.dim() - 1)
    weights = mode.weights(scores.shape[-1], len(scores)) if last and scores.dim() > 2 else None
    if weights is None:
        return func(*args, **given)
    out = func(scores + spread(mode.bias(weights), scores), *args[1:], **given)
    return torch.where(spread(weights, scores).amax(dim=-1, keepdim=True) > 0, out, 0)


def heads(
    mode: DroppedTokens, func: Function, args: tuple[Any, ...], given: dict[str, Any]
) -> Any:  # noqa: ANN401
    """`F.multi_head_attention_forward`, whose tokens come first: n b d."""
    weights = mode.weights(args[1].shape[0], args[1].shape[1])
    if weights is None or given.get("key_padding_mask") is not None or len(args) > KEY_PADDING:
        return func(*args, **given)
    out, read = func(*args, **{**given, "key_padding_mask": mode.bias(weights)})
    return torch.where(weights.amax(dim=1)[None, :, None] > 0, out, 0), read


def average(
    mode: DroppedTokens, func: Function, args: tuple[Any, ...], given: dict[str, Any]
) -> Any:  # noqa: ANN401
    """A mean or a sum over tokens b n d: of those that are shown, at the weight of all."""
    x: Tensor = args[0]
    dim = argument(args, given, 1, "dim", None)
    over = x.dim() == 3 and dim in (1, -2, (1,), (-2,), [1], [-2])
    weights = mode.weights(x.shape[1], len(x)) if over else None
    if weights is None:
        return func(*args, **given)
    w, rest = weights[..., None], args[1:]
    part, whole = func(w, *rest, **given), func(torch.ones_like(w), *rest, **given)
    kept = x * w if w.requires_grad else torch.where(w > 0, x, 0)
    return func(kept, *rest, **given) * torch.where(part > 0, whole / part.clamp(min=1e-6), 0)


def spread(values: Float[Tensor, "b n"], scores: Tensor) -> Tensor:
    """One value a key, for scores b ... q n."""
    if len(scores) != len(values):  # heads are counted as images
        values = values.repeat_interleave(len(scores) // len(values), dim=0)
    return values.view(len(values), *[1] * (scores.dim() - 2), -1)


KEY_PADDING = 14  # place of that argument, which torch gives by name
Rule = Callable[[DroppedTokens, Function, tuple[Any, ...], dict[str, Any]], Any]
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("conv2d", "convolution"), embedded),
    "scaled_dot_product_attention": attention,
    "softmax": softmax,
    "multi_head_attention_forward": heads,
    **dict.fromkeys(("mean", "sum"), average),
}
