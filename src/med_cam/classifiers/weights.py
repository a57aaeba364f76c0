"""Named tensors into an architecture that they fit, whole and finite."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from med_cam.classifiers.checkpoint import State, read_states
from med_cam.classifiers.matching import best_match, fitting
from med_cam.errors import ClassifierError, first_line


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
    states, source = read_states(weights), str(weights)
    found = best_match(states, _tensors(module), source=source).found
    outputs = _outputs(module, found)
    if outputs is not None and "num_classes" not in arguments:
        module = built(create, {**arguments, "num_classes": outputs})
    fit(module, states, source=source)
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


def fit(module: nn.Module, states: Mapping[str, State], *, source: str) -> None:
    """Copy the state into the module, whose precision stays (float16 becomes float32).

    Raises:
        ClassifierError: if a tensor is missing, unexpected or of the wrong shape, a value is not
            finite, or the file holds two states that fit.
    """
    own = _tensors(module)
    match = best_match(states, own, source=source)
    state = fitting(match, own, source=source, name=type(module).__name__)
    require_finite(state.items(), source=source)
    module.load_state_dict(dict(state), strict=False)


def _tensors(module: nn.Module) -> State:
    return {key: value for key, value in module.state_dict().items() if isinstance(value, Tensor)}


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
