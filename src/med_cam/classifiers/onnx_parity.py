"""Whether a converted ONNX graph gives what onnxruntime gives."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from med_cam.classifiers.onnx_ending import cut_ending
from med_cam.classifiers.onnx_file import channels_last_in, extra, input_shape, proto_in
from med_cam.errors import ClassifierError, first_line

TOLERANCE = 1e-3  # difference of probabilities that float32 in another order of sums stays below
SCALE = 1e-3  # the same for logits, as a share of the largest one
NUMBERS = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
}


def parity(path: Path, module: nn.Module, x: Float[Tensor, "b c h w"]) -> float:
    """Largest absolute difference between the module's outputs for x and onnxruntime's.

    Of probabilities if the file's graph ends in Softmax or Sigmoid, of logits if not.

    Raises:
        ClassifierError: if onnxruntime is not installed, or cannot run the file.
    """
    proto, _ = proto_in(path)
    expected = _reference(proto, path, x)
    head = cut_ending(proto)
    with torch.no_grad():
        logits = module(x).cpu()
    own = {None: logits, "softmax": logits.softmax(dim=1), "sigmoid": logits.sigmoid()}[head]
    if own.shape != expected.shape:
        raise ClassifierError(
            f"{path} returns {tuple(own.shape)} numbers once converted, "
            f"{tuple(expected.shape)} in onnxruntime; give it as a torch.export program."
        )
    return float((own - expected).abs().max())


def require_parity(path: Path, module: nn.Module, x: Float[Tensor, "b c h w"]) -> None:
    """Check that the module gives what the file gives, but for rounding.

    Raises:
        ClassifierError: it does not, or `parity` cannot tell.
    """
    difference = parity(path, module, x)
    with torch.no_grad():
        allowed = TOLERANCE + SCALE * float(module(x).abs().max())
    if not difference <= allowed:
        raise ClassifierError(
            f"{path} gives other outputs once converted: by {difference:.3g} from onnxruntime (at "
            f"most {allowed:.3g} is rounding); give the classifier as a torch.export program."
        )


def _reference(proto: Any, path: Path, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:  # noqa: ANN401
    """The outputs of onnxruntime, in batches of the size that the file asks for."""
    shape = input_shape(proto, path)
    try:
        runtime = extra("onnxruntime")
        quiet = runtime.SessionOptions()
        quiet.log_severity_level = 3  # errors only; its warnings are of no use to a reader
        session = runtime.InferenceSession(
            str(path), sess_options=quiet, providers=["CPUExecutionProvider"]
        )
        value = session.get_inputs()[0]
        images = x.detach().cpu().to(NUMBERS[value.type])
        images = images.permute(0, 2, 3, 1) if channels_last_in(shape) else images
        size = shape[0] or len(images)
        padded = torch.cat([images, images[-1:].expand(-len(images) % size, -1, -1, -1)])
        name = proto.graph.output[0].name
        outputs = [session.run([name], {value.name: p.numpy()})[0] for p in padded.split(size)]
    except ClassifierError:
        raise
    except Exception as error:
        reason = first_line(error)
        raise ClassifierError(
            f"onnxruntime cannot run {path} ({reason}); correct input_size in classifier.toml, "
            "or export it again."
        ) from error
    numbers = torch.cat([torch.from_numpy(output).float() for output in outputs])
    return numbers[: len(x)].reshape(len(x), -1)
