"""Where a classifier's files lie: a source to its description, its kind and its weights file."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import file_digest
from pathlib import Path

from med_cam.classifiers import from_huggingface, from_timm, from_torchvision
from med_cam.classifiers.checkpoint import is_torchscript
from med_cam.classifiers.description import FILE, KINDS, Description, read_description
from med_cam.classifiers.foreign import foreign
from med_cam.classifiers.inside import inside
from med_cam.classifiers.timm_hub import hub_description, is_hub_folder
from med_cam.errors import ClassifierError

UNTRAINED = ("timm", "torchvision", "factory")  # kinds that can be built without weights


def described(source: Path) -> Description:
    """What is said of the classifier at a path, before anything is loaded.

    Raises:
        ClassifierError: if there is nothing, or nothing that describes a classifier.
        ConfigError: if its `classifier.toml` is wrong.
    """
    try:
        is_folder = source.is_dir()
    except OSError as error:  # a name longer than files have, a folder that may not be entered
        raise ClassifierError(
            f"{source} cannot be opened ({error.strerror}); check the path."
        ) from error
    if is_folder:
        return _in_folder(source)
    if not source.is_file():
        raise ClassifierError(_nothing_at(str(source)))
    if source.suffix == ".toml":
        return _with_settings(read_description(source))
    beside = source.parent / FILE
    said = read_description(beside) if beside.is_file() else Description(folder=source.parent)
    readable = KINDS.get(said.kind, (source.suffix,))
    if said.weights not in (None, source.name) or source.suffix not in readable:
        said = Description(folder=source.parent)  # it describes another file
    return replace(said, weights=source.name, given=source)


def _in_folder(folder: Path) -> Description:
    if (folder / FILE).is_file():
        return _with_settings(read_description(folder / FILE))
    if is_hub_folder(folder):
        return hub_description(Description(folder=folder))
    if (folder / "config.json").is_file():
        return Description(architecture="huggingface", folder=folder)
    held = from_huggingface.MERGED if (folder / "adapter_config.json").is_file() else ""
    other = held or foreign(folder)
    if other:
        raise ClassifierError(f"{folder} holds {other}.")
    raise ClassifierError(f"{folder} holds neither {FILE} nor Hugging Face's config.json.")


def _with_settings(said: Description) -> Description:
    """What is said, with timm's config.json for the rest where no architecture is said."""
    folder = said.folder or Path()
    return hub_description(said) if not said.architecture and is_hub_folder(folder) else said


def _nothing_at(source: str) -> str:
    if source.partition(":")[0] in KINDS:
        return (
            f"{source!r} names an architecture, not a trained classifier; put its weights into a "
            f'folder with a {FILE} that says architecture = "{source}", and give the folder.'
        )
    return f"There is no classifier at {source!r}; give a folder with a {FILE}, or a model file."


def kind_of(description: Description) -> str:
    """The adapter's name; for a bare architecture the zoo that has it."""
    if description.kind:
        return description.kind
    if description.architecture:
        return _zoo(description.architecture)
    folder = description.folder or Path()
    if description.weights is None and (folder / "config.json").is_file():
        return "huggingface"
    weights = weights_file(description, "")
    file_kind = {".onnx": "onnx", ".pt2": "export"}.get(weights.suffix if weights else "")
    if file_kind is None and weights is not None and is_torchscript(weights):
        file_kind = "torchscript"
    if file_kind is None and weights is not None and foreign(weights):
        raise ClassifierError(f"{weights} cannot be read here: {foreign(weights)}.")
    if file_kind is None:
        raise ClassifierError(
            f"{weights} is no ONNX, TorchScript or torch.export program; if it holds weights, say "
            f'their architecture in a {FILE} beside them, as in architecture = "timm:resnet18".'
        )
    return file_kind


def _zoo(name: str) -> str:
    if ":" not in name and from_timm.knows(name):
        return "timm"
    if ":" not in name and from_torchvision.knows(name):
        return "torchvision"
    raise ClassifierError(
        f"architecture {name!r} is neither in timm nor in torchvision, nor one of "
        f"{', '.join(KINDS)}."
    )


def weights_file(description: Description, kind: str) -> Path | None:
    """The weights file: the one that is named, else the only one in the folder that fits."""
    folder = description.folder or Path()
    if description.weights in ("random", "own"):
        if kind not in (UNTRAINED if description.weights == "random" else ("factory",)):
            raise ClassifierError(
                f"weights = {description.weights!r} is not for {kind or 'this'}."
            )
        return None
    if description.weights is not None:
        return description.given or inside(folder, description.weights)
    wanted = KINDS[kind] if kind else tuple({s for known in KINDS.values() for s in known})
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix in wanted and path.is_file() and path.name[0] != "."
    )
    if kind == "huggingface":  # save_pretrained may leave both formats, or parts
        found = [path for path in found if path.suffix == ".safetensors"] or found
        found = found if len(found) == 1 else from_huggingface.indices(folder)[:1] or found
    if not found and foreign(folder):
        raise ClassifierError(f"{folder} has no weights that can be read here: {foreign(folder)}.")
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or f"none of {', '.join(sorted(wanted))}"
        raise ClassifierError(
            f"{folder} must hold one weights file, or {FILE} say which; it holds {names}."
        )
    return inside(folder, found[0].name)


def name_of(description: Description, source: Path) -> str:
    """How reports call the classifier: as described, else after its folder or file."""
    folder = source.parent if source.name == FILE else source
    name = description.name or (folder.stem if folder.is_file() else folder.resolve().name)
    return f"{name} (random weights)" if description.weights == "random" else name


def sha256_of(files: Mapping[str, Path]) -> dict[str, str]:
    """Of each file's bytes, by name, sorted."""
    digests = {}
    for name, path in sorted(files.items()):
        with path.open("rb") as stream:
            digests[name] = file_digest(stream, "sha256").hexdigest()
    return digests
