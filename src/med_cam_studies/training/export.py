"""A trained classifier as a folder for `load_classifier`: classifier.toml and float16 weights."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from med_cam.classifiers.description import FILE
from med_cam.classifiers.matching import COUNTERS
from med_cam.classifiers.weights import require_finite
from med_cam.report.files import write_files
from med_cam_studies.training.recipes import Recipe

WEIGHTS = "model.safetensors"


def write_classifier(
    state: Mapping[str, Tensor],
    folder: Path,
    *,
    recipe: Recipe,
    name: str,
    classes: Sequence[str],
    licence: str,
) -> None:
    """Write the weights and what describes them, both or none.

    Args:
        state: of the trained module.
        folder: made if it is not there; files of the same names are replaced.
        recipe: that it was trained by, for its architecture and the size of the model input.
        name: of the classifier in reports.
        classes: names of its outputs.
        licence: of the weights, in words.

    Raises:
        ClassifierError: if a weight is not finite in float16.
        OutputError: if the folder cannot be written.
    """
    halves = halved(state)
    require_finite(halves.items(), source=f"{name} in float16")
    contents = {WEIGHTS: save(halves), FILE: description(recipe, name, classes, licence).encode()}
    write_files(folder, contents)


def halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state in float16, without the counters of batch normalisation."""
    kept = {key: tensor for key, tensor in state.items() if not key.endswith(COUNTERS)}
    return {key: tensor.to(torch.float16).contiguous() for key, tensor in kept.items()}


def description(recipe: Recipe, name: str, classes: Sequence[str], licence: str) -> str:
    """The text of classifier.toml; every value is written alike in JSON and in TOML."""
    table = {
        "name": name,
        "architecture": f"timm:{recipe.architecture}",
        "weights": WEIGHTS,
        "classes": list(classes),
        "input_size": recipe.input_size,
        "channels": len(recipe.mean),
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        "resize": "squash",
        "crop_share": 1.0,
        "interpolation": "bilinear",
        "head": "softmax",
        "license": licence,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]
    if recipe.arguments:
        lines += ["", "[arguments]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in recipe.arguments.items()]
    return "\n".join([*lines, ""])
