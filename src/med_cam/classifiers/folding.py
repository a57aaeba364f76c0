"""Batch normalisation as part of the convolution before it: the same function in fewer steps.

In evaluation a batch normalisation multiplies and adds constants, channel by channel, and so does
a convolution with other weights (Jacob et al. 2018, arXiv 1712.05877, section 3.2). Which pairs
are in a row is found by one pass through the module, and whether the folded network answers as the
module itself does is tried before any is used. Nothing of the module is changed: other functions
stand before its layers for the length of a `with`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from med_cam.classifiers.hooks import first_tensor, frozen

ALIKE = 1e-4  # by which logits may differ, of the largest: rounding of float32 through all layers

Pairs = tuple[tuple[str, str], ...]  # names of a convolution and of what normalises its output


@dataclass(slots=True)
class _Seen:
    """What the hooks of one pass have noted: calls of each layer, and what followed on what."""

    calls: dict[str, int] = field(default_factory=dict)
    made: dict[str, Tensor] = field(default_factory=dict)
    follows: dict[str, str] = field(default_factory=dict)


def find_foldable(module: nn.Module, x: Float[Tensor, "b c h w"]) -> Pairs:
    """Convolutions whose output goes straight into a batch normalisation; none if that fails.

    Runs a module with batch normalisation once or twice on `x`, without gradients, and leaves it
    as it was.
    """
    if all(after_folding(layer) is None for layer in module.modules()):
        return ()
    with frozen(module), torch.no_grad():
        pairs, output = _in_a_row(module, x)
        own = first_tensor(output, floating=True)
        if own is None or not pairs:
            return ()
        with folded(module, pairs):
            found = first_tensor(module(x.clone()), floating=True)
    if found is None or found.shape != own.shape:
        return ()
    apart = (found - own).abs().max()
    return pairs if bool(apart <= ALIKE * own.abs().max()) else ()


def _in_a_row(module: nn.Module, x: Tensor) -> tuple[Pairs, object]:
    """Pairs of which the second takes what the first made, each called once; and the output."""
    layers = dict(module.named_modules(remove_duplicate=False))
    names = [id(layer) for layer in layers.values()]
    once = {name: layer for name, layer in layers.items() if names.count(id(layer)) == 1}
    seen = _Seen()
    with ExitStack() as stack:
        for name, layer in once.items():
            if _plain_convolution(layer):
                hook = layer.register_forward_hook(partial(_note_made, seen, name))
                stack.callback(hook.remove)
            elif after_folding(layer) is not None:
                hook = layer.register_forward_pre_hook(partial(_note_taken, seen, name))
                stack.callback(hook.remove)
        output = module(x.clone())
    pairs = tuple(
        (first, second)
        for second, first in seen.follows.items()
        if seen.calls[first] == seen.calls[second] == 1
    )
    return pairs, output


def _note_made(seen: _Seen, name: str, _layer: nn.Module, _inputs: object, output: Tensor) -> None:
    seen.calls[name] = seen.calls.get(name, 0) + 1
    seen.made[name] = output


def _note_taken(seen: _Seen, name: str, _layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    seen.calls[name] = seen.calls.get(name, 0) + 1
    for first, made in seen.made.items():
        if inputs and inputs[0] is made:
            seen.follows[name] = first


def _plain_convolution(layer: nn.Module) -> bool:
    """Whether it is torch's own, or timm's with TensorFlow's padding: from its weights alone."""
    own = type(layer) is nn.Conv2d or _of_timm(layer, "Conv2dSame")
    return own and isinstance(layer, nn.Conv2d) and _untouched(layer)


def _of_timm(layer: nn.Module, name: str) -> bool:
    kind = type(layer)
    return kind.__name__ == name and kind.__module__.startswith("timm.")


def _untouched(layer: nn.Module) -> bool:
    """Whether nobody listens to a layer, or has put a function before it."""
    listening = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks
    return not listening and "forward" not in vars(layer)


def after_folding(layer: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """What a batch normalisation does besides normalising; None if it is none that can be folded.

    timm's have the activation that follows in them.
    """
    if not isinstance(layer, nn.BatchNorm2d) or layer.running_mean is None:
        return None
    if _untouched(layer) and _of_timm(layer, "BatchNormAct2d"):
        drop, act = layer.get_submodule("drop"), layer.get_submodule("act")
        return act if type(drop) is nn.Identity else nn.Sequential(drop, act)
    return _as_it_is if _untouched(layer) and type(layer) is nn.BatchNorm2d else None


def _swift(layer: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A convolution in the way in which a CPU makes it fastest.

    Of single places torch leaves the way of oneDNN where it has one thread and fewer than 16
    images, though that is 1.2 to 1.5 times faster for 2 to 8 (MobileNetV2, 160 pixels, torch
    2.13). With a dilation, which says nothing of a single place, it takes it.
    """
    if layer.kernel_size != (1, 1) or layer.stride != (1, 1):
        return layer.forward
    dilated = copy(layer)
    dilated.dilation = (2, 2)

    def convolved(x: Tensor) -> Tensor:
        several = len(x) > 1 and x.device.type == "cpu" and torch.get_num_threads() == 1
        made: Tensor = (dilated if several else layer).forward(x)
        return made

    return convolved


def _as_it_is(x: Tensor) -> Tensor:
    return x


@contextmanager
def folded(module: nn.Module, pairs: Pairs, hooked: tuple[str, ...] = ()) -> Iterator[None]:
    """The module with these pairs folded, for the length of a `with`, in evaluation mode.

    Args:
        module: whose weights are read now, and not changed.
        pairs: from `find_foldable`; those that the module has not are left out.
        hooked: layers whose own output is wanted: a convolution among them is left alone.
    """
    layers: Mapping[str, nn.Module] = dict(module.named_modules())
    with ExitStack() as stack:
        for first, second in pairs:
            one, two = layers.get(first), layers.get(second)
            if one is None or two is None or first in hooked:
                continue
            after = after_folding(two)
            if after is None or not _plain_convolution(one):
                continue
            fused = fuse_conv_bn_eval(cast("nn.Conv2d", one), cast("nn.BatchNorm2d", two))
            fused.requires_grad_(requires_grad=False)
            for layer, function in ((one, _swift(fused)), (two, after)):
                vars(layer)["forward"] = function  # past nn.Module, which would take it for a part
                stack.callback(vars(layer).pop, "forward")
        yield
