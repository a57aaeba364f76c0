"""torch as it is when a program starts, whatever the caller has switched around the call.

Results must not depend on the place of the call: inside a validation step with gradients off,
under autocast, in inference mode, the same image gets the same mask.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from med_cam.errors import ClassifierError, ConfigError


@contextmanager
def ordinary_torch() -> Iterator[None]:
    """For the length of a `with` or a call: gradients on, no inference mode, no autocast, CPU.

    All of it belongs to this thread and is taken back at the end. The default precision belongs
    to the whole process: it is asked for, and not changed.

    Raises:
        ConfigError: if the default precision is not float32; random samples would be others.
    """
    dtype = torch.get_default_dtype()
    if dtype != torch.float32:
        raise ConfigError(
            f"torch's default precision is {dtype}, with which random samples are others; call "
            "torch.set_default_dtype(torch.float32) first."
        )
    with ExitStack() as modes:
        modes.enter_context(torch.inference_mode(mode=False))
        modes.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                modes.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device().type != "cpu":  # each call is slower under such a device
            modes.enter_context(torch.device("cpu"))
        yield


def refuse_inference_weights(module: nn.Module, *, name: str) -> None:
    """Check that gradients can pass through a module.

    Raises:
        ClassifierError: if it was built in inference mode: its weights take part in no gradient.
    """
    if any(tensor.is_inference() for tensor in (*module.parameters(), *module.buffers())):
        raise ClassifierError(
            f"{name}: its weights were made inside torch.inference_mode(), where they take part "
            "in no gradient; build or load the module outside of it."
        )
