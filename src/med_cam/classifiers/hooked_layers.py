"""The layers whose activations are matched, found by one pass through the module.

A transformer shows as blocks that hand on tokens: about four of them, evenly spaced, the last one
included. A convolutional net shows as maps that shrink: for each halving of the resolution, from
a quarter of the input down, the last output of an activation function, or of any layer where
activations are no modules. A module without either gives its last features before the logits.
Modules whose parts do not run in Python (TorchScript, exported graphs) have no hooked layers at
all; the activation term is then not available.
"""

import math
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.hooks import first_tensor, frozen

ACTIVATIONS = ("relu", "elu", "silu", "swish", "mish", "softplus")  # parts of class names
CONTAINERS = (nn.Sequential, nn.ModuleList)
MAPS = 5  # hooked layers of a convolutional net, at most: the deepest resolutions
BLOCKS = 4  # hooked layers of a transformer, at most
QUARTER = 2  # halvings of the input's resolution where maps start to be worth matching


@dataclass(frozen=True, slots=True)
class Call:
    """The last call of one module: its output's shape, and how far it has shrunk."""

    name: str
    module: nn.Module
    shape: tuple[int, ...]
    octave: int | None  # halvings of the input's resolution, for maps b c h w; else None
    tokens: bool  # b n d, or a map with its channels last


@dataclass(slots=True)
class _Tape:
    """What the hooks of one run have noted so far."""

    calls: dict[str, Call] = field(default_factory=dict)
    last: dict[tuple[int, ...], tuple[Tensor, int]] = field(default_factory=dict)


def find_hooked_layers(module: nn.Module, x: Float[Tensor, "b c h w"]) -> tuple[str, ...]:
    """Names of the layers to match, in the order in which they are computed; perhaps none.

    Runs the module once on `x`, without gradients, and leaves it as it was.
    """
    calls, logits = _calls(module, x)
    blocks = _blocks(module, calls)
    if blocks:
        return _spread(blocks)
    maps = [call for call in calls if call.octave is not None]
    deep = [call for call in maps if call.octave is not None and call.octave >= QUARTER]
    tokens = [call for call in calls if call.tokens and call.shape == _last_tokens(calls)]
    if len(tokens) > 1 and len({call.octave for call in maps}) < 2:
        return _spread(tokens)  # a flat graph of a transformer, or a mixer without blocks
    if maps:
        return _one_an_octave(deep or maps)
    features = [call for call in calls if len(call.shape) == 2 and call.shape != logits]
    return tuple(call.name for call in (tokens or features)[-1:])


def _calls(module: nn.Module, x: Tensor) -> tuple[list[Call], tuple[int, ...] | None]:
    """The last call of every submodule in order of completion, and the shape of the logits."""
    tape = _Tape()
    with ExitStack() as stack, torch.no_grad():
        stack.enter_context(frozen(module))
        for name, part in module.named_modules():
            if name and not isinstance(part, torch.jit.ScriptModule):
                stack.callback(part.register_forward_hook(partial(_note, name, x, tape)).remove)
        logits = first_tensor(module(x.clone()))
    return list(tape.calls.values()), None if logits is None else tuple(logits.shape)


def _note(
    name: str, x: Tensor, tape: _Tape, module: nn.Module, _inputs: object, output: object
) -> None:
    """Note a module's output, unless that is the previous one handed through.

    A container's output is that of its last part, unchanged: the part keeps the credit. An
    output that was since written to in place is a new one: its version has moved on.
    """
    tape.calls.pop(name, None)  # only the last call counts, as it does when hooked
    tensor = first_tensor(output)
    shape = () if tensor is None else tuple(tensor.shape)
    if tensor is None or not tensor.is_floating_point() or _same(tensor, tape.last.get(shape)):
        return
    tape.last[shape] = (tensor, tensor._version)
    octave = _octave(shape, tuple(x.shape))
    tape.calls[name] = Call(name, module, shape, octave, _is_tokens(shape, tuple(x.shape)))


def _same(tensor: Tensor, last: tuple[Tensor, int] | None) -> bool:
    if last is None:
        return False
    previous, version = last
    alias = tensor is previous or tensor.data_ptr() == previous.data_ptr()
    return alias and tensor._version == version


def _octave(shape: tuple[int, ...], x: tuple[int, ...]) -> int | None:
    """Halvings of the resolution from x (b c h w) to a map (b c h w); None if it is no map."""
    if len(shape) != 4 or shape[0] != x[0] or shape[2:] == (1, 1):
        return None
    rows, columns = (
        math.log2(whole / max(part, 1)) for whole, part in zip(x[2:], shape[2:], strict=True)
    )
    fits = abs(rows - columns) < 0.5 and min(rows, columns) > -0.5
    return round((rows + columns) / 2) if fits else None


def _is_tokens(shape: tuple[int, ...], x: tuple[int, ...]) -> bool:
    """Whether a shape is b n d, or b h w d of a map that is no b c h w."""
    if shape[0] != x[0] or min(shape[1:], default=1) < 1:
        return False
    if len(shape) == 4:
        last = (shape[0], shape[3], shape[1], shape[2])
        return _octave(shape, x) is None and _octave(last, x) is not None
    return len(shape) == 3 and min(shape[1:]) > 1


def _last_tokens(calls: Iterable[Call]) -> tuple[int, ...] | None:
    return next((call.shape for call in reversed(list(calls)) if call.tokens), None)


def _blocks(module: nn.Module, calls: Iterable[Call]) -> list[Call]:
    """Calls of the innermost compound modules in a Sequential or ModuleList that give tokens."""
    listed = {
        f"{name}.{child}" if name else child
        for name, part in module.named_modules()
        if isinstance(part, CONTAINERS)
        for child, _ in part.named_children()
    }
    found = [
        call
        for call in calls
        if call.tokens
        and call.name in listed
        and not isinstance(call.module, CONTAINERS)
        and any(True for _ in call.module.children())
    ]
    names = [call.name for call in found]
    return [c for c in found if not any(name.startswith(f"{c.name}.") for name in names)]


def _spread(calls: list[Call]) -> tuple[str, ...]:
    """Evenly spaced names, the last included."""
    wanted = min(BLOCKS, len(calls))
    ends = [math.ceil(len(calls) * (i + 1) / wanted) - 1 for i in range(wanted)]
    return tuple(calls[end].name for end in ends)


def _one_an_octave(maps: list[Call]) -> tuple[str, ...]:
    """The last activation at each resolution; else the last output that is not normalised."""
    best: dict[int | None, Call] = {}
    for call in maps:
        held = best.get(call.octave)
        if held is None or _worth(call) >= _worth(held):
            best[call.octave] = call
    order = {call.name: i for i, call in enumerate(maps)}
    deepest = sorted(best.values(), key=lambda call: call.octave or 0)[-MAPS:]
    return tuple(call.name for call in sorted(deepest, key=lambda call: order[call.name]))


def _worth(call: Call) -> int:
    kind = type(call.module).__name__.lower()
    if any(part in kind for part in ACTIVATIONS):
        return 2
    return 0 if "norm" in kind else 1
