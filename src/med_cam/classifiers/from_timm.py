"""timm architectures, with the preprocessing that timm notes for them."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from med_cam.classifiers.arguments import TIMM, checked
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.weights import fitted
from med_cam.errors import ClassifierError
from med_cam.images.geometry import INTERPOLATIONS

RULES = {"center": "crop", "squash": "squash", "border": "pad"}  # timm's crop_mode -> ours


def knows(name: str) -> bool:
    """Whether timm has an architecture of this name (a pretraining tag may follow a dot)."""
    found: bool = import_timm().is_model(name)
    return found


def load(description: Description, weights: Path | None) -> Loaded:
    """Build the architecture, put the weights in, and report timm's data config.

    Raises:
        ClassifierError: if timm has no such architecture, or the weights do not fit it.
    """
    timm, name = import_timm(), description.target
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=1, cutoff=0.0)
        raise ClassifierError(f"timm has no architecture {name!r}; the nearest is {near[0]!r}.")
    arguments = _arguments(description, timm)
    create = partial(timm.create_model, name, pretrained=False)
    classes = None if description.classes is None else len(description.classes)
    module = fitted(create, arguments, classes=classes, weights=weights)
    resolve = import_torchvision("timm.data").resolve_model_data_config
    settings = {} if description.settings is None else {"config.json": description.settings}
    return Loaded(module=module, source_files=settings, **facts(resolve(module), arguments))


def _arguments(description: Description, timm: ModuleType) -> dict[str, Any]:
    """The user's arguments, with the channels, and the size that transformers are built for."""
    arguments = checked(description.arguments, known=TIMM, zoo="timm")
    if description.channels is not None:
        arguments.setdefault("in_chans", description.channels)
    fixed = getattr(timm.get_pretrained_cfg(description.target), "fixed_input_size", False)
    if fixed and description.input_size is not None:
        arguments.setdefault("img_size", description.input_size)
    return arguments


def facts(config: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The data config in the words of `Loaded`."""
    channels, height, width = config["input_size"]
    size = arguments.get("img_size", (height, width))
    interpolation = config["interpolation"]
    return {
        "input_size": (size, size) if isinstance(size, int) else tuple(size),
        "channels": arguments.get("in_chans", channels),
        "mean": tuple(config["mean"]),
        "std": tuple(config["std"]),
        "rule": RULES.get(config["crop_mode"], "crop"),
        "crop_share": float(config["crop_pct"]),
        "interpolation": interpolation if interpolation in INTERPOLATIONS else "bicubic",
    }
