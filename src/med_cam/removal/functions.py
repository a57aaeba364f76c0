"""Functions of torch as a mode sees them: their names and their arguments."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


def name_of(func: Callable[..., Any]) -> str:
    """The function's name, alike for torch, its methods, and the operators of programs."""
    name = str(getattr(func, "__name__", "")).partition(".")[0]
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
