"""TorchScript archives.

The parts of an archive accept no hooks: a TorchScript classifier has no layers to match, and the
activation term is not available. All other terms are. An archive is a program that torch's own
interpreter runs; operators that write files are refused (`program_text`).
"""

import warnings
import zipfile
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.hooks import raw_logits
from med_cam.classifiers.opaque import Opaque
from med_cam.classifiers.program_text import refuse_file_operators
from med_cam.errors import ClassifierError

COLOURS = (1, 3)


def load(description: Description, weights: Path | None) -> Loaded:
    """The classifier in an archive written by `torch.jit.save`; the file is only read.

    Raises:
        ClassifierError: if there is no archive, it is broken, or it cannot be loaded.
    """
    if weights is None:
        raise ClassifierError(
            f"{description.folder or 'The classifier'} has no TorchScript archive; "
            "name one as `weights` in classifier.toml."
        )
    if zipfile.is_zipfile(weights):
        refuse_file_operators(weights)
    archive = _archive(weights)
    return Loaded(module=Opaque(_Archive(archive)), channels=_channels(archive))


class _Archive(nn.Module):
    """A scripted or traced module, run as written: no profiling, no fusion, no specialising.

    The optimising executor rewrites the program after its first calls; then the same image may
    not give the same bits twice.
    """

    def __init__(self, archive: torch.jit.ScriptModule) -> None:
        super().__init__()
        self.archive = archive

    def forward(self, x: Float[Tensor, "b c h w"]) -> Tensor:
        with torch.jit.optimized_execution(False):  # type: ignore[attr-defined]  # noqa: FBT003
            return raw_logits(self.archive(x), batch=len(x))


def _archive(path: Path) -> torch.jit.ScriptModule:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`torch\.jit\.load`", DeprecationWarning)
            archive: torch.jit.ScriptModule = torch.jit.load(str(path), map_location="cpu")
    except (RuntimeError, ValueError, OSError) as error:
        reason = (str(error).splitlines() or [""])[0].split(". ")[0].rstrip(".")
        raise ClassifierError(
            f"{path} cannot be loaded as a TorchScript archive ({reason}); write it with "
            "torch.jit.save, or describe bare weights by their architecture."
        ) from error
    if hasattr(archive, "training"):  # a frozen archive has no mode to set
        archive.eval()
    return archive.float()


def _channels(archive: torch.jit.ScriptModule) -> int | None:
    """As many as the first convolution takes, where that can be seen."""
    kernels = (p for _, p in archive.named_parameters() if p.ndim == 4)
    taken = next((kernel.shape[1] for kernel in kernels), None)
    return taken if taken in COLOURS else None
