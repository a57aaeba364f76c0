"""Settings from a TOML file, and back to plain values."""

import logging
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from med_cam.config.given import refuse_other
from med_cam.config.rules import nearest, ranges, refuse_value, shown
from med_cam.config.settings import Config
from med_cam.errors import ConfigError

log = logging.getLogger(__name__)

A_CONFIG = "a Config, as preset or config_from_toml gives it"
MOST = 2**20  # bytes of a settings file; all of them written out take 3,000

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


def config_from_toml(path: str | Path, base: Config) -> Config:
    """The settings of a TOML file over those of `base`; tables are named as the fields are.

    Raises:
        ConfigError: if the file cannot be read, is no TOML, or holds an unknown key, a value of
            another type or one out of range.
    """
    refuse_other("path", path, (str, Path), "the path of a TOML file")
    refuse_other("base", base, Config, A_CONFIG)
    path = Path(path)
    table = toml_table(path, "settings", most=MOST)
    try:
        config: Config = overlaid(base, renewed(table))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error
    return config


def toml_table(path: Path, noun: str, *, most: int) -> dict[str, Any]:
    """The table in a TOML file.

    Args:
        path: of the file.
        noun: what the file holds, in words.
        most: bytes; a larger file is not read.

    Raises:
        ConfigError: if it cannot be read, is too large, or no TOML.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"there is no {noun} file {path}; check the path")
        if (size := path.stat().st_size) > most:
            raise ConfigError(f"{path} has {size:,} bytes, more than the {most:,} of {noun}")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    except (OSError, ValueError) as error:  # no text, or a number of thousands of digits
        raise ConfigError(f"cannot read the {noun} in {path}: {error}") from error
    except RecursionError as error:
        raise ConfigError(f"{path} has lists or tables too deep in each other") from error


def renewed(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table with today's names for those of earlier versions, each with a note in the log.

    Raises:
        ConfigError: if a setting is given under both names.
    """
    new: dict[str, Any] = {}
    for section, values in table.items():
        names = RENAMED.get(section, {})
        old = [key for key in values if key in names] if isinstance(values, Mapping) else []
        for key in old:
            if names[key] in values:
                raise ConfigError(
                    f"{section}.{key} and {section}.{names[key]} are one setting; give it once"
                )
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
    kinds, allowed = get_type_hints(type(base)), dict(ranges(type(base)))  # type: ignore[arg-type]
    for key, value in table.items():
        where = f"{section}.{key}" if section else key
        if key not in known:
            reported = f" in [{section}]" if section else ""
            raise ConfigError(f"unknown key {shown(key)}{reported}{nearest(key, known)}")
        values[key] = fitting(values[key], value, kinds[key], where)
        refuse_value(where, values[key], allowed[key])
    return type(base)(**values)


def fitting(default: Any, value: Any, kind: Any, where: str) -> Any:  # noqa: ANN401 - any TOML value
    """`value` as the default that it replaces would be written."""
    if is_dataclass(default):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where} is a table, got {shown(value)}")
        return overlaid(default, value, where)
    if isinstance(default, tuple) and isinstance(value, list):
        (inner, *_) = get_args(kind)
        return tuple(as_float(v) if inner is float else v for v in value)
    return as_float(value) if isinstance(default, float) else value


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
