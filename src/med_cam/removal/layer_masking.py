"""Layer masking: a convolutional net that looks only at what is shown, in each of its layers.

Balasubramanian and Feizi, "Towards Improved Input Masking for Convolutional Neural Networks"
(ICCV 2023, arXiv 2211.14646). The mask goes along with the activations, by their size. Here it
acts only where places are read together, whatever kind of module does that:

- a convolution or a maximum reads a map whose hidden places next to shown ones have the mean of
  their shown neighbours (3 x 3, as many rounds as it reaches), and zero beyond;
- an average, over windows or over everything, is one over what is shown; so are the statistics of
  a group normalisation;
- all that works place by place (activations, batch normalisation, 1 x 1 convolutions, sums of
  branches) is left alone: what it makes of hidden places is never read.

With everything shown each of these is what the net does by itself. Nothing here knows a net by its
name: what reads places together in another way is found out by `exactness.py`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

from med_cam.errors import ClassifierError
from med_cam.removal.functions import argument, looked_up, name_of, pair
from med_cam.removal.hidden import marked
from med_cam.removal.level import Level, Size, is_map, shown_at, size_of

Function = Callable[..., Any]


class LayerMasking(TorchFunctionMode):
    """Hidden places are left out of every sum of a convolutional network; nothing is painted.

    Within this `with`, one pass is made under a mask.

    Args:
        mask: 1 = shown.
        intruder: see `Hidden`.

    Raises:
        ClassifierError: from the pass, if a map comes from nowhere that the mask can be followed.
    """

    def __init__(self, mask: Float[Tensor, "b 1 h w"], intruder: float = 0.0) -> None:
        super().__init__()
        self.intruder = intruder
        self.followed = False  # whether any layer was
        self.levels: dict[Size, Level] = {size_of(mask): Level(mask)}

    def __torch_function__(
        self,
        func: Function,
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function gives
        """Any function of torch, of whatever the net is made: a module, a method, an operator."""
        rule, args, given = looked_up(RULES, func, args, kwargs)
        if rule is None or not is_map(args[0]):
            return func(*args, **given)
        level = self.levels.get(size_of(args[0]))
        if level is None:
            last = self.levels.get((int(args[0].shape[1]), int(args[0].shape[2])))
            if last is not None and rule in CHANNELS_LAST:
                return CHANNELS_LAST[rule](self, last, func, args, given)
            return self._unknown(func, args, given)
        self.followed = True
        out = rule(self, level, func, args, given)
        if rule not in (flattened, squeezed):  # whose map, if it is one, has other places
            self._known_as(out[0] if isinstance(out, tuple) else out, level)
        return self._marked(out)

    def refuse_unused(self) -> None:
        """Check, after the pass, that the mask had anything to work on.

        Raises:
            ClassifierError: if no layer read a map.
        """
        if not self.followed:
            raise ClassifierError(
                "layer_masking does not fit this classifier: none of its layers reads a map of "
                "the image; it is for convolutional networks"
            )

    def _unknown(self, func: Function, args: tuple[Any, ...], given: dict[str, Any]) -> Any:  # noqa: ANN401
        """A map of a size that no layer before had: single values, or the mask was lost."""
        name, (h, w) = name_of(func), size_of(args[0])
        if h * w > 1 and name in READING:
            raise ClassifierError(
                f"layer_masking does not fit this classifier: a {name} reads a map of {h} x {w}, "
                "which comes from no layer that it knows"
            )
        return func(*args, **given)

    def _known_as(self, out: object, level: Level) -> None:
        """Note what is shown of a map that was made of another."""
        if is_map(out) and size_of(out) not in self.levels:
            self.levels[size_of(out)] = Level(shown_at(level.shown, size_of(out)))

    def _marked(self, out: Any) -> Any:  # noqa: ANN401
        """What a rule made, with the intruder in its hidden places."""
        if not self.intruder or not is_map(out) or size_of(out) not in self.levels:
            return out
        return marked(out, self.levels[size_of(out)].hidden, self.intruder)


Rule = Callable[[LayerMasking, Level, Function, tuple[Any, ...], dict[str, Any]], Any]


def convolution(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A convolution over the filled map; one of single places is left alone."""
    weight = argument(args, given, 1, "weight", None)
    stride = pair(argument(args, given, 3, "stride", 1))
    dilation = pair(argument(args, given, 5, "dilation", 1))
    rounds = reach(tuple(weight.shape[-2:]), stride, dilation)
    x = level.filled(args[0], rounds) if rounds else args[0]
    return func(x, *args[1:], **given)


def maximum(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """The maximum over windows of the filled map."""
    kernel = argument(args, given, 1, "kernel_size", 1)
    stride = argument(args, given, 2, "stride", None) or kernel
    dilation = argument(args, given, 4, "dilation", 1)
    rounds = reach(pair(kernel), pair(stride), pair(dilation))
    return func(level.filled(args[0], rounds), *args[1:], **given)


def resized(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A map made larger or smaller by interpolation."""
    return func(level.filled(args[0], RESIZED), *args[1:], **given)


def average(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A mean or a sum over windows or over everything: of what is shown, at the weight of all."""
    rest = args[1:]
    whole = torch.ones_like(level.shown)
    if level.inside is not None:
        whole = whole * level.inside
    part, all_of_it = func(level.shown, *rest, **given), func(whole, *rest, **given)
    scale = torch.where(part > 0, all_of_it / part.clamp(min=1e-12), 0)
    return func(level.weighted(args[0]), *rest, **given) * scale


def largest(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """The largest value of all that is shown; zero where nothing is."""
    x: Tensor = args[0]
    lowest = torch.finfo(x.dtype).min
    out: Tensor = func(torch.where(level.shown > 0, x, lowest), *args[1:], **given)
    return torch.where(out == lowest, 0, out)


def group_norm(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """Group normalisation by mean and variance of what is shown."""
    x, groups = args[0], argument(args, given, 1, "num_groups", 1)
    weight, bias = argument(args, given, 2, "weight", None), argument(args, given, 3, "bias", None)
    grouped = x.unflatten(1, (groups, -1))  # b g c/g h w
    m = level.shown[:, None]
    n: Tensor = (m.sum(dim=(2, 3, 4), keepdim=True) * grouped.shape[2]).clamp(min=1e-12)

    def mean(values: Tensor) -> Tensor:
        kept = values * m if m.requires_grad else torch.where(m > 0, values * m, 0)
        total: Tensor = kept.sum(dim=(2, 3, 4), keepdim=True)
        return total / n

    centred = grouped - mean(grouped)
    scaled = centred * (mean(centred**2) + argument(args, given, 4, "eps", 1e-5)).rsqrt()
    out = scaled.flatten(1, 2)
    out = out if weight is None else out * weight.view(1, -1, 1, 1)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


def padded(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A map with padding around it: constant padding is the net's own, and is never filled."""
    out = func(*args, **given)
    if not is_map(out) or size_of(out) == size_of(args[0]):
        return out
    by = argument(args, given, 1, "pad", ())
    how = argument(args, given, 2, "mode", "constant") if name_of(func) == "pad" else name_of(func)
    inside = level.inside
    if how in ("constant", "constant_pad_nd"):
        known = torch.ones_like(level.shown[:1]) if inside is None else inside.to(level.shown)
        inside = F.pad(known, list(by)) > 0
        shown = F.pad(level.shown, list(by))
    else:
        shown = func(level.shown, *args[1:], **given)
    before = mode.levels.get(size_of(out))
    if before is not None and not alike(before.inside, inside):
        h, w = size_of(out)
        raise ClassifierError(
            f"layer masking cannot tell two maps of {h} x {w} apart in this network, of which "
            "only one is padded"
        )
    mode.levels[size_of(out)] = Level(shown, inside)
    return out


def flattened(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A whole map as one row of numbers, for a linear layer: zero in hidden places."""
    out = func(*args, **given)
    return func(level.weighted(args[0]), *args[1:], **given) if out.dim() == 2 else out


def squeezed(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A map of a single place without its sides: zero where nothing is shown."""
    one = size_of(args[0]) == (1, 1)
    return func(level.weighted(args[0]) if one else args[0], *args[1:], **given)


def flattened_last(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`flattened` of a map b h w c, as programs made of Keras have it."""
    out = func(*args, **given)
    if out.dim() != 2:
        return out
    weighted = level.weighted(args[0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
    return func(weighted, *args[1:], **given)


def average_last(
    mode: LayerMasking,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`average` or `largest` over both sides of a map b h w c; else nothing is known."""
    dims = argument(args, given, 1, "dim", None)
    keep = bool(argument(args, given, 2, "keepdim", None))
    if dims is None or isinstance(dims, int) or {d % 4 for d in dims} != {1, 2}:
        return func(*args, **given)
    rule = RULES[name_of(func)]
    there = (args[0].permute(0, 3, 1, 2), (2, 3), keep)
    out = rule(mode, level, func, there, {})
    return out.permute(0, 2, 3, 1) if keep else out


RESIZED = 2  # rounds that reach as far as an interpolation to another size does
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("conv2d", "convolution", "conv_transpose2d"), convolution),
    **dict.fromkeys(("max_pool2d", "_max_pool2d", "max_pool2d_with_indices"), maximum),
    **dict.fromkeys(("mean", "sum", "avg_pool2d", "adaptive_avg_pool2d"), average),
    **dict.fromkeys(("amax", "adaptive_max_pool2d"), largest),
    "group_norm": group_norm,
    **dict.fromkeys(("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"), padded),
    **dict.fromkeys(("interpolate", "upsample_nearest2d", "upsample_bilinear2d"), resized),
    **dict.fromkeys(("flatten", "view", "reshape"), flattened),
    **dict.fromkeys(("squeeze", "__getitem__"), squeezed),
}
CHANNELS_LAST: Mapping[Rule, Rule] = {
    flattened: flattened_last,
    average: average_last,
    largest: average_last,
}
READING = frozenset(  # several places at once
    name
    for name, rule in RULES.items()
    if rule in (convolution, maximum, resized, average, largest)
)


def reach(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> int:
    """How far from a shown place a window may read that is counted as shown."""
    far = (
        math.ceil(d * (k - 1) / 2) + s - 1
        for k, s, d in zip(kernel, stride, dilation, strict=True)
    )
    return max(far)


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two maps have the same padding."""
    return a is b is None or (a is not None and b is not None and torch.equal(a, b))
