"""Which software takes part, by version."""

import platform
from collections.abc import Container
from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "med-cam-evidence"
ALWAYS = ("torch", "numpy", "scipy", "pillow")
ZOOS = (
    "timm",
    "torchvision",
    "transformers",
    "onnx2torch",
    "pydicom",
)  # import and distribution alike


def own_version() -> str:
    """Of the installed med-cam; "unknown" in a source tree that was never installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def versions(imported: Container[str]) -> dict[str, str]:
    """Of the software that takes part.

    Args:
        imported: names of modules, as `sys.modules`, to tell which model zoos were used.
    """
    used = [*ALWAYS, *(name for name in ZOOS if name in imported)]
    found = {"med-cam": own_version(), "python": platform.python_version()}
    return found | {name: version(name) for name in used}
