"""The rules of layer masking for maps b h w c, as networks made of Keras have them in places."""

from collections.abc import Mapping
from typing import Any

from med_cam.removal.functions import argument, name_of
from med_cam.removal.layer_rules import (
    RULES,
    Function,
    Levels,
    Rule,
    average,
    both_sides,
    euclidean,
    flattened,
    largest,
    largest_along,
    padded,
    with_least,
)
from med_cam.removal.level import Level


def flattened_last(
    levels: Levels,
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
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`average` or `largest` over both sides of a map b h w c; else nothing is known."""
    keep = bool(argument(args, given, 2, "keepdim", None))
    if not both_sides(argument(args, given, 1, "dim", None), (1, 2)):
        return func(*args, **given)
    rule = RULES[name_of(func)]
    there = (args[0].permute(0, 3, 1, 2), (2, 3), keep)
    out = rule(levels, level, func, there, {})
    return out.permute(0, 2, 3, 1) if keep else out


def largest_along_last(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`largest_along` of a map b h w c."""
    dim = argument(args, given, 1, "dim", None)
    if not isinstance(dim, int) or dim % 4 not in (1, 2):
        return func(*args, **given)
    filled = with_least(level, args[0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return func(filled, *args[1:], **given)


def euclidean_last(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`euclidean` over both sides of a map b h w c."""
    if not both_sides(argument(args, given, 2, "dim", None), (1, 2)):
        return func(*args, **given)
    order = argument(args, given, 1, "ord", given.get("p", 2))
    keep = bool(argument(args, given, 3, "keepdim", None))
    there = (args[0].permute(0, 3, 1, 2), order, (2, 3), keep)
    out = euclidean(levels, level, func, there, {})
    return out.permute(0, 2, 3, 1) if keep else out


def padded_last(
    levels: Levels,
    level: Level,
    func: Function,
    args: tuple[Any, ...],
    given: dict[str, Any],
) -> Any:  # noqa: ANN401
    """`padded` of a map b h w c, of both sides alone."""
    by = list(argument(args, given, 1, "pad", ()))
    if any(by[:2]) or any(by[6:]):  # of channels, or of images
        return func(*args, **given)
    there, rest = args[0].permute(0, 3, 1, 2), {k: v for k, v in given.items() if k != "pad"}
    out = padded(levels, level, func, (there, by[2:6], *args[2:]), rest)
    return out.permute(0, 2, 3, 1)


CHANNELS_LAST: Mapping[Rule, Rule] = {
    flattened: flattened_last,
    average: average_last,
    largest: average_last,
    largest_along: largest_along_last,
    euclidean: euclidean_last,
    padded: padded_last,
}
