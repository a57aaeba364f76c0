"""Import torchvision beside a CPU-only torch, where its compiled operators do not load.

The CPU build of torch has no matching build of torchvision on PyPI, and torchvision registers
fake kernels at import for two operators that then do not exist. Declaring their schemas first is
enough: nothing here ever calls them. All that needs timm or torchvision imports them through here.
"""

import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

import torch

Made = TypeVar("Made")

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}
_DECLARED: list[torch.library.Library] = []  # a Library that is collected takes its schemas along


def import_torchvision(module: str = "torchvision") -> ModuleType:
    """torchvision, or a module that imports it, whatever build of torchvision is installed.

    Raises:
        ImportError: if the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except RuntimeError as error:
        if "torchvision::" not in str(error) or _DECLARED:
            raise
    for name in [n for n in sys.modules if n.split(".")[0] in ("torchvision", "timm")]:
        del sys.modules[name]  # half imported
    library = torch.library.Library("torchvision", "DEF")
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            library.define(schema)
    _DECLARED.append(library)
    return importlib.import_module(module)


def beside_any_torch(call: Callable[[], Made]) -> Made:
    """What a call makes that may import torchvision itself; repeated where that fails only here.

    Raises:
        Exception: whatever the call raises.
    """
    try:
        return call()
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    import_torchvision()
    return call()


def import_timm() -> ModuleType:
    """The timm package, which imports torchvision."""
    return import_torchvision("timm")
