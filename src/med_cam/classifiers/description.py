"""What a user says of a classifier in `classifier.toml`, and what an adapter knows of it.

All keys are optional where the library knows them. Precedence: description, then the facts
that the adapter found beside the weights, then the defaults of `Classifier`.
"""

import logging
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from torch import Tensor, nn

from med_cam.classifiers.probabilities import OUTPUTS
from med_cam.classifiers.ranges import (
    CROP,
    HEADS,
    MEAN,
    ORDERS,
    SIDE,
    STANDARDS,
    STD,
    THRESHOLD,
    WHITE,
)
from med_cam.config.rules import Allowed, shown
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.geometry import INTERPOLATIONS, RULES

log = logging.getLogger(__name__)

FILE = "classifier.toml"
LONG = 250  # characters of a name; file systems take no more
CLASSES = 10**5
MOST = 2**20  # bytes; the names of 21,000 classes take half of it
STATES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar")  # .tar as in model.pth.tar
KINDS: Mapping[str, tuple[str, ...]] = {  # of classifier sources: suffixes of their weights files
    "timm": STATES,
    "torchvision": STATES,
    "factory": STATES,
    "export": (".pt2",),
    "torchscript": (".pt", ".pth", ".ts", ".torchscript"),
    "onnx": (".onnx",),
    "huggingface": (".safetensors", ".bin"),
}


def _prose(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("a text")
    return value


def _text(value: object) -> str:
    if len(text := _prose(value)) > LONG:
        raise ValueError(f"a text of at most {LONG} characters")
    return text


def _table(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a table")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) and v.strip() for v in value):
        raise TypeError("a list of texts")
    if any(len(v) > LONG for v in value):
        raise ValueError(f"a list of texts of at most {LONG} characters")
    if len(set(value)) < len(value):
        raise ValueError("a list of texts without repetition")
    return tuple(value)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false")
    return value


def _number(allowed: Allowed) -> Callable[[object], float]:
    def read(value: Any) -> float:  # noqa: ANN401 - any TOML value
        if not allowed.fits(value):
            raise ValueError(allowed.words)
        return float(value)

    return read


def _numbers(allowed: Allowed, *, most: int) -> Callable[[object], tuple[float, ...]]:
    def read(value: object) -> tuple[float, ...]:
        listed: list[Any] = value if isinstance(value, list) else [value]
        if not 1 <= len(listed) <= most or not all(map(allowed.fits, listed)):
            raise TypeError(f"a list of finite numbers, 1 to {most}, each {allowed.words}")
        return tuple(map(float, listed))

    return read


def _size(value: Any) -> tuple[int, int]:  # noqa: ANN401 - any TOML value
    height, width = value if isinstance(value, list) and len(value) == 2 else (value, value)
    if not SIDE.fits(height) or not SIDE.fits(width):
        raise TypeError(f"{SIDE.words}, or [height, width]")
    return height, width


def _one_of(*choices: Any) -> Callable[[object], Any]:  # noqa: ANN401 - texts or numbers
    def read(value: object) -> Any:  # noqa: ANN401
        if isinstance(value, bool) or value not in choices:
            raise ValueError(" or ".join(repr(choice) for choice in choices))
        return value

    return read


@dataclass(frozen=True, slots=True)
class Description:
    """One `classifier.toml`; None is "as the library has it".

    Attributes:
        architecture: "timm:NAME", "torchvision:NAME", "factory:package.module:function",
            "export", "torchscript", "onnx" or "huggingface"; a bare name is looked up in timm,
            then in torchvision; "" leaves it to the files in the folder.
        arguments: keyword arguments for the architecture.
        classes: names of the outputs, in their order.
        weights: a file in the folder; by default the only weights file there. "random" builds
            the architecture untrained, for tests; "own" trusts a factory to load its own.
        input_size: h w.
        channels: 1 or 3.
        mean, std: one value per channel, of pixels in [0, value_range].
        value_range: what white is before normalisation (1, or 255 for raw bytes).
        baseline_mean, baseline_std: colour of grey and spread of Gaussian noise, of pixels in
            [0, value_range]; both or none.
        white: the grey value that is white in its images of more than 8 bits.
        resize: "squash", "crop" or "pad"; see `Geometry`.
        crop_share: share of the resized shortest side that the centre crop keeps, 0.1 to 1.
        interpolation: "nearest", "bilinear", "bicubic" or "area".
        antialias: whether what is shrunk is smoothed first; see `Geometry`.
        channel_order: "rgb" or "bgr", of what the network takes, of mean and std.
        standardise: "dataset", "image" or "channel"; see `Classifier`.
        head: "softmax" or "sigmoid".
        outputs: "logits" or "probabilities".
        thresholds: for sigmoid heads, one decision threshold per output.
        hooked_layers: names of the modules whose output is matched.
        name: how reports call the classifier.
        license, notes: free text, not read by the program.
        folder: where the file was found; file names in it are relative to this.
        given: the file that the user named, which may be a link to anywhere.
        settings: timm's config.json, if it was read too.
        trusted: installed packages that the user lets a factory come from.
    """

    architecture: Annotated[str, _text] = ""
    arguments: Annotated[Mapping[str, Any], _table] = field(default_factory=dict)
    classes: Annotated[tuple[str, ...] | None, _texts] = None
    weights: Annotated[str | None, _text] = None
    input_size: Annotated[tuple[int, int] | None, _size] = None
    channels: Annotated[int | None, _one_of(1, 3)] = None
    mean: Annotated[tuple[float, ...] | None, _numbers(MEAN, most=3)] = None
    std: Annotated[tuple[float, ...] | None, _numbers(STD, most=3)] = None
    value_range: Annotated[float | None, _number(WHITE)] = None
    baseline_mean: Annotated[tuple[float, ...] | None, _numbers(MEAN, most=3)] = None
    baseline_std: Annotated[tuple[float, ...] | None, _numbers(STD, most=3)] = None
    white: Annotated[float | None, _number(WHITE)] = None
    resize: Annotated[str | None, _one_of(*RULES)] = None
    crop_share: Annotated[float | None, _number(CROP)] = None
    interpolation: Annotated[str | None, _one_of(*INTERPOLATIONS)] = None
    antialias: Annotated[bool | None, _truth] = None
    channel_order: Annotated[str | None, _one_of(*ORDERS)] = None
    standardise: Annotated[str | None, _one_of(*STANDARDS)] = None
    head: Annotated[str | None, _one_of(*HEADS)] = None
    outputs: Annotated[str | None, _one_of(*OUTPUTS)] = None
    thresholds: Annotated[tuple[float, ...] | None, _numbers(THRESHOLD, most=CLASSES)] = None
    hooked_layers: Annotated[tuple[str, ...] | None, _texts] = None
    name: Annotated[str | None, _text] = None
    license: Annotated[str | None, _prose] = None
    notes: Annotated[str | None, _prose] = None
    folder: Path | None = None
    given: Path | None = None
    settings: Path | None = None
    trusted: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The part of `architecture` before the first colon: one of KINDS, or "" if unsaid."""
        head = self.architecture.partition(":")[0]
        return head if head in KINDS else ""

    @property
    def target(self) -> str:
        """The rest of `architecture`: a model's name, or `package.module:function`."""
        return self.architecture.partition(":")[2] if self.kind else self.architecture


READERS: Mapping[str, Callable[[object], Any]] = {  # the keys of a file: how each is read
    key: kind.__metadata__[0]
    for key, kind in get_type_hints(Description, include_extras=True).items()
    if hasattr(kind, "__metadata__")
}
RENAMED = {"taps": "hooked_layers"}  # keys before 0.2


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an adapter returns: the module, what it read, and the facts that its source carries.

    `module` is in evaluation mode, float32, on the CPU, and takes normalised b c h w. None is
    "the source does not say". The facts have the meaning and range of `Classifier`'s fields;
    `outputs` is said by an adapter that has cut the ending off, which goes before a description.
    `check`, if given, is run on each image before it is explained. `weights` are the weights files
    that were read beside the one that was given, by their names in its folder; `source_files` all
    other files.
    """

    module: nn.Module
    labels: tuple[str, ...] | None = None
    input_size: tuple[int, int] | None = None
    channels: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    value_range: float | None = None
    rule: str | None = None
    crop_share: float | None = None
    interpolation: str | None = None
    head: str | None = None
    outputs: str | None = None
    check: Callable[[Tensor], None] | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    source_files: Mapping[str, Path] = field(default_factory=dict)


def read_description(path: Path) -> Description:
    """The description in a TOML file.

    Raises:
        ClassifierError: if the file cannot be read.
        ConfigError: if it is no TOML, or a key is unknown or has the wrong type.
    """
    try:
        if (size := path.stat().st_size) > MOST:
            raise ConfigError(f"{path} has {size:,} bytes; a description takes at most {MOST:,}.")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ClassifierError(f"{path} cannot be read ({error.strerror}).") from error
    except RecursionError as error:
        raise ConfigError(f"{path} has lists or tables too deep in each other.") from error
    except ValueError as error:  # no TOML, no text, or a number of thousands of digits
        reason = str(error).rstrip(".")
        raise ConfigError(f"{path} is not valid TOML: {reason}; correct it there.") from error
    return description_from(table, folder=path.parent, where=str(path))


def description_from(
    table: Mapping[str, Any], *, folder: Path | None = None, where: str = FILE
) -> Description:
    """The description in a table as TOML has it; `where` is how errors call the table.

    Raises:
        ConfigError: if a key is unknown (the nearest known one is named) or has the wrong type.
    """
    for old in RENAMED.keys() & table.keys():
        log.warning(
            "%s: %s is now %s; the old name goes with the next version", where, old, RENAMED[old]
        )
    table = {RENAMED.get(key, key): value for key, value in table.items()}
    for key in table:
        if key not in READERS:
            raise ConfigError(f"{where} has an unknown key {shown(key)}{_nearest(key)}")
    values = {key: _read(key, value, where) for key, value in table.items()}
    return Description(**values, folder=folder)


def _nearest(key: str) -> str:
    near = get_close_matches(key[:60], READERS, n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known keys are {', '.join(READERS)}."


def _read(key: str, value: object, where: str) -> Any:  # noqa: ANN401 - as the field has it
    try:
        return READERS[key](value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {key} must be {error}, got {shown(value)}.") from error
