"""What a classifier is: everything about it that decides an answer.

Neither where its files lie nor on which device it runs is part of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from med_cam.classifiers.base import Classifier


@dataclass(frozen=True, slots=True)
class Identity:
    """Two classifiers with equal identities give the same answers, as far as files can tell.

    `ExplainedClassifier` in `report/origin.py` says what each field is.
    """

    architecture: str
    arguments: Mapping[str, Any]
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: float
    resize: str
    interpolation: str
    antialias: bool
    channel_order: str
    standardise: str
    crop_share: float
    head: str
    outputs: str
    thresholds: tuple[float, ...]
    hooked_layers: tuple[str, ...]
    weights: Mapping[str, str]
    source_files: Mapping[str, str]
    state: str | None


def identity_of(classifier: Classifier) -> Identity:
    """The identity of a classifier; the module is only read.

    One without weights files (built in memory, of random weights, or loaded by a factory's own
    code) is known by the name of its class and by its tensors as they are now.
    """
    origin = classifier.loaded_from
    return Identity(
        architecture=origin.architecture or type(classifier.module).__name__,
        arguments=origin.arguments,
        labels=classifier.labels,
        input_size=classifier.input_size,
        channels=classifier.channels,
        mean=classifier.mean,
        std=classifier.std,
        value_range=classifier.value_range,
        resize=classifier.rule,
        interpolation=classifier.interpolation,
        antialias=classifier.antialias,
        channel_order=classifier.channel_order,
        standardise=classifier.standardise,
        crop_share=classifier.crop_share,
        head=classifier.head,
        outputs=classifier.outputs,
        thresholds=classifier.thresholds,
        hooked_layers=classifier.hooked_layers,
        weights=origin.weights,
        source_files=origin.source_files,
        state=None if origin.weights else state_sha256(classifier.module),
    )


def state_sha256(module: nn.Module) -> str:
    """Of all parameters and buffers: names, types, shapes and values, in the order of names."""
    named = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    digest = sha256()
    for name, tensor in sorted(named.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor.detach()))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    """The values row by row, whatever the layout in memory is."""
    dense = tensor.cpu().to_dense() if tensor.layout is not torch.strided else tensor.cpu()
    return dense.contiguous().reshape(-1).view(torch.uint8).numpy().data
