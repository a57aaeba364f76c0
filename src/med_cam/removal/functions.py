"""Functions of torch as a mode sees them: their names and their arguments."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

Rule = TypeVar("Rule")


def name_of(func: Callable[..., Any]) -> str:
    """The function's name, alike for torch, its methods, and the operators of programs."""
    return shortened(str(getattr(func, "__name__", "")))


@lru_cache(maxsize=1024)  # a network calls the same few names hundreds of times a pass
def shortened(name: str) -> str:
    """A name without the overload behind a dot, and without the mark of a call in place."""
    name = name.partition(".")[0]
    return name if name.startswith("__") else name.rstrip("_")


def argument(
    args: tuple[Any, ...],
    given: Mapping[str, Any],
    place: int,
    name: str,
    default: Any,  # noqa: ANN401 - as the function takes it
) -> Any:  # noqa: ANN401
    """An argument of a function, by place or by name."""
    return args[place] if len(args) > place else given.get(name, default)


def looked_up(
    rules: Mapping[str, Rule],
    func: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any] | None,
) -> tuple[Rule | None, tuple[Any, ...], dict[str, Any]]:
    """The rule for a function that is called, if there is one, and its arguments.

    An input that was given by name is in its place. What has none has no rule.
    """
    rule = rules.get(name_of(func))
    if rule is None:
        return None, args, dict(kwargs or {})
    args, given = placed(args, kwargs)
    return rule if args else None, args, given


def placed(
    args: tuple[Any, ...], kwargs: Mapping[str, Any] | None
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments, with an input that was given by name in its place."""
    given = dict(kwargs or {})
    if not args and "input" in given:
        return (given.pop("input"),), given
    return args, given


def pair(value: Any) -> tuple[int, ...]:  # noqa: ANN401 - a number, or a list of one or two
    """Two numbers, as torch reads them."""
    values = tuple(value) if isinstance(value, Iterable) else (value,)
    return values * 2 if len(values) == 1 else values
