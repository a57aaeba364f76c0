"""Hugging Face image-classification folders, as `save_pretrained` writes them.

Only files in the folder are read: nothing is fetched from a hub, and no code in it is run.
"""

import json
import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.inside import inside, leads_out
from med_cam.errors import ClassifierError, first_line

RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}  # Pillow's numbers
FINE = 384  # from this side on, ConvNeXt's processor squashes instead of cropping
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
INDEX = ".index.json"  # after either: the file that names the parts of a large classifier
ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin")  # put on top, where peft is there
SETTINGS = ("config.json", "preprocessor_config.json", "adapter_config.json")
MERGED = (  # of an adapter: the model that it belongs to would be looked for elsewhere
    "an adapter, which is only a part of a classifier; join it with its base model in peft "
    "(model.merge_and_unload().save_pretrained(folder)) and give that folder"
)
QUANTISED = (
    "quantised weights, which give no exact gradients; give the classifier before quantisation"
)
ELSEWHERE = (
    "a backbone that would be fetched by name; save the whole classifier with save_pretrained"
)
FOREIGN: Mapping[str, str] = {  # keys of config.json, wherever they stand, and what they mean
    "quantization_config": QUANTISED,
    "use_pretrained_backbone": ELSEWHERE,
    "use_timm_backbone": ELSEWHERE,
    "backbone": ELSEWHERE,
}
FLIPPED = "do_flip_channel_order"  # blue before red, and no normalisation: MobileViT


def load(description: Description, weights: Path | None) -> Loaded:
    """The classifier in a folder, with the labels and the preprocessing that lie beside it.

    Raises:
        ClassifierError: if transformers is not installed, the folder is no image classifier's,
            or its weights do not fit its configuration.
    """
    folder = description.folder or (weights.parent if weights is not None else None)
    if folder is None or not (folder / "config.json").is_file():
        raise ClassifierError(
            f"{folder or 'The classifier'} has no config.json; give a folder written by "
            "save_pretrained."
        )
    _refuse_foreign(folder)
    said = _read(folder / "preprocessor_config.json")
    safe = weights is None or not weights.name.removesuffix(INDEX).endswith(".bin")
    module = _module(_transformers(), folder, safe=safe)
    return Loaded(
        module=_Logits(module.float(), flipped=bool(said.get(FLIPPED))).eval(),
        labels=labels_of(module.config),
        head="sigmoid" if is_multi_label(module.config) else None,
        weights=_weights(folder, module.config, safe=safe),
        source_files=_there(folder, SETTINGS),
        **_preprocessing(said, module.config),
    )


def _refuse_foreign(folder: Path) -> None:
    """Raise where transformers would read something else than the weights in the folder.

    Raises:
        ClassifierError: naming what, and what to do.
    """
    if any((folder / name).exists() for name in ADAPTERS) or "adapter_config.json" in _names(
        folder
    ):
        raise ClassifierError(f"{folder} holds {MERGED}.")
    for name in {*SETTINGS, SAFE, PICKLED, SAFE + INDEX, PICKLED + INDEX} & _names(folder):
        inside(folder, name, what="file")
    for key, value in _entries(_read(folder / "config.json")):
        if key in FOREIGN and value:
            raise ClassifierError(f"{folder}/config.json names ({key}) {FOREIGN[key]}.")
        if key == "transformers_weights" and leads_out(str(value)):
            raise ClassifierError(f"{folder}/config.json names weights outside of it, {value!r}.")
    for index in indices(folder):
        parts = _read(index).get("weight_map", {})
        for part in {str(p) for p in (parts.values() if isinstance(parts, dict) else ())}:
            inside(folder, part)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def _entries(content: object) -> Iterator[tuple[str, Any]]:
    """Keys and values of tables, wherever they stand."""
    pending = [content]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            yield from part.items()
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def indices(folder: Path) -> list[Path]:
    """The files that name the parts of a classifier in several, unless it is there whole too."""
    whole = _there(folder, (SAFE, PICKLED))
    named = _there(folder, (SAFE + INDEX, PICKLED + INDEX))
    return [path for name, path in named.items() if name.removesuffix(INDEX) not in whole]


def _weights(folder: Path, config: Any, *, safe: bool) -> dict[str, Path]:  # noqa: ANN401
    """The weights files that transformers reads, in its own order of preference."""
    whole = SAFE if safe else PICKLED
    named = getattr(config, "transformers_weights", None) or whole
    first = list(_there(folder, (named, whole, whole + INDEX)))[:1]
    maps = [_read(folder / name).get("weight_map", {}) for name in first if INDEX in name]
    parts = sorted({str(part) for named_parts in maps for part in named_parts.values()})
    return _there(folder, (*first, *parts, *ADAPTERS))


def _there(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Those of the files that are in the folder."""
    return {name: folder / name for name in names if (folder / name).is_file()}


class _Logits(nn.Module):
    """A Hugging Face classifier that returns its logits alone; takes red, green, blue."""

    def __init__(self, model: nn.Module, *, flipped: bool) -> None:
        super().__init__()
        self.model = model
        self._flipped = flipped

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        logits: Tensor = self.model(pixel_values=x.flip(1) if self._flipped else x).logits
        return logits


def _transformers() -> ModuleType:
    """The transformers package; torchvision, which some of it imports, goes before it."""
    with suppress(ImportError):  # transformers does without
        import_torchvision()
    try:
        import transformers
    except ImportError as error:
        raise ClassifierError(
            "Hugging Face classifiers need transformers, which is not installed here; "
            "pip install 'med-cam-evidence[huggingface]'."
        ) from error
    module: ModuleType = transformers
    return module


def _module(transformers: ModuleType, folder: Path, *, safe: bool) -> Any:  # noqa: ANN401
    """The model with its weights; every weight must be there, and have a place."""
    try:
        with _quiet(transformers):
            model, report = transformers.AutoModelForImageClassification.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=safe,
                weights_only=True,
                output_loading_info=True,
            )
    except Exception as error:
        reason = first_line(error)
        raise ClassifierError(
            f"{folder} cannot be loaded as a Hugging Face image classifier ({reason}); save it "
            "again with save_pretrained, without code of its own."
        ) from error
    missing = sorted(str(key) for key in report["missing_keys"])
    if missing or report["mismatched_keys"]:
        wrong = missing or sorted(str(key[0]) for key in report["mismatched_keys"])
        raise ClassifierError(
            f"The weights in {folder} do not fit its config.json: {', '.join(wrong[:3])} "
            f"{'is' if len(wrong) == 1 else 'are'} missing or of another shape; save the "
            "classifier again after training."
        )
    return model


@contextmanager
def _quiet(transformers: ModuleType) -> Iterator[None]:
    """No progress bars, log lines or deprecation warnings for the length of a `with`."""
    bars = transformers.utils.logging
    logger = logging.getLogger("transformers")
    level, shown = logger.level, bars.is_progress_bar_enabled()
    logger.setLevel(logging.CRITICAL)
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            warnings.filterwarnings("ignore", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)
        if shown:
            bars.enable_progress_bar()


def labels_of(config: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Names of the outputs, in their order."""
    return tuple(str(config.id2label[k]) for k in sorted(config.id2label))


def is_multi_label(config: Any) -> bool:  # noqa: ANN401
    """Whether each output stands for itself."""
    return bool(config.problem_type == "multi_label_classification")


def _preprocessing(said: Mapping[str, Any], config: Any) -> dict[str, Any]:  # noqa: ANN401
    """What preprocessor_config.json says, in our words; what it leaves out stays out."""
    channels = getattr(config, "num_channels", None)
    facts: dict[str, Any] = {"channels": channels if channels in (1, 3) else None}
    facts |= (_normalisation(said) | _frame(said)) if said else {}
    facts["input_size"] = facts.get("input_size") or pair(getattr(config, "image_size", None))
    return facts


def _read(path: Path) -> Mapping[str, Any]:
    """The table in a JSON file; empty if there is none."""
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ClassifierError(f"{path} is no readable JSON ({error}); save it again.") from error
    return said if isinstance(said, dict) else {}


def _normalisation(said: Mapping[str, Any]) -> dict[str, Any]:
    """Mean and std of pixels in [0, value_range].

    EfficientNet's processor may take 1 off first (`rescale_offset`), and divides by std twice
    (`include_top`); both are folded into mean and std.
    """
    factor = said.get("rescale_factor", 1 / 255) if said.get("do_rescale", True) else 1.0
    white = 255.0 * float(factor)
    off = 1.0 if said.get("rescale_offset") else 0.0
    mean, std = _tuple(said.get("image_mean")), _tuple(said.get("image_std"))
    if not said.get("do_normalize", FLIPPED not in said):
        mean, std = (0.0,), (1.0,)
    if std is not None and said.get("include_top"):
        std = tuple(s * s for s in std)
    return {
        "value_range": 1.0 if math.isclose(white, 1.0) else white,
        "mean": None if mean is None else tuple(m + off for m in mean),
        "std": std,
    }


def _tuple(numbers: Any) -> tuple[float, ...] | None:  # noqa: ANN401
    if numbers is None:
        return None
    return tuple(float(n) for n in (numbers if isinstance(numbers, list) else [numbers]))


def _frame(said: Mapping[str, Any]) -> dict[str, Any]:
    """Input size and resize rule.

    Where a processor squashes to one size and crops to another, the crop is taken from the
    shortest side instead: the same for square images.
    """
    facts: dict[str, Any] = {"interpolation": RESAMPLE.get(said.get("resample", 2))}
    if "crop_pct" in said:
        return facts | _convnext_frame(pair(said.get("size")), said["crop_pct"])
    size, shortest = pair(said.get("size")), _shortest(said.get("size"))
    cropped = pair(said.get("crop_size")) if said.get("do_center_crop") else None
    if cropped is None:
        return facts | {"input_size": size, "rule": "squash" if size and not shortest else None}
    share = min(cropped) / min(size or cropped)
    return facts | {"input_size": cropped, "rule": "crop", "crop_share": min(1.0, share)}


def _convnext_frame(size: tuple[int, int] | None, share: float | None) -> dict[str, Any]:
    if size is None or min(size) >= FINE:
        return {"input_size": size, "rule": "squash"}
    return {"input_size": size, "rule": "crop", "crop_share": float(share or 1.0)}


def _shortest(size: Any) -> int | None:  # noqa: ANN401
    """The shortest side that an image is resized to, where the rule keeps its aspect."""
    found = size.get("shortest_edge") if isinstance(size, dict) else None
    return int(found) if found else None


def pair(size: Any) -> tuple[int, int] | None:  # noqa: ANN401
    """Height and width in any of the ways that they are written."""
    if isinstance(size, dict) and "shortest_edge" in size:
        size = size["shortest_edge"]
    if isinstance(size, dict) and "height" in size and "width" in size:
        size = (size["height"], size["width"])
    if isinstance(size, int):
        return size, size
    if isinstance(size, list | tuple) and len(size) == 2:
        return int(size[0]), int(size[1])
    return None
