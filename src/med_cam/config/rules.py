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
LONG, FEW = 60, 12  # characters or digits, and elements, of a value that a message shows
ATTEMPTS = 59  # with the four purposes before them, claims have 64 generators a seed


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a value may be: the test, the words that end "must be", the reason if it is not plain.

    Every number has a lower and an upper end: a slip of the keyboard shall not run for ever.
    """

    fits: Callable[[Any], bool]
    words: str
    why: str = ""


def refuse(section: str, settings: object) -> None:
    """Check the settings of one section, each alone, against the ranges of their types.

    A list becomes a tuple, so that what was checked stays as it is.

    Args:
        section: how a TOML file calls it; "" for the top.
        settings: a dataclass whose fields are annotated with `Allowed`.

    Raises:
        ConfigError: naming the first setting that is out of range, its value, what is allowed.
    """
    for key, allowed in ranges(type(settings)):  # type: ignore[arg-type]  # a type is hashable
        if isinstance(value := getattr(settings, key), list):
            object.__setattr__(settings, key, value := tuple(value))
        refuse_value(f"{section}.{key}" if section else key, value, allowed)


def refuse_value(where: str, value: object, allowed: Allowed) -> None:
    """Check one setting.

    Raises:
        ConfigError: if it is out of range.
    """
    if not allowed.fits(value):
        raise ConfigError(f"{where} must be {allowed.words}, got {shown(value)}")


@cache
def ranges(section: Any) -> tuple[tuple[str, Allowed], ...]:  # noqa: ANN401 - a dataclass
    """What each field of a section may be, in order: its range, or a section of its own."""
    hints = get_type_hints(section, include_extras=True)
    return tuple(
        (key, hint.__metadata__[0] if hasattr(hint, "__metadata__") else section_of(hint))
        for key, hint in hints.items()
    )


def section_of(kind: type) -> Allowed:
    """A section of the settings, which has checked itself."""
    return Allowed(lambda v: isinstance(v, kind), f"a {kind.__name__} of med_cam.config.settings")


def nearest(name: str, known: Mapping[str, Any]) -> str:
    """The end of a sentence on an unknown name: the nearest known one, or all of them."""
    close = get_close_matches(name[:LONG], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def shown(value: object) -> str:
    """A value as the user wrote it, not at any length: tuples are lists in TOML."""
    if isinstance(value, tuple | list):
        more = f", ... {len(value)} in all" if len(value) > FEW else ""
        return f"[{', '.join(map(shown, value[:FEW]))}{more}]"
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, int) and abs(value) >= 10**LONG:
        return f"a whole number of more than {LONG} digits"
    text = " ".join(repr(value[: LONG + 1] if isinstance(value, str) else value).split())
    return text if len(text) <= LONG + 2 else f"{text[:LONG]}..."


def is_whole(value: Any) -> bool:  # noqa: ANN401 - any setting
    """A whole number that is no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:  # noqa: ANN401 - any setting
    """A finite number that is no truth value."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def whole(least: int, most: int, *, why: str = "") -> Allowed:
    """A whole number in a closed range.

    Args:
        least: the lower end.
        most: the upper end.
        why: the reason of the upper end.
    """
    words = f"a whole number, {least} to {most}"
    return Allowed(lambda v: is_whole(v) and least <= v <= most, words, why)


def none_or(least: int, most: int, *, why: str = "") -> Allowed:
    """Zero, which turns something off, or a whole number in a closed range."""
    words = f"0 or a whole number, {least} to {most}"
    return Allowed(lambda v: is_whole(v) and (v == 0 or least <= v <= most), words, why)


def number(least: float, most: float, *, why: str = "") -> Allowed:
    """A finite number in a closed range."""
    words = f"a number, {plain(least)} to {plain(most)}"
    return Allowed(lambda v: is_number(v) and least <= v <= most, words, why)


def plain(end: float) -> str:
    """The end of a range without an exponent."""
    return f"{end:f}".rstrip("0").rstrip(".")


def one_of(*names: str) -> Allowed:
    """One of some names."""
    return Allowed(lambda v: isinstance(v, str) and v in names, " or ".join(map(repr, names)))


def many(each: Allowed, *, least: int, most: int, of: str = "", why: str = "") -> Allowed:
    """A list, each of whose elements fits.

    Args:
        each: what an element may be.
        least: how many there are at least.
        most: how many at most.
        of: one element in words, if they are not those of its range.
        why: the reason of the upper ends.
    """

    def fits(values: Any) -> bool:  # noqa: ANN401 - any setting
        long = isinstance(values, tuple) and least <= len(values) <= most
        return long and all(map(each.fits, values))

    words = f"a list of {least} to {most}, each {of or each.words}"
    return Allowed(fits, words, why or each.why)


PASSES = "each takes passes of the classifier"
KEPT = "all are in memory at once: 0.6 GB for 1000 at 224 pixels"
REACH = "pixels of the model input"

share = number(0.0, 1.0)
Share = Annotated[float, share]
Part = Annotated[float, number(0.001, 1.0)]
Area = Annotated[float, number(0.0001, 0.9999)]
Switch = Annotated[bool, Allowed(lambda v: isinstance(v, bool), "true or false")]
Form = Annotated[str, one_of("sigmoid", "quantile")]
Distance = Annotated[str, one_of("mse", "cosine")]
Cut = Annotated[str, one_of("smallest", "threshold")]
Seed = Annotated[int, whole(0, SEEDS - 1)]

weight = number(0.0, 1e6, why="the paper's largest is 150")
Weight = Annotated[float, weight]
Weights = Annotated[tuple[float, ...], many(weight, least=0, most=1000)]

Steps = Annotated[int, whole(0, 10_000, why="the paper takes 300")]
Rate = Annotated[float, number(1e-6, 10.0)]
# The U-Net normalises in groups of eight channels.
Widths = Annotated[
    tuple[int, ...],
    many(
        Allowed(
            lambda v: is_whole(v) and 1 <= v <= 512 and (v < 8 or v % 8 == 0),
            "a whole number, 1 to 7 or a multiple of 8 up to 512",
            "the paper has 5 levels, the widest 512",
        ),
        least=0,
        most=8,
    ),
]
Grid = Annotated[int, none_or(4, 128)]
Masks = Annotated[int, whole(1, 32, why="they pass the classifier together, with gradients")]
Temperature = Annotated[float, number(0.001, 100.0)]
Jitter = Annotated[int, whole(0, 64, why=REACH)]
Places = Annotated[int, whole(0, 16, why="256 discs for each radius, all in memory at once")]
Radii = Annotated[tuple[float, ...], many(number(0.01, 2.0), least=1, most=4)]
Pull = Annotated[float, number(0.0, 1000.0)]
Starts = Annotated[int, whole(1, 10)]
Sharpness = Annotated[float, number(1.0, 100.0)]
Maps = Annotated[int, whole(1, 100, why="each is cut and tried")]

samples = whole(1, 1000, why=KEPT)
Samples = Annotated[int, samples]
Spare = Annotated[int, whole(0, 1000, why=KEPT)]
Distances = Annotated[tuple[int, ...], many(whole(1, 64, why=REACH), least=1, most=16)]
Bisections = Annotated[int, whole(1, 32, why="halvings: 32 reach any precision")]
Growth = Annotated[float, number(1.01, 10.0)]
Attempts = Annotated[int, whole(0, ATTEMPTS, why="claims have 64 generators a seed, 5 in use")]

named = Allowed(lambda v: isinstance(v, str) and bool(v), "a name of a baseline")
Names = Annotated[tuple[str, ...], many(named, least=0, most=16)]
SomeNames = Annotated[tuple[str, ...], many(named, least=1, most=16)]
bound = number(0.01, 0.999, why="0.999 takes 5,011 samples, 3 GB at 224 pixels")
Bound = Annotated[float, bound]
confidence = number(0.01, 0.999999)
Confidence = Annotated[float, confidence]

Feather = Annotated[float, number(0.001, 0.25, why="a wider edge leaves nothing whole")]

Rounds = Annotated[int, whole(1, 32, why=PASSES)]
Extra = Annotated[int, whole(0, 32, why=PASSES)]
patch = none_or(2, 1024, why=REACH)
Patch = Annotated[int, patch]
Side = Annotated[int, whole(1, 1024, why=REACH)]
Units = Annotated[str, one_of("regions", "squares")]
region = whole(4, 1024, why=REACH)
Deviations = Annotated[float, number(0.0, 20.0)]
budget = none_or(300, 100_000, why="0: no limit; a certificate and the tests alone take some 250")
Budget = Annotated[int, budget]
Patches = Annotated[int, whole(0, 2**14, why="0: any number")]
alternatives = whole(0, 50, why="a search each; disjoint masks of 2% are no more")
Alternatives = Annotated[int, alternatives]
seeds = whole(1, 50, why="a search each")
Seeds = Annotated[int, seeds]

LadderPasses = Annotated[int, none_or(50, 100_000, why=PASSES)]
Regions = Annotated[int, none_or(19, 999, why="one of 19 and the mask are 1 in 20")]
Controls = Annotated[int, whole(19, 999, why="one of 19 and the mask are 1 in 20; each is a pass")]
