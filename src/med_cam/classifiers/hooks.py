"""A user's module frozen and hooked for the length of a `with`, and its outputs read."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.probabilities import as_logits
from med_cam.errors import ClassifierError


def device_of(module: nn.Module) -> torch.device:
    """Where the module's first parameter or buffer lies; the CPU if it has none."""
    for tensor in (*module.parameters(), *module.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Evaluation mode and no gradients to parameters for the length of a `with`.

    Flags are set one by one, not by `eval()`: each submodule gets its own back, and modules that
    refuse `eval()` (exported programs) are served too.
    """
    training = [part for part in module.modules() if part.training]
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    try:
        for part in training:
            part.training = False
        for parameter in learning:
            parameter.requires_grad_(False)  # noqa: FBT003 - torch's own signature
        yield
    finally:
        for part in training:
            part.training = True
        for parameter in learning:
            parameter.requires_grad_(True)  # noqa: FBT003


@contextmanager
def hooked(
    module: nn.Module, hooked_layers: tuple[str, ...], caught: dict[str, Tensor]
) -> Iterator[None]:
    """Write the output of each hooked layer's last call into `caught` for the length of a `with`.

    A copy is taken at once, since a later layer may overwrite the output in place.
    """

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def catch(_module: nn.Module, _inputs: object, output: object) -> None:
            tensor = first_tensor(output)
            if tensor is not None:
                caught[name] = tensor.clone()

        return catch

    with ExitStack() as stack:
        for name, part in hooked_modules(module, hooked_layers).items():
            stack.callback(part.register_forward_hook(hook(name)).remove)
        yield


def hooked_modules(module: nn.Module, hooked_layers: tuple[str, ...]) -> dict[str, nn.Module]:
    """The modules of these names.

    Raises:
        ClassifierError: if there is no module of a name; the nearest one is named.
    """
    known = dict(module.named_modules(remove_duplicate=False)) if hooked_layers else {}
    for name in hooked_layers:
        if not name or name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.0)
            raise ClassifierError(
                f"There is no layer {name!r} to hook in {type(module).__name__}"
                + (f"; the nearest name is {near[0]!r}." if near and near[0] else ".")
            )
    return {name: known[name] for name in hooked_layers}


def first_tensor(output: object, *, floating: bool = False) -> Tensor | None:
    """The tensor of a module's output: itself, or the first one in a tuple, list or mapping.

    Args:
        output: of a module.
        floating: pass over tensors of whole numbers.
    """
    if isinstance(output, Tensor):
        return output if output.is_floating_point() or not floating else None
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, tuple | list):
        found = (first_tensor(part, floating=floating) for part in output)
        return next((tensor for tensor in found if tensor is not None), None)
    return None


def logits_of(
    output: object,
    *,
    batch: int,
    labels: tuple[str, ...],
    outputs: str = "logits",
    head: str = "softmax",
) -> Float[Tensor, "b k"]:
    """The logits in whatever a module returns: b k, one logit a label.

    A lone logit z under two labels becomes (0, z). Where the outputs are "probabilities", their
    logits are taken first, as the head has it.

    Raises:
        ClassifierError: if there are no logits, or not one a label.
    """
    logits = raw_logits(output, batch=batch)
    if outputs == "probabilities":
        logits = as_logits(logits, head=head)
    if logits.shape[1] == 1 and len(labels) == 2:
        return torch.cat([torch.zeros_like(logits), logits], dim=1)  # b 2
    if logits.shape[1] != len(labels):
        raise ClassifierError(
            f"The classifier gives {logits.shape[1]} outputs, but {len(labels)} classes are "
            f"named ({', '.join(labels)}); name one class for each output."
        )
    return logits


def raw_logits(output: object, *, batch: int) -> Float[Tensor, "b k"]:
    """The logits in whatever a module returns, as many as there are.

    Read from a tensor, from `.logits` or ["logits"], or from the first tensor of a tuple that is
    of floating point: the number of the winning class, which some return first, is no logit.

    Raises:
        ClassifierError: if there is no tensor of b k numbers.
    """
    named = (
        output.get("logits") if isinstance(output, Mapping) else getattr(output, "logits", None)
    )
    given = output if named is None else named
    logits = first_tensor(given, floating=True)
    if logits is None and (whole := first_tensor(given)) is not None:
        kind = str(whole.dtype).removeprefix("torch.")
        raise ClassifierError(
            f"The classifier returns whole numbers ({kind}), its choice of a class; make it "
            "return the logits that the choice is made from."
        )
    if logits is None:
        raise ClassifierError(
            f"The classifier returned {type(output).__name__} without a tensor of logits; "
            "wrap it so that it returns logits."
        )
    logits = logits.unsqueeze(1) if logits.ndim == 1 else logits
    logits = logits.flatten(1) if math.prod(logits.shape[2:]) == 1 else logits  # b k 1 1 -> b k
    if logits.ndim != 2 or logits.shape[0] != batch:
        raise ClassifierError(
            f"The classifier returns for a batch of {batch} images a tensor of shape "
            f"{tuple(logits.shape)}; it must return one row of logits for each image."
        )
    return logits
