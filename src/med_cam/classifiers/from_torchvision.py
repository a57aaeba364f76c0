"""torchvision classifiers, with the preprocessing of their default weights."""

import warnings
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from med_cam.classifiers.arguments import TORCHVISION, checked
from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.weights import fitted
from med_cam.errors import ClassifierError
from med_cam.images.geometry import INTERPOLATIONS


def knows(name: str) -> bool:
    """Whether torchvision has a classifier of this name."""
    return name in _names()


def load(description: Description, weights: Path | None) -> Loaded:
    """Build the architecture, put the weights in, and report the transforms of its weights.

    Raises:
        ClassifierError: if torchvision has no such classifier, or the weights do not fit it.
    """
    name = description.target
    if not knows(name):
        near = get_close_matches(name, _names(), n=1, cutoff=0.0)
        raise ClassifierError(f"torchvision has no classifier {name!r}; the nearest is {near[0]}.")
    if description.channels == 1:
        raise ClassifierError(
            f"torchvision's {name} takes 3 channels (grey images are repeated for them); for a "
            'changed first layer use architecture = "factory:module:function".'
        )
    arguments = _arguments(description)
    classes = None if description.classes is None else len(description.classes)
    create = partial(_create, name)
    module = fitted(create, arguments, classes=classes, weights=weights)
    return Loaded(module=module, channels=3, **_facts(name, arguments))


def _names() -> list[str]:
    models = import_torchvision("torchvision.models")
    names: list[str] = models.list_models(module=models)
    return names


def _create(name: str, **arguments: Any) -> nn.Module:  # noqa: ANN401 - the architecture's own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # on initial values, which are replaced
        module: nn.Module = import_torchvision("torchvision.models").get_model(
            name, weights=None, **arguments
        )
    return module


def _arguments(description: Description) -> dict[str, Any]:
    """The user's arguments, and the size that torchvision's transformers are built for."""
    arguments = checked(description.arguments, known=TORCHVISION, zoo="torchvision")
    size = description.input_size
    if size is not None and description.target.startswith("vit_") and size[0] == size[1]:
        arguments.setdefault("image_size", size[0])
    if size is not None and description.target.startswith("maxvit_"):
        arguments.setdefault("input_size", size)
    return arguments


def _facts(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The transforms of the default weights, in the words of `Loaded`."""
    models = import_torchvision("torchvision.models")
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    side, shortest = transforms.crop_size[0], transforms.resize_size[0]
    built_for = arguments.get("image_size", side)
    interpolation = transforms.interpolation.value
    return {
        "input_size": tuple(arguments.get("input_size", (built_for, built_for))),
        "mean": tuple(transforms.mean),
        "std": tuple(transforms.std),
        "rule": "crop",
        "crop_share": min(1.0, side / shortest),
        "interpolation": interpolation if interpolation in INTERPOLATIONS else "bilinear",
    }
