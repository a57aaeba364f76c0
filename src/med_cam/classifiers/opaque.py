"""Programs from outside (TorchScript, torch.export, ONNX) made to behave like any classifier.

Such a program may take batches of one size only, and its parts may refuse hooks, or run once for
each part of a batch. `Opaque` hides the parts, takes a batch of any size, and shows the layers
that can be matched as hooked layers of its own, each called once with the whole batch.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

NO_LAYERS: Mapping[str, nn.Module] = MappingProxyType({})


class Opaque(nn.Module):
    """A module b c h w -> b k for batches of any size, with its parts out of sight.

    The inner module stays as it was given (in evaluation mode, say) whatever `train` and `eval`
    do; parameters, buffers and moves between devices reach it.

    Args:
        inner: takes batches of `smallest` to `largest` images (no upper limit if None).
        hooked_layers: name under which a layer is shown -> the part of `inner` whose output it is.
    """

    def __init__(
        self,
        inner: nn.Module,
        *,
        smallest: int = 1,
        largest: int | None = None,
        hooked_layers: Mapping[str, nn.Module] = NO_LAYERS,
    ) -> None:
        super().__init__()
        self._inner = (inner,)  # in a tuple, so that it is not registered as a submodule
        self._smallest = smallest
        self._largest = largest
        self._layers = tuple((_shown(self, name), part) for name, part in hooked_layers.items())
        self.eval()

    @property
    def batches(self) -> tuple[int, int | None]:
        """The smallest and the largest batch that the inner module takes; None: any."""
        return self._smallest, self._largest

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Logits, computed in batches that the inner module takes; the last one is padded."""
        watched = [(layer, part) for layer, part in self._layers if layer._forward_hooks]
        caught: list[list[Tensor]] = [[] for _ in watched]
        logits = []
        for images in x.split(self._largest or max(len(x), 1)):
            outputs, activations = self._part_of_batch(images, [part for _, part in watched])
            logits.append(outputs[: len(images)])
            for batches, activation in zip(caught, activations, strict=True):
                batches.append(activation[: len(images)])
        for (layer, _), batches in zip(watched, caught, strict=True):
            layer(torch.cat(batches))
        return torch.cat(logits)

    def _part_of_batch(
        self, images: Tensor, parts: list[nn.Module]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One call of the inner module: its output, and the last output of each of the parts."""
        missing = self._smallest - len(images)
        if missing > 0:
            images = torch.cat([images, images[-1:].detach().expand(missing, -1, -1, -1)])
        found: dict[nn.Module, Tensor] = {}
        with ExitStack() as stack:
            for part in set(parts):
                # cloned at once: a later layer may overwrite the output in place
                handle = part.register_forward_hook(
                    lambda module, _inputs, output: found.update({module: output.clone()})
                )
                stack.callback(handle.remove)
            outputs = self._inner[0](images)
        return outputs, tuple(found[part] for part in parts)

    def train(self, mode: bool = True) -> "Opaque":  # noqa: FBT001, FBT002 - torch's own signature
        """Set the flags that `nn.Module.train` sets, without any effect on the inner module."""
        for part in self.modules():
            part.training = mode
        return self

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:  # noqa: ANN401 - as nn.Module has them
        """Parameters of the inner module, under the names that they have there."""
        return self._inner[0].named_parameters(*args, **kwargs)

    def named_buffers(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401
        """Buffers of the inner module, under the names that they have there."""
        return self._inner[0].named_buffers(*args, **kwargs)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """State of the inner module."""
        return self._inner[0].state_dict(*args, **kwargs)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Opaque":  # noqa: FBT001, FBT002
        self._inner[0]._apply(fn)
        return self


def _shown(root: nn.Module, name: str) -> nn.Module:
    """The identity at a dotted name below the root, made if it is not there."""
    place = root
    for part in name.split("."):
        free = part
        while free not in place._modules and hasattr(place, free):
            free += "_"  # a layer called as a method of nn.Module is
        if free not in place._modules:
            place.add_module(free, nn.Identity())
        place = place._modules[free] or root
    return place
