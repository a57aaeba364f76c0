"""A module that is in memory already, and what it says of itself.

What it needs besides its weights is found where the module has it: timm notes how a network was
trained (`pretrained_cfg`), Hugging Face the labels and the size (`config`), a vision transformer
its size, the first convolution the channels. Nobody notes everything, and what is not found is
asked for: another mean or another size gives other answers without a word.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from med_cam.classifiers import from_huggingface, from_timm
from med_cam.classifiers.assembly import classifier_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description, Loaded, description_from
from med_cam.classifiers.ordinary_torch import ordinary_torch, refuse_inference_weights
from med_cam.classifiers.soundness import tried
from med_cam.classifiers.turns import turn
from med_cam.classifiers.weights import require_finite
from med_cam.config.given import given, refuse_other
from med_cam.errors import ClassifierError, ConfigError

_LOG = logging.getLogger(__name__)

HERE = "from_module"
OF_FILES = ("architecture", "arguments", "classes", "weights", "license", "notes")
EXAMPLES = {"input_size": "224", "mean": "(0.485, 0.456, 0.406)", "std": "(0.229, 0.224, 0.225)"}
UNNAMED = "LABEL_"  # how transformers begins the names that nobody gave


@ordinary_torch()
def from_module(
    module: nn.Module,
    labels: Sequence[str] | None = None,
    **settings: Any,  # noqa: ANN401  each is read as classifier.toml's key
) -> Classifier:
    """A classifier of a module that is in memory, tried once; the module stays as it is.

    It is known by the name of its class and by the SHA-256 of all its parameters and buffers.

    Args:
        module: normalised pixels b c h w -> logits b k, on any device, in float32.
        labels: names of its k outputs; found where timm or Hugging Face noted them.
        **settings: `input_size`, `mean`, `std` and every other key of classifier.toml that
            describes the input, the head or the layers (docs/classifiers.md); what is given goes
            before what is found.

    Raises:
        ClassifierError: labels, input size, mean or std are neither given nor found; the module
            has no weights, weights in another precision than float32, on no device or on several,
            or not initialised; or it does not work as a classifier.
        ConfigError: a setting is unknown or out of its range.
    """
    refuse_other("module", module, nn.Module, "a torch.nn.Module", ClassifierError)
    module = getattr(module, "_orig_mod", module)  # of torch.compile, which hooks do not reach
    said = described(labels, settings)
    name = said.name or type(module).__name__
    refuse_unfit(module, name)
    loaded = found_on(module)
    refuse_unsaid(said, loaded, name)
    tell_of_noted(said, loaded, name)
    with turn(module):
        classifier = classifier_of(said, loaded, name=name, where=HERE)
        return replace(classifier, tried=tried(classifier, HERE))


def described(labels: Sequence[str] | None, settings: Mapping[str, Any]) -> Description:
    """What the caller says, read as classifier.toml is.

    Raises:
        ConfigError: a setting is unknown or out of its range.
    """
    if foreign := [key for key in settings if key in OF_FILES]:
        raise ConfigError(f"{foreign[0]} is no argument of {HERE}; it belongs to classifier.toml.")
    table = {key: as_toml(value) for key, value in settings.items() if value is not None}
    if labels is not None:
        if isinstance(labels, str):
            raise ClassifierError(f"labels must be a list of names, got {given(labels)}.")
        table["classes"] = as_toml(labels)
    return description_from(table, where=HERE)


def as_toml(value: Any) -> Any:  # noqa: ANN401  any argument
    """Tuples, arrays and tensors as lists, numbers of NumPy as numbers."""
    if isinstance(value, np.ndarray | np.generic | Tensor) and value.ndim < 2:
        return value.tolist()
    return [as_toml(v) for v in value] if isinstance(value, list | tuple) else value


def refuse_unfit(module: nn.Module, name: str) -> None:
    """Check weights: there, initialised, of 32 bits, finite, on one device.

    Raises:
        ClassifierError: naming what is wrong and what to do.
    """
    tensors = [*module.named_parameters(), *module.named_buffers()]
    if not tensors:
        raise ClassifierError(
            f"{name} has no parameters and no buffers, by which a classifier is known; register "
            "its network and its numbers in it (self.net = net, register_buffer)."
        )
    lazy = [key for key, tensor in tensors if is_lazy(tensor)]
    if lazy:
        raise ClassifierError(
            f"{name} is not initialised yet ({lazy[0]} has no shape); run one batch through it, "
            "and load its weights, first."
        )
    kinds = {str(t.dtype): key for key, t in tensors if t.is_floating_point()}
    if others := sorted(set(kinds) - {"torch.float32"}):
        raise ClassifierError(
            f"{name} has weights of {others[0].removeprefix('torch.')} ({kinds[others[0]]}); "
            "claims compare probabilities in float32: give module.float(), or a copy of it."
        )
    devices = sorted({str(tensor.device) for _, tensor in tensors})
    if len(devices) > 1 or devices == ["meta"]:
        where = f"on {both(devices)}" + (", without values" if "meta" in devices else "")
        raise ClassifierError(f"{name} has its weights {where}; move all of it to one device.")
    refuse_inference_weights(module, name=name)
    require_finite(tensors, source=name)


def found_on(module: nn.Module) -> Loaded:
    """The facts that the module itself carries."""
    if isinstance(noted(module), Mapping):
        return of_timm(module)
    config = getattr(module, "config", None)
    if hasattr(config, "id2label") and hasattr(config, "model_type"):
        return of_huggingface(module, config)
    side = getattr(module, "image_size", None)  # torchvision's vision transformers
    known = isinstance(side, int) and type(module).__module__.startswith("torchvision.")
    return Loaded(module, input_size=(side, side) if known and side else None)


def noted(module: nn.Module) -> Any:  # noqa: ANN401  anything may have this name
    """What timm notes of a network that it made."""
    return getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None)


def of_timm(module: nn.Module) -> Loaded:
    """What timm notes; the size that a transformer was built for goes before it."""
    resolve = import_torchvision("timm.data").resolve_model_data_config
    size = getattr(getattr(module, "patch_embed", None), "img_size", None)
    facts = from_timm.facts(resolve(module), {} if size is None else {"img_size": size})
    names = noted(module).get("label_names")
    labels = tuple(map(str, names)) if isinstance(names, list | tuple) and names else None
    return Loaded(module, labels=labels, **{**facts, "channels": None})


def of_huggingface(module: nn.Module, config: Any) -> Loaded:  # noqa: ANN401  any model's
    """Labels, head and size; the normalisation is the processor's, which is not there."""
    labels = from_huggingface.labels_of(config)
    return Loaded(
        module,
        labels=None if all(label.startswith(UNNAMED) for label in labels) else labels,
        head="sigmoid" if from_huggingface.is_multi_label(config) else None,
        input_size=from_huggingface.pair(getattr(config, "image_size", None)),
        channels=found if (found := getattr(config, "num_channels", None)) in (1, 3) else None,
    )


def refuse_unsaid(said: Description, loaded: Loaded, name: str) -> None:
    """Check that what no network can do without is known.

    Raises:
        ClassifierError: naming all that is missing, as it would be given.
    """
    if not (said.classes or loaded.labels):
        raise ClassifierError(
            f"{name} does not say what its outputs are called; give their names in their order, "
            'as in labels=["benign", "malignant"].'
        )
    own = said.standardise in ("image", "channel")
    missing = [
        key
        for key in EXAMPLES
        if getattr(said, key) is None and getattr(loaded, key) is None
        if key == "input_size" or not own
    ]
    if missing:
        call = ", ".join(f"{key}={EXAMPLES[key]}" for key in missing)
        raise ClassifierError(
            f"{name} does not say its {both(missing)}, on which its answers depend; give "
            f"what it was trained with: {HERE}(module, labels, {call}) is ImageNet's."
        )


def both(words: Sequence[str]) -> str:
    """As in "a, b and c"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def tell_of_noted(said: Description, loaded: Loaded, name: str) -> None:
    """A note on what timm says of the training that it knows of, which need not be the last."""
    found = [key for key in EXAMPLES if getattr(said, key) is None]
    own = said.standardise in ("image", "channel")
    if loaded.mean is not None and not own and found:
        values = ", ".join(f"{key} {getattr(loaded, key)}" for key in found)
        _LOG.warning(
            "%s: %s as timm noted it; give them to %s if it was trained with others.",
            name,
            values,
            HERE,
        )
