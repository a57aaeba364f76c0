"""What each setting may be, in a test and in words."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from med_cam.errors import ConfigError

SEEDS = 2**32  # seeds are spread over the range of torch's generators
ATTEMPTS = 59  # with the four purposes before them, claims have 64 generators a seed


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a value may be: the test, and the words that end "must be"."""

    fits: Callable[[Any], bool]
    words: str


Rules = Mapping[str, Allowed]


def refuse(section: str, settings: object, rules: Rules) -> None:
    """Check the settings of one section, each alone.

    Args:
        section: how a TOML file calls it; "" for the top.
        settings: whose attributes are checked.
        rules: for the names of the attributes.

    Raises:
        ConfigError: naming the first setting that is out of range, its value, what is allowed.
    """
    for key, allowed in rules.items():
        value = getattr(settings, key)
        if not allowed.fits(value):
            where = f"{section}.{key}" if section else key
            raise ConfigError(f"{where} must be {allowed.words}, got {shown(value)}")


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


weight = Allowed(lambda v: is_number(v) and v >= 0, "a finite number, 0 or more")
share = Allowed(lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")
inner = Allowed(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
switch = Allowed(lambda v: isinstance(v, bool), "true or false")
name = Allowed(lambda v: isinstance(v, str) and bool(v), "a name")
shifts = many(whole(1), of="whole numbers of 1 or more", least=1)
# The U-Net normalises in groups of eight channels.
width = Allowed(lambda v: is_whole(v) and v >= 1 and (v < 8 or v % 8 == 0), "a width")

OBJECTIVE: Rules = {
    "distance": one_of("mse", "cosine"),
    "layer_weights": many(weight, of="finite numbers of 0 or more"),
}

SEARCH: Rules = {
    "form": one_of("sigmoid", "quantile"),
    "steps": whole(0),
    "learning_rate": above(0),
    "widths": many(width, of="whole numbers, each 1 to 7 or a multiple of 8"),
    "transposed": switch,
    "grid": Allowed(
        lambda v: is_whole(v) and (v == 0 or v >= 4), "0 or a whole number, 4 or more"
    ),
    "masks": whole(1),
    "smallest": inner,
    "largest": inner,
    "temperature": above(0),
    "straight_from": share,
    "jitter": whole(0),
    "places": whole(0),
    "radii": many(above(0), of="finite numbers above 0", least=1),
    "maps": whole(1),
    "look_weight": weight,
}

REFINEMENT: Rules = {
    "cut": one_of("smallest", "threshold"),
    "share": share,
    "samples": whole(1),
    "leakage_trials": whole(1),
    "shifts": shifts,
    "smallest": inner,
    "rounds": whole(1),
    "growth": above(1),
    "attempts": whole(0, ATTEMPTS),
    "large": Allowed(lambda v: is_number(v) and 0 < v <= 1, "a number above 0, at most 1"),
}

VERIFICATION: Rules = {
    "baselines": many(name, of="names of backgrounds", least=1),
    "unseen": many(name, of="names of backgrounds"),
    "samples": whole(1),
    "unseen_samples": whole(1),
    "share": share,
    "minimum_effect": share,
    "leakage_trials": whole(1),
    "leakage_margin": share,
    "shifts": shifts,
    "stability_rate": share,
    "certified": inner,
    "confidence": inner,
}

CERTIFICATION: Rules = {
    "rounds": whole(1, 32),
    "patch": Allowed(
        lambda v: is_whole(v) and (v == 0 or v >= 2), "0 or a whole number, 2 or more"
    ),
    "grown": whole(0, 32),
    "most_patches": whole(0),
    "reduction_samples": whole(1),
    "pool": whole(0),
    "deletion_samples": whole(1),
    "reinsertion_trials": whole(1),
    "reinsertion_wanted": share,
    "reinsertion_patch": whole(1),
    "alternatives": whole(0),
    "necessary_superset": switch,
    "seeds": whole(1),
}

CLAIM: Rules = {"leakage_trials": whole(20)}  # fewer only for candidates

RUN: Rules = {"seed": whole(0, SEEDS - 1)}
