"""Settings from a TOML file, and back to plain values."""

import logging
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from med_cam.config.rules import nearest
from med_cam.config.settings import Config
from med_cam.errors import ConfigError

log = logging.getLogger(__name__)

RENAMED: Mapping[str, Mapping[str, str]] = {  # by section: names before 0.2, and those of today
    "verification": {
        "backgrounds": "baselines",
        "draws": "samples",
        "unseen_draws": "unseen_samples",
        "least_gap": "minimum_effect",
        "shape_trials": "leakage_trials",
        "shape_margin": "leakage_margin",
        "stable_rate": "stability_rate",
    },
    "refinement": {"draws": "samples", "shape_trials": "leakage_trials"},
    "certification": {
        "cell": "patch",
        "most_cells": "most_patches",
        "cell_draws": "reduction_samples",
        "without": "deletion_samples",
        "hidden": "reinsertion_trials",
        "hidden_wanted": "reinsertion_wanted",
        "hidden_cell": "reinsertion_patch",
        "enlarge": "necessary_superset",
    },
}


def config_from_toml(path: Path, base: Config) -> Config:
    """The settings of a TOML file over those of `base`; tables are named as the fields are.

    Raises:
        ConfigError: if the file cannot be read, is no TOML, or holds an unknown key, a value of
            another type or one out of range.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings in {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    try:
        config: Config = overlaid(base, renewed(table))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error
    return config


def renewed(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with today's names for those of earlier versions, each with a note in the log."""
    new: dict[str, Any] = {}
    for section, values in table.items():
        names = RENAMED.get(section, {})
        old = [key for key in values if key in names] if isinstance(values, Mapping) else []
        for key in old:
            log.warning(
                "%s.%s is now %s.%s; the old name goes with the next version",
                section,
                key,
                section,
                names[key],
            )
        new[section] = {names.get(k, k): v for k, v in values.items()} if old else values
    return new


def overlaid(base: Any, table: Mapping[str, Any], section: str = "") -> Any:  # noqa: ANN401 - any section
    """`base` with the values of `table`, section by section; `base` itself is not changed."""
    known = {f.name: f for f in fields(base)}
    values = {name: getattr(base, name) for name in known}
    kinds = get_type_hints(type(base))  # without the ranges
    for key, value in table.items():
        where = f"{section}.{key}" if section else key
        if key not in known:
            reported = f" in [{section}]" if section else ""
            raise ConfigError(f"unknown key {key!r}{reported}{nearest(key, known)}")
        values[key] = fitting(values[key], value, kinds[key], where)
    return type(base)(**values)


def fitting(default: Any, value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - any TOML value
    """`value` in the type of the default it replaces; ranges are the section's to check."""
    if is_dataclass(default):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is a table, got {value!r}")
        return overlaid(default, value, where)
    if isinstance(default, tuple):
        return listed(value, get_args(kind)[0], where)
    fitted = as_float(value) if isinstance(default, float) else value
    if type(fitted) is not type(default):
        raise ConfigError(f"{where} must be of type {type(default).__name__}, got {value!r}")
    return fitted


def listed(value: Any, kind: type, where: str) -> tuple[Any, ...]:  # noqa: ANN401 - any TOML value
    """A list as a tuple of one type."""
    items = value if isinstance(value, list) else ()
    fitted = tuple(as_float(v) if kind is float else v for v in items)
    if not isinstance(value, list) or any(type(v) is not kind for v in fitted):
        raise ConfigError(f"{where} must be a list of {NAMES[kind]}, got {value!r}")
    return fitted


NAMES = {int: "whole numbers", float: "numbers", str: "names"}  # of the types in lists


def as_float(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """A whole number as a float; anything else as it is."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf  # out of every range


def as_table(config: Config) -> dict[str, Any]:
    """All settings as plain nested values, for records."""
    return asdict(config)
