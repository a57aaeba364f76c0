"""One loader for every kind of classifier: a folder, or a file of its own.

A folder holds a `classifier.toml` (see `description.py`) and a weights file, or is what Hugging
Face's `save_pretrained` wrote. A lone ONNX, TorchScript or torch.export file works too; the
`classifier.toml` beside it is read if there is one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import torch

from med_cam.classifiers import (
    from_export,
    from_factory,
    from_huggingface,
    from_onnx,
    from_timm,
    from_torchscript,
    from_torchvision,
)
from med_cam.classifiers.assembly import classifier_of
from med_cam.classifiers.base import Classifier, LoadedFrom
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.classifiers.processes import refuse_fork_of_threads
from med_cam.classifiers.soundness import tried
from med_cam.classifiers.source import described, kind_of, name_of, sha256_of, weights_file
from med_cam.classifiers.trust import trusted_names
from med_cam.classifiers.weights import require_finite
from med_cam.config.given import refuse_other
from med_cam.config.rules import shown
from med_cam.errors import ClassifierError, ConfigError, MedCamError, first_line

ADAPTERS: Mapping[str, Callable[[Description, Path | None], Loaded]] = MappingProxyType(
    {
        "timm": from_timm.load,
        "torchvision": from_torchvision.load,
        "factory": from_factory.load,
        "export": from_export.load,
        "torchscript": from_torchscript.load,
        "onnx": from_onnx.load,
        "huggingface": from_huggingface.load,
    }
)
A_SOURCE = "the path of a folder or file (a live module goes into from_module)"


@ordinary_torch()
def load_classifier(
    source: str | Path, *, device: str = "auto", trust: Iterable[str] = ()
) -> Classifier:
    """The classifier in a folder or file, on a device, tried once, with its hooked layers found.

    Args:
        source: a folder, its `classifier.toml`, or an `.onnx`, `.pt2` or TorchScript file.
        device: "auto" (the first CUDA device, else the CPU), "cpu", "cuda", "cuda:N" or "mps".
        trust: installed packages whose code a `factory:` may run, as in ("my_nets",).

    Raises:
        ClassifierError: if it cannot be loaded, or does not work as a classifier.
        ConfigError: if the device is not there, or `classifier.toml` has an unknown key or a
            value of the wrong type.
    """
    refuse_other("source", source, (str, Path), A_SOURCE, ClassifierError)
    refuse_fork_of_threads()
    place, trusted = chosen_device(device), trusted_names(trust)
    description = replace(described(Path(source)), trusted=trusted)
    kind = kind_of(description)
    weights = weights_file(description, kind)
    if not description.kind and kind in ("timm", "torchvision"):  # a bare name, found in a zoo
        description = replace(description, architecture=f"{kind}:{description.architecture}")
    loaded = _loaded(kind, description, weights)
    name = name_of(description, Path(source))
    require_finite(loaded.module.named_parameters(), source=name)
    origin = _loaded_from(description, loaded, kind=kind, weights=weights)
    sha256 = "" if weights is None else origin.weights[weights.name]
    classifier = classifier_of(description, loaded, name=name, sha256=sha256, origin=origin)
    classifier = replace(classifier, tried=tried(classifier))
    classifier.module.to(place)
    return classifier


def _loaded(kind: str, description: Description, weights: Path | None) -> Loaded:
    """What the adapter makes of the files, none of which can end in anything but a sentence.

    Raises:
        ClassifierError: whatever goes wrong in a library that reads a damaged file.
    """
    try:
        return ADAPTERS[kind](description, weights)
    except MedCamError:
        raise
    except Exception as error:
        raise ClassifierError(
            f"{weights or description.folder} cannot be read as a {kind} classifier "
            f"({type(error).__name__}: {first_line(error)}); it is damaged, write it again."
        ) from error


def _loaded_from(
    description: Description, loaded: Loaded, *, kind: str, weights: Path | None
) -> LoadedFrom:
    """What was read, each file hashed once."""
    main = {} if weights is None else {weights.name: weights}
    return LoadedFrom(
        architecture=description.architecture or kind,
        arguments=description.arguments,
        weights=sha256_of({**loaded.weights, **main}),
        source_files=sha256_of(loaded.source_files),
    )


def chosen_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        ConfigError: if the name means none, or it is not there.
    """
    refuse_other("device", name, str, "auto, cpu, cuda, cuda:N or mps")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (":" in name and not index.isdecimal()):
        raise ConfigError(f"device must be auto, cpu, cuda, cuda:N or mps, got {shown(name)}.")
    there = {
        "cpu": 1,
        "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0,
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(index or 0) >= there:
        raise ConfigError(
            f"Device {name!r} is not there: torch {torch.__version__} sees {there} of kind {kind};"
            " use --device cpu."
        )
    return torch.device(name)
