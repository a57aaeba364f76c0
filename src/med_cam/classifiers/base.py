"""A classifier of images: its module, its labels, and the input that it was trained to see."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.colours import Colours, colours_of, fault_of
from med_cam.classifiers.hooks import device_of, hooked_modules
from med_cam.classifiers.processes import received, sent
from med_cam.classifiers.ranges import refuse_other_fields
from med_cam.classifiers.standardised import standardised
from med_cam.config.rules import shown
from med_cam.errors import ClassifierError
from med_cam.images.channels import with_channels
from med_cam.images.geometry import Geometry
from med_cam.images.image import Image

A_CLASSIFIER = "a Classifier, from load_classifier or made of a module with Classifier(...)"


@dataclass(frozen=True, slots=True)
class LoadedFrom:
    """What a classifier was loaded from; empty for one that was built in memory.

    Attributes:
        architecture: with its kind, as in "timm:resnet18"; "onnx" for a file of its own.
        arguments: keyword arguments for the architecture.
        weights: SHA-256 of every weights file that was read, by its name in the folder.
        source_files: SHA-256 of the other files that were read, by name: the module of a factory
            and those that it imports from its folder, the settings of a Hugging Face folder.
    """

    architecture: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    source_files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A classifier and the model input it expects. Usable once built; never changed by us.

    A module with one output and two labels is a binary classifier: its logit z is read as the
    pair (0, z), whose softmax is exactly (1 - sigmoid(z), sigmoid(z)); the second label is the
    one that z speaks for. One output and one label is a sigmoid head.

    Attributes:
        module: b c h w normalised pixels -> b k logits, or probabilities (see outputs).
        labels: names of the k outputs.
        input_size: h w.
        channels: 1 or 3.
        mean, std: one value per channel, of pixels scaled to [0, value_range].
        value_range: what white is before normalisation (1 by default; 255 for raw bytes).
        white: the grey value that is white in its images of more than 8 bits, for `read_image`;
            None if nothing is declared.
        rule, crop_share, interpolation, antialias: see `Geometry`.
        channel_order: "rgb", or "bgr" where the module takes blue first; mean and std are in the
            order that it takes. All that is prepared, drawn and masked stays red, green, blue.
        standardise: "dataset", by mean and std; or each input by its own mean and standard
            deviation, of all its values ("image") or channel by channel ("channel"), which then
            is a part of the classifier: a masked input is standardised as it is.
        head: "softmax" or "sigmoid".
        outputs: what the module returns: "logits", or "probabilities" where it ends in the head
            itself; these are read as their logits.
        thresholds: for sigmoid heads, one decision threshold per output (filled with 0.5).
        hooked_layers: names of the modules whose output is matched; found by
            `hooked_layers.find_hooked_layers`.
        foldable: names of the convolutions whose batch normalisation is made a part of them
            while the classifier works, each with it; found by `folding.find_foldable`.
        name: how reports call it.
        sha256: of the weights file, or "".
        loaded_from: architecture and files; `identity_of` makes its identity of it.
        colours: of the baselines grey and Gaussian noise; None takes the declared mean and std
            where they standardise pixels, see `colours.py`. All that is prepared, drawn and
            masked is standardised by them, so that 0 is grey and N(0, 1) the noise.
        tried: inputs that went through it when it was loaded, see `soundness.py`.
        check: raises ClassifierError where the output of a converted module for a
            prepared image differs from that of its original.

    Raises:
        ClassifierError: if the fields contradict each other or the module.
    """

    module: nn.Module
    labels: tuple[str, ...]
    input_size: tuple[int, int]
    channels: int = 3
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    value_range: float = 1.0
    rule: str = "squash"
    crop_share: float = 1.0
    interpolation: str = "bilinear"
    head: str = "softmax"
    outputs: str = "logits"
    thresholds: tuple[float, ...] = ()
    hooked_layers: tuple[str, ...] = ()
    name: str = "classifier"
    sha256: str = ""
    tried: int = 0
    colours: Colours | None = None
    loaded_from: LoadedFrom = field(default_factory=LoadedFrom, hash=False)
    check: Callable[[Tensor], None] | None = None
    white: float | None = None
    antialias: bool = True
    channel_order: str = "rgb"
    standardise: str = "dataset"
    foldable: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        refuse_other_fields(self)
        if self.head == "sigmoid" and not self.thresholds:
            object.__setattr__(self, "thresholds", (0.5,) * len(self.labels))
        for fits, rule in (*_input_rules(self), *_head_rules(self)):
            if not fits:
                raise ClassifierError(f"{self.name}: {rule}.")
        if self.colours is None:
            object.__setattr__(self, "colours", self.painted)
        elif fault := fault_of(self.colours.grey, self.colours.spread):
            raise ClassifierError(f"{self.name}: {fault}; that hides nothing, give other colours.")
        hooked_modules(self.module, self.hooked_layers)

    def __reduce__(self) -> tuple[Any, ...]:
        """For pickle, so that it can be sent to a process that was spawned."""
        return received, (Classifier, *sent({f.name: getattr(self, f.name) for f in fields(self)}))

    def __copy__(self) -> "Classifier":
        """Another one around the same module."""
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Classifier":
        """Another one around a copy of the module."""
        return replace(self, module=deepcopy(self.module, memo))

    @property
    def device(self) -> torch.device:
        """Where the module's weights lie; the CPU for a module without any."""
        return device_of(self.module)

    def geometry(self, image: Image) -> Geometry:
        """How the image lies in the model input."""
        _, height, width = image.pixels.shape
        return Geometry(
            source=(height, width),
            input=self.input_size,
            rule=self.rule,
            crop_share=self.crop_share,
            interpolation=self.interpolation,
            antialias=self.antialias,
        )

    def prepare(self, image: Image) -> Float[Tensor, "1 c h w"]:
        """Resize and normalise an image as the classifier was trained to see it, on its device.

        A grey image is repeated for three channels, a colour image becomes its luma for one;
        padding is black.
        """
        pixels = with_channels(image.pixels, self.channels)
        x = self.geometry(image).to_input(pixels, fill=0.0)  # 1 c h w
        return self.normalise(x.to(self.device))

    def normalise(self, pixels: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """From [0, 1] to the normalised space, in which grey is 0 and Gaussian noise N(0, 1)."""
        if self.painted.declared:
            return self._as_declared(pixels)
        grey, spread = (_channelwise(v, pixels) for v in (self.painted.grey, self.painted.spread))
        return (pixels - grey) / spread

    def pixels_of(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """From the normalised space back to [0, 1], where white is 1."""
        grey, spread = (_channelwise(v, x) for v in (self.painted.grey, self.painted.spread))
        return x * spread + grey

    def at_the_door(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """From the normalised space to what the module takes; the same where std is of pixels."""
        taken = x if self.painted.declared else self._as_declared(self.pixels_of(x))
        return taken.flip(1) if self.channel_order == "bgr" else taken

    def _as_declared(self, pixels: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        if self.standardise != "dataset":
            return standardised(
                pixels * self.value_range, of_each_channel=self.standardise == "channel"
            )
        mean, std = (
            _channelwise(self.red_first(values), pixels) for values in (self.mean, self.std)
        )
        return (pixels * self.value_range - mean) / std

    @property
    def painted(self) -> Colours:
        """Colour and spread of the baselines grey and Gaussian noise."""
        return self.colours or colours_of(
            self.red_first(self.mean),
            self.red_first(self.std),
            self.value_range,
            of_pixels=self.standardise == "dataset",
        )

    def red_first(self, values: Sequence[float]) -> tuple[float, ...]:
        """Numbers in the order in which the module takes channels, as red, green, blue."""
        return tuple(values[::-1] if self.channel_order == "bgr" else values)

    def black(self) -> Float[Tensor, "1 c 1 1"]:
        """Zero pixels in normalised space."""
        return self.normalise(torch.zeros(1, self.channels, 1, 1, device=self.device))

    def probabilities(self, logits: Float[Tensor, "b k"]) -> Float[Tensor, "b k"]:
        """Softmax or sigmoid, as the head has it."""
        return logits.sigmoid() if self.head == "sigmoid" else logits.softmax(dim=1)


def _channelwise(values: Sequence[float], like: Tensor) -> Float[Tensor, "1 c 1 1"]:
    return like.new_tensor(values).view(1, -1, 1, 1)


def _input_rules(c: Classifier) -> Iterator[tuple[bool, str]]:
    """Whether the fields of the model input can be meant, each with the sentence if not."""
    for name, values in (("mean", c.mean), ("std", c.std)):
        yield (
            len(values) == c.channels,
            f"{name} must be {c.channels} finite numbers, one per channel, got {shown(values)}",
        )
    yield (
        c.channel_order == "rgb" or c.channels == 3,
        "channel_order belongs to classifiers of 3 channels, this one takes 1",
    )


def _head_rules(c: Classifier) -> Iterator[tuple[bool, str]]:
    """Whether head, labels and thresholds fit each other, each with the sentence if not."""
    yield (
        len(c.labels) >= (2 if c.head == "softmax" else 1),
        f"a {c.head} head with {len(c.labels)} labels decides nothing; name every output",
    )
    yield (
        len(set(c.labels)) == len(c.labels) and all(label.strip() for label in c.labels),
        f"labels must differ and not be empty, got {shown(c.labels)}",
    )
    yield (
        c.head == "sigmoid" or not c.thresholds,
        f"thresholds belong to sigmoid heads, got {shown(c.thresholds)} for a softmax head",
    )
    yield (
        len(c.thresholds) in (0, len(c.labels)),
        f"thresholds must be {len(c.labels)} numbers, got {shown(c.thresholds)}",
    )
