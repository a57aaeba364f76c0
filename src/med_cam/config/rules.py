"""What a setting may be, as a type: its range in a test and in words.

A field of `settings.py` is declared with one of these types, and nowhere else.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, get_type_hints

from med_cam.errors import ConfigError

SEEDS = 2**32  # seeds are spread over the range of torch's generators
ATTEMPTS = 59  # with the four purposes before them, claims have 64 generators a seed


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a value may be: the test, and the words that end "must be"."""

    fits: Callable[[Any], bool]
    words: str


def refuse(section: str, settings: object) -> None:
    """Check the settings of one section, each alone, against the ranges of their types.

    Args:
        section: how a TOML file calls it; "" for the top.
        settings: a dataclass whose fields are annotated with `Allowed`.

    Raises:
        ConfigError: naming the first setting that is out of range, its value, what is allowed.
    """
    for key, allowed in ranges(type(settings)):  # type: ignore[arg-type]  # a type is hashable
        refuse_value(f"{section}.{key}" if section else key, getattr(settings, key), allowed)


def refuse_value(where: str, value: object, allowed: Allowed) -> None:
    """Check one setting.

    Raises:
        ConfigError: if it is out of range.
    """
    if not allowed.fits(value):
        raise ConfigError(f"{where} must be {allowed.words}, got {shown(value)}")


@cache
def ranges(section: type) -> tuple[tuple[str, Allowed], ...]:
    """The fields of a section that have a range, in order."""
    hints = get_type_hints(section, include_extras=True)
    found = {key: getattr(hint, "__metadata__", ()) for key, hint in hints.items()}
    return tuple((key, data[0]) for key, data in found.items() if data)


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """The end of a sentence on an unknown name: the nearest known one, or all of them."""
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def shown(value: object) -> str:
    """A value as the user wrote it: tuples are lists in TOML."""
    return repr(list(value) if isinstance(value, tuple) else value)


def is_whole(value: Any) -> bool:  # noqa: ANN401 - any setting
    """A whole number that is no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:  # noqa: ANN401 - any setting
    """A finite number that is no truth value."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(least: int, most: int | None = None) -> Allowed:
    """A whole number in a closed range, or one without an upper end."""
    end, upto = (math.inf, " or more") if most is None else (most, f" to {most}")
    return Allowed(lambda v: is_whole(v) and least <= v <= end, f"a whole number, {least}{upto}")


def above(bound: int) -> Allowed:
    """A finite number above a bound."""
    return Allowed(lambda v: is_number(v) and v > bound, f"a finite number above {bound}")


def one_of(*names: str) -> Allowed:
    """One of some names."""
    return Allowed(lambda v: isinstance(v, str) and v in names, " or ".join(map(repr, names)))


def many(each: Allowed, *, of: str, least: int = 0) -> Allowed:
    """A list, each of whose elements fits.

    Args:
        each: what an element may be.
        of: the elements in words, plural.
        least: how many there are at least.
    """

    def fits(values: Any) -> bool:  # noqa: ANN401 - any setting
        return isinstance(values, tuple) and len(values) >= least and all(map(each.fits, values))

    return Allowed(fits, f"a list of {of}{', not empty' if least else ''}")


Weight = Annotated[float, Allowed(lambda v: is_number(v) and v >= 0, "a finite number, 0 or more")]
Share = Annotated[float, Allowed(lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")]
inner = Allowed(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
Inner = Annotated[float, inner]
Part = Annotated[
    float, Allowed(lambda v: is_number(v) and 0 < v <= 1, "a number above 0, at most 1")
]
Positive = Annotated[float, above(0)]
Factor = Annotated[float, above(1)]
Switch = Annotated[bool, Allowed(lambda v: isinstance(v, bool), "true or false")]
Number = Annotated[int, whole(0)]
Count = Annotated[int, whole(1)]
Attempts = Annotated[int, whole(0, ATTEMPTS)]
Rounds = Annotated[int, whole(1, 32)]
Extra = Annotated[int, whole(0, 32)]
Seed = Annotated[int, whole(0, SEEDS - 1)]
Grid = Annotated[
    int, Allowed(lambda v: is_whole(v) and (v == 0 or v >= 4), "0 or a whole number, 4 or more")
]
Side = Annotated[
    int, Allowed(lambda v: is_whole(v) and (v == 0 or v >= 2), "0 or a whole number, 2 or more")
]
Distances = Annotated[tuple[int, ...], many(whole(1), of="whole numbers of 1 or more", least=1)]
Weights = Annotated[
    tuple[float, ...],
    many(Allowed(lambda v: is_number(v) and v >= 0, "a weight"), of="finite numbers of 0 or more"),
]
Radii = Annotated[tuple[float, ...], many(above(0), of="finite numbers above 0", least=1)]
# The U-Net normalises in groups of eight channels.
Widths = Annotated[
    tuple[int, ...],
    many(
        Allowed(lambda v: is_whole(v) and v >= 1 and (v < 8 or v % 8 == 0), "a width"),
        of="whole numbers, each 1 to 7 or a multiple of 8",
    ),
]
named = Allowed(lambda v: isinstance(v, str) and bool(v), "a name")
Names = Annotated[tuple[str, ...], many(named, of="names of baselines")]
SomeNames = Annotated[tuple[str, ...], many(named, of="names of baselines", least=1)]
Form = Annotated[str, one_of("sigmoid", "quantile")]
Distance = Annotated[str, one_of("mse", "cosine")]
Cut = Annotated[str, one_of("smallest", "threshold")]
