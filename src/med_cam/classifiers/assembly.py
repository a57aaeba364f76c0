"""One classifier of what is said of it: the description before the adapter before the default."""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.base import Classifier, LoadedFrom
from med_cam.classifiers.colours import SAID, Colours
from med_cam.classifiers.description import FILE, Description, Loaded
from med_cam.classifiers.folding import find_foldable
from med_cam.classifiers.hooked_layers import find_hooked_layers
from med_cam.classifiers.hooks import device_of, frozen, raw_logits
from med_cam.errors import ClassifierError, ConfigError

_LOG = logging.getLogger(__name__)
SIZE = (224, 224)  # where nobody says otherwise
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, where nobody says otherwise


def classifier_of(
    description: Description,
    loaded: Loaded,
    *,
    name: str,
    sha256: str = "",
    origin: LoadedFrom | None = None,
    where: str = FILE,
) -> Classifier:
    """Description before adapter before default, in one value.

    Args:
        description: what the user says.
        loaded: the module, and what its source says.
        name: how reports call it.
        sha256: of the weights file, if there is one.
        origin: what was read.
        where: the description stands, in the words of errors.

    Raises:
        ClassifierError: if the module does not run on such an input.
        ConfigError: if the description contradicts itself.
    """
    fields = _input_fields(description, loaded, name=name)
    x = _probe(fields["channels"], fields["input_size"]).to(device_of(loaded.module))
    outputs = _outputs(loaded.module, x, where)
    head = _head(description, loaded, outputs)
    hooked_layers = description.hooked_layers
    return Classifier(
        module=loaded.module,
        **head,
        **fields,
        hooked_layers=find_hooked_layers(loaded.module, x)
        if hooked_layers is None
        else hooked_layers,
        foldable=find_foldable(loaded.module, x),
        name=name,
        sha256=sha256,
        colours=_colours(description, fields),
        loaded_from=origin or LoadedFrom(),
        check=loaded.check,
    )


def _input_fields(description: Description, loaded: Loaded, *, name: str) -> dict[str, Any]:
    """Size, channels, normalisation and resize rule."""
    said, known = description, loaded
    own = said.standardise in ("image", "channel")
    if own and (said.mean or said.std):
        raise ConfigError(
            f"{FILE}: mean and std are not used where standardise is {said.standardise!r}; leave "
            "them out, or leave standardise out."
        )
    if said.mean is None and known.mean is None and not own:
        _LOG.warning(
            "%s does not say how its pixels are normalised: ImageNet's mean and std are assumed; "
            "say mean and std in %s.",
            name,
            FILE,
        )
    if said.input_size is None and known.input_size is None:
        _LOG.warning(
            "%s does not say its input size: %d x %d is assumed, and another size may give other "
            "answers; say input_size in %s.",
            name,
            *SIZE,
            FILE,
        )
    channels = said.channels or known.channels or _channels(loaded.module, said.mean)
    return {
        "input_size": said.input_size or known.input_size or SIZE,
        "channels": channels,
        "mean": _per_channel(said.mean, known.mean or MEAN, channels),
        "std": _per_channel(said.std, known.std or STD, channels),
        "value_range": said.value_range or known.value_range or 1.0,
        "white": said.white,
        "rule": said.resize or known.rule or "squash",
        "crop_share": said.crop_share or known.crop_share or 1.0,
        "interpolation": said.interpolation or known.interpolation or "bilinear",
        "antialias": said.antialias is not False,
        "channel_order": said.channel_order or "rgb",
        "standardise": said.standardise or "dataset",
    }


def _colours(said: Description, fields: Mapping[str, Any]) -> Colours | None:
    """The colours of the baselines that are described, if they are; red, green, blue."""
    channels, white = fields["channels"], fields["value_range"]
    order = -1 if fields["channel_order"] == "bgr" else 1
    if said.baseline_mean is None and said.baseline_std is None:
        return None
    if said.baseline_mean is None or said.baseline_std is None:
        raise ConfigError(f"{FILE} needs both baseline_mean and baseline_std, or none of them.")
    grey, spread = (
        tuple(value / white for value in _per_channel(values, values, channels)[::order])
        for values in (said.baseline_mean, said.baseline_std)
    )
    if {len(grey), len(spread)} != {channels}:
        raise ConfigError(f"{FILE}: baseline_mean and baseline_std need {channels} numbers each.")
    return Colours(grey, spread, SAID)


def _channels(module: nn.Module, mean: tuple[float, ...] | None) -> int:
    """As many as there are means, or as the first convolution takes; else three."""
    convolutions = (part for part in module.modules() if isinstance(part, nn.Conv2d))
    taken = next((part.in_channels for part in convolutions), 3)
    return len(mean) if mean and len(mean) > 1 else taken


def _per_channel(
    said: tuple[float, ...] | None, known: tuple[float, ...], channels: int
) -> tuple[float, ...]:
    """One value a channel: a lone value is repeated, a colour default averaged for grey."""
    values = known if said is None else said
    if len(values) == 1:
        return values * channels
    if said is None and channels == 1:
        return (sum(values) / len(values),)
    return values


def _head(description: Description, loaded: Loaded, outputs: int) -> dict[str, Any]:
    """Labels, head, what the outputs are, and thresholds.

    One sigmoid output under two labels is the same as softmax over (0, z): see `Classifier`.
    """
    unnamed = tuple(f"class {k}" for k in range(max(outputs, 2)))
    labels = description.classes or loaded.labels or unnamed
    head = description.head or loaded.head or ("sigmoid" if len(labels) == 1 else "softmax")
    thresholds = description.thresholds or ()
    if head == "sigmoid" and outputs == 1 and len(labels) == 2:
        if thresholds:
            raise ClassifierError(
                f"One output under two classes is decided at 0.5, not at {thresholds}; name only "
                "the class that the output speaks for, to give it a threshold."
            )
        head = "softmax"
    if len(thresholds) == 1:
        thresholds = thresholds * len(labels)
    said = loaded.outputs or description.outputs or "logits"
    return {"labels": labels, "head": head, "outputs": said, "thresholds": thresholds}


def _probe(channels: int, size: tuple[int, int]) -> Float[Tensor, "1 c h w"]:
    return torch.randn(1, channels, *size, generator=Generator().manual_seed(0))


def _outputs(module: nn.Module, x: Float[Tensor, "1 c h w"], where: str) -> int:
    """How many logits the module gives, in one first run."""
    try:
        with frozen(module), torch.no_grad():
            predict = module(x.clone())
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        if isinstance(error, TypeError) and "required positional" in reason:
            raise ClassifierError(
                f"The classifier takes more than one input ({reason}); wrap it in a module whose "
                "forward takes the image alone and sets the other inputs."
            ) from error
        raise ClassifierError(
            f"The classifier does not run on an input of {'x'.join(map(str, x.shape))} "
            f"({type(error).__name__}: {reason}); correct input_size or channels in {where}."
        ) from error
    return raw_logits(predict, batch=1).shape[1]
