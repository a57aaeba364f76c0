"""An ONNX graph as a differentiable module."""

import re
import warnings
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.onnx_constants import with_constants_laid_out
from med_cam.classifiers.onnx_file import extra
from med_cam.classifiers.onnx_opset import NewerOperatorError, lowered
from med_cam.classifiers.onnx_pooling import with_maximum_reduced
from med_cam.errors import ClassifierError


class Graph(nn.Module):
    """The converted graph b c h w -> b k, whatever layout its own input has."""

    def __init__(self, graph: nn.Module, *, channels_last: bool) -> None:
        super().__init__()
        self.graph = graph.eval().float()
        self._channels_last = channels_last

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        """Logits, or what the graph returns in their place."""
        with warnings.catch_warnings():  # of onnx2torch's Slice; parity tells if it goes wrong
            warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning)
            warnings.filterwarnings("ignore", "Truncating the start/stop/step", UserWarning)
            outputs = self.graph(x.permute(0, 2, 3, 1) if self._channels_last else x)
        logits: Tensor = outputs[0] if isinstance(outputs, tuple | list) else outputs
        return logits.float().reshape(len(logits), -1)


def converted(proto: Any, path: Path) -> nn.Module:  # noqa: ANN401
    """The graph as a module; of a newer operator set, by way of the older one.

    Raises:
        ClassifierError: it has an operator without gradients, or cannot be converted.
    """
    try:
        return _convert(with_constants_laid_out(with_maximum_reduced(lowered(proto))))
    except (NotImplementedError, NewerOperatorError) as error:
        raise ClassifierError(
            f"{path} uses the operator {_operator(error)}, which onnx2torch cannot give "
            "gradients; give the classifier as a torch.export program (torch.export.save)."
        ) from error
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        raise ClassifierError(
            f"{path} cannot be converted ({type(error).__name__}: {reason}); give the classifier "
            "as a torch.export program."
        ) from error


def _convert(proto: Any) -> nn.Module:  # noqa: ANN401
    onnx2torch = extra("onnx2torch")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="onnx2torch")
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        module: nn.Module = onnx2torch.convert(proto)
    return module


def _operator(error: Exception) -> str:
    """Name and version of the operator that onnx2torch complains of; else its own words."""
    found = re.search(r"operation_type='(\w+)', version=(\d+)", str(error))
    return f"{found[1]} (version {found[2]})" if found else str(error)
