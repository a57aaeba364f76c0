"""What layer masking makes of each function of torch that reads several places of a map together.

A rule is given what is shown of the map, the function, and its arguments; it gives what the
function gives for the map without what is hidden: with everything shown, what it gives by itself.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from med_cam.errors import ClassifierError
from med_cam.removal.functions import argument, name_of, pair
from med_cam.removal.level import Level, Size, is_map, size_of

Function = Callable[..., Any]
Levels = dict[Size, Level]  # of the maps that are known, by their size
Rule = Callable[[Levels, Level, Function, tuple[Any, ...], dict[str, Any]], Any]


def convolution(
    levels: Levels,
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
    levels: Levels,
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
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A map made larger or smaller by interpolation."""
    return func(level.filled(args[0], RESIZED), *args[1:], **given)


def average(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A mean or a sum over windows or over everything: of what is shown, at the weight of all."""
    rest = args[1:]
    scale = weight_of_all(level, lambda shown: func(shown, *rest, **given))
    return func(level.weighted(args[0]), *rest, **given) * scale


def weight_of_all(level: Level, summed: Callable[[Tensor], Tensor]) -> Tensor:
    """What sums of what is shown are multiplied by to weigh as those of all; zero of nothing."""
    whole = torch.ones_like(level.shown)
    if level.inside is not None:
        whole = whole * level.inside
    part, all_of_it = summed(level.shown), summed(whole)
    return torch.where(part > 0, all_of_it / part.clamp(min=1e-12), 0)


def largest(
    levels: Levels,
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


def largest_along(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`largest` along one side, as programs made of ONNX go through both sides in turn."""
    dim = argument(args, given, 1, "dim", None)
    if not isinstance(dim, int) or dim % 4 not in (2, 3):
        return func(*args, **given)
    return func(with_least(level, args[0]), *args[1:], **given)


def with_least(level: Level, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """The map with the least shown value in hidden places, zero where nothing is shown.

    No maximum along a side, nor one of such maxima, is less or more by it than what is shown.
    """
    shown, most = level.shown > 0, torch.finfo(x.dtype).max
    least = torch.where(shown, x, most).amin(dim=(2, 3), keepdim=True)
    return torch.where(shown, x, torch.where(least == most, 0, least))


def euclidean(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A Euclidean norm over both sides: of what is shown, at the weight of all (ConvNeXt V2)."""
    order = argument(args, given, 1, "ord", given.get("p", 2))
    dims = argument(args, given, 2, "dim", None)
    if order not in (2, "fro", None) or not both_sides(dims, (2, 3)):
        return func(*args, **given)
    keep = bool(argument(args, given, 3, "keepdim", None))
    out: Tensor = torch.linalg.vector_norm(level.weighted(args[0]), 2, (2, 3), keepdim=True)
    out = out * weight_of_all(level, lambda shown: shown.sum(dim=(2, 3), keepdim=True)).sqrt()
    return out if keep else out[:, :, 0, 0]


def group_norm(
    levels: Levels,
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


def instance_norm(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """Instance normalisation: each channel is a group; by saved statistics it is left alone."""
    if not argument(args, given, 5, "use_input_stats", 1):
        return func(*args, **given)
    scale, shift = (argument(args, given, i, n, None) for i, n in ((3, "weight"), (4, "bias")))
    eps = argument(args, given, 7, "eps", 1e-5)
    its = (args[0], args[0].shape[1], scale, shift, eps)
    return group_norm(levels, level, F.group_norm, its, {})


def padded(
    levels: Levels,
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
    before = levels.get(size_of(out))
    if before is not None and not alike(before.inside, inside):
        h, w = size_of(out)
        raise ClassifierError(
            f"layer masking cannot tell two maps of {h} x {w} apart in this network, of which "
            "only one is padded"
        )
    levels[size_of(out)] = Level(shown, inside)
    return out


def flattened(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A whole map as one row of numbers, for a linear layer: zero in hidden places."""
    out = func(*args, **given)
    return func(level.weighted(args[0]), *args[1:], **given) if out.dim() == 2 else out


def squeezed(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """A map of a single place without its sides: zero where nothing is shown."""
    one = size_of(args[0]) == (1, 1)
    return func(level.weighted(args[0]) if one else args[0], *args[1:], **given)


RESIZED = 2  # rounds that reach as far as an interpolation to another size does
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("conv2d", "convolution", "conv_transpose2d"), convolution),
    **dict.fromkeys(("max_pool2d", "_max_pool2d", "max_pool2d_with_indices"), maximum),
    **dict.fromkeys(("mean", "sum", "avg_pool2d", "adaptive_avg_pool2d"), average),
    **dict.fromkeys(("amax", "adaptive_max_pool2d"), largest),
    "max": largest_along,
    **dict.fromkeys(("norm", "vector_norm", "linalg_vector_norm"), euclidean),
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    **dict.fromkeys(("pad", "constant_pad_nd", "reflection_pad2d", "replication_pad2d"), padded),
    **dict.fromkeys(("interpolate", "upsample_nearest2d", "upsample_bilinear2d"), resized),
    **dict.fromkeys(("flatten", "view", "reshape"), flattened),
    **dict.fromkeys(("squeeze", "__getitem__"), squeezed),
}
READING = frozenset(  # several places at once
    name
    for name, rule in RULES.items()
    if rule in (convolution, maximum, resized, average, largest, euclidean)
)


def reach(kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> int:
    """How far from a shown place a window may read that is counted as shown."""
    far = (
        math.ceil(d * (k - 1) / 2) + s - 1
        for k, s, d in zip(kernel, stride, dilation, strict=True)
    )
    return max(far)


def both_sides(dims: Any, sides: tuple[int, int]) -> bool:  # noqa: ANN401 - as functions take it
    """Whether these dimensions of four are both sides of a map."""
    return isinstance(dims, Iterable) and {d % 4 for d in dims} == {*sides}


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether two maps have the same padding."""
    return a is b is None or (a is not None and b is not None and torch.equal(a, b))
