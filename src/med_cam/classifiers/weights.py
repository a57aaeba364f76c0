"""Weights files to named tensors, and named tensors into an architecture that they fit."""

import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from med_cam.errors import ClassifierError

State = Mapping[str, Tensor]

NESTS = ("state_dict", "model_state_dict", "model")  # where training scripts put the weights
PREFIXES = ("module.", "model.", "_orig_mod.")  # DataParallel, Lightning, torch.compile
COUNTERS = "num_batches_tracked"  # of batch normalisation; evaluation never reads it
SHOWN = 3  # keys named in an error


def read_state(path: Path) -> State:
    """Named tensors of a safetensors file or of a `.pt` file without code in it.

    Raises:
        ClassifierError: if the file is broken, needs code to be run, or holds no tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise ClassifierError(f"{path} is no readable safetensors file ({error}).") from error
    if is_torchscript(path):
        raise ClassifierError(
            f'{path} is a TorchScript program, not bare weights; say architecture = "torchscript".'
        )
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ClassifierError(
            f"{path} cannot be read as plain weights; save model.state_dict() as safetensors "
            "(pickled objects are never run)."
        ) from error
    return _tensors(found, path)


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive with TorchScript code in it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def fitted(
    create: Callable[..., nn.Module],
    arguments: Mapping[str, Any],
    *,
    classes: int | None,
    weights: Path | None,
) -> nn.Module:
    """The architecture that `create(**arguments)` builds, with the weights in it, for evaluation.

    Where `arguments` does not say `num_classes`, the weights do, then `classes`: so that a list
    of classes that is too short is distinguished from weights that do not fit at all.

    Raises:
        ClassifierError: if it cannot be built, or the weights do not fit.
    """
    said = {} if classes is None else {"num_classes": classes}
    module = built(create, said | dict(arguments))
    if weights is None:
        return module.eval()
    state = unprefixed(read_state(weights), module.state_dict())
    outputs = _outputs(module, state)
    if outputs is not None and "num_classes" not in arguments:
        module = built(create, {**arguments, "num_classes": outputs})
    fit(module, state, source=str(weights))
    return module.eval()


def built(create: Callable[..., nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    """`create(**arguments)`, leaving torch's global generator as it was.

    Raises:
        ClassifierError: if that fails, or gives no module.
    """
    said = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    try:
        with torch.random.fork_rng(devices=[]):
            module = create(**arguments)
    except Exception as error:
        raise ClassifierError(
            f"The architecture cannot be built with ({said}): {type(error).__name__}: "
            f"{first_line(error)}; correct `arguments`."
        ) from error
    if not isinstance(module, nn.Module):
        raise ClassifierError(
            f"The architecture built with ({said}) is {type(module).__name__}, not a torch module."
        )
    return module.float()


def first_line(error: BaseException) -> str:
    """What an error says, in a line without its full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def fit(module: nn.Module, state: State, *, source: str) -> None:
    """Copy the state into the module, whose precision stays (float16 becomes float32).

    Raises:
        ClassifierError: if a key is missing, unexpected or of the wrong shape, or a value is not
            finite.
    """
    state = unprefixed(state, module.state_dict())
    own = {key: tensor for key, tensor in module.state_dict().items() if tensor is not None}
    missing = [key for key in own if key not in state and not key.endswith(COUNTERS)]
    unexpected = [key for key in state if key not in own]
    wrong = [
        f"{key} is {_shape(state[key])} in the file and {_shape(own[key])} in the architecture"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    faults = (("missing", missing), ("unexpected", unexpected), ("of the wrong shape", wrong))
    if any(keys for _, keys in faults):
        faulty = "; ".join(_listed(keys, name) for name, keys in faults if keys)
        raise ClassifierError(f"{source} does not fit {type(module).__name__}: {faulty}.")
    require_finite(state.items(), source=source)
    module.load_state_dict(dict(state), strict=False)


def require_finite(named: Iterable[tuple[str, Tensor]], *, source: str) -> None:
    """Refuse tensors with NaN or infinity in them.

    Raises:
        ClassifierError: naming the first such tensor, and how many of its values are not finite.
    """
    for name, tensor in named:
        broken = int((~torch.isfinite(tensor)).sum()) if tensor.is_floating_point() else 0
        if broken:
            raise ClassifierError(
                f"{source}: {name} holds {broken} values that are NaN or infinite, of "
                f"{tensor.numel()}; export the weights again."
            )


def unprefixed(state: State, own: Collection[str]) -> State:
    """The state without the prefixes that wrappers put before every key."""
    for prefix in PREFIXES:
        wrapped = bool(state) and all(key.startswith(prefix) for key in state)
        if wrapped and not any(key in own for key in state):
            return unprefixed({key.removeprefix(prefix): state[key] for key in state}, own)
    return state


def _tensors(found: object, path: Path) -> State:
    for nest in NESTS:
        if isinstance(found, Mapping) and isinstance(found.get(nest), Mapping):
            return _tensors(found[nest], path)
    entries = found.items() if isinstance(found, Mapping) else ()
    state = {str(key): value for key, value in entries if isinstance(value, Tensor)}
    if not state:
        raise ClassifierError(
            f"{path} holds {type(found).__name__} without named tensors; save model.state_dict()."
        )
    return state


def _outputs(module: nn.Module, state: State) -> int | None:
    """Outputs of the head in the state, if they are not those of the module."""
    heads = [
        (name, part)
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | nn.Conv2d)
    ]
    if not heads or f"{heads[-1][0]}.weight" not in state:
        return None
    name, part = heads[-1]
    there, here = state[f"{name}.weight"].shape, part.weight.shape
    return there[0] if there[1:] == here[1:] and there[0] != here[0] else None


def _listed(keys: list[str], name: str) -> str:
    more = ", ..." if len(keys) > SHOWN else ""
    return f"{len(keys)} {name} ({', '.join(keys[:SHOWN])}{more})"


def _shape(tensor: Tensor) -> str:
    return "x".join(str(side) for side in tensor.shape) or "a single number"
