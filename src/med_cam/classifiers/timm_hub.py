"""Folders that timm writes for the Hugging Face hub: they say what classifier.toml does."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from med_cam.classifiers.description import Description, description_from
from med_cam.classifiers.inside import inside
from med_cam.errors import ClassifierError
from med_cam.images.geometry import INTERPOLATIONS

CONFIG = "config.json"
LARGEST = 2**24  # bytes of a config.json; label names of the largest sets take some hundred kB
RULES = {"center": "crop", "squash": "squash", "border": "pad"}  # timm's crop_mode -> ours


def is_hub_folder(folder: Path) -> bool:
    """Whether its config.json is timm's and not that of transformers.

    Raises:
        ClassifierError: if it cannot be read.
    """
    return (folder / CONFIG).is_file() and _is_timm(_config(folder))


def hub_description(said: Description) -> Description:
    """What is said of a classifier, and what timm's config.json beside it says of the rest.

    Raises:
        ClassifierError: if the file is no timm's.
        ConfigError: if a value in it is none that classifier.toml may have.
    """
    folder = said.folder or Path()
    found = description_from(_table(_config(folder)), folder=folder, where=str(folder / CONFIG))
    given = {
        field.name: value
        for field in fields(Description)
        if (value := getattr(said, field.name)) not in (None, "", (), {})
    }
    return replace(found, **given, settings=folder / CONFIG)


def _config(folder: Path) -> Mapping[str, Any]:
    path = inside(folder, CONFIG, what="file")
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"{path.stat().st_size} bytes")
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ClassifierError(f"{path} is no readable JSON ({error}); save it again.") from error
    return found if isinstance(found, dict) else {}


def _is_timm(config: Mapping[str, Any]) -> bool:
    return isinstance(config.get("architecture"), str) and isinstance(
        config.get("pretrained_cfg"), dict
    )


def _table(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same as a table of classifier.toml; what timm leaves open stays open."""
    noted: dict[str, Any] = config["pretrained_cfg"]
    shape = noted.get("input_size")
    whole = shape if isinstance(shape, list) and len(shape) == 3 else [None] * 3
    arguments = _arguments(config)
    interpolation = noted.get("interpolation")
    table = {
        "architecture": f"timm:{config['architecture']}",
        "arguments": arguments,
        "classes": _labels(config),
        "input_size": whole[1:] if whole[1] else None,
        "channels": arguments.get("in_chans", whole[0]),
        "mean": noted.get("mean"),
        "std": noted.get("std"),
        "crop_share": noted.get("crop_pct"),
        "resize": RULES.get(str(noted.get("crop_mode", "center")), "crop"),
        "interpolation": interpolation if interpolation in INTERPOLATIONS else None,
    }
    return {key: value for key, value in table.items() if value is not None}


def _arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    said = config.get("model_args")
    arguments = {k: v for k, v in said.items() if v is not None} if isinstance(said, dict) else {}
    for key in ("num_classes", "global_pool"):
        if config.get(key) is not None:
            arguments.setdefault(key, config[key])
    return arguments


def _labels(config: Mapping[str, Any]) -> list[str] | None:
    """Names of the outputs in their order, where there is one for each."""
    names = config.get("label_names") or config["pretrained_cfg"].get("label_names")
    full = isinstance(names, list) and len(names) == config.get("num_classes", len(names))
    return [str(name) for name in names] if full and isinstance(names, list) else None
