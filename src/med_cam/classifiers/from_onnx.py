"""ONNX graphs, turned into differentiable modules and checked against onnxruntime.

Many exported classifiers end in a Softmax or Sigmoid. The method needs logits, so that last node
is cut off and remembered: it says which head the classifier has.
"""

from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.onnx_ending import cut_ending
from med_cam.classifiers.onnx_file import (
    COLOURS,
    channels_last_in,
    input_shape,
    proto_in,
    refuse_quantised,
)
from med_cam.classifiers.onnx_graph import Graph, converted
from med_cam.classifiers.onnx_layers import layers_to_show
from med_cam.classifiers.onnx_parity import SCALE, TOLERANCE, require_parity
from med_cam.classifiers.opaque import Opaque
from med_cam.errors import ClassifierError

SIDE = 224  # of the image that parity is checked on, where the graph takes any size
BATCHES = (3, 5)  # sizes at which a graph is tried for taking any


def load(description: Description, weights: Path | None) -> Loaded:
    """The classifier in an `.onnx` file, for batches of any size, with gradients.

    Raises:
        ClassifierError: if the extra `onnx` is not installed, the file is broken, an operator has
            no differentiable counterpart, or the outputs differ from onnxruntime's.
    """
    if weights is None:
        raise ClassifierError(
            f"{description.folder or 'The classifier'} has no .onnx file; "
            "name one as `weights` in classifier.toml."
        )
    proto, external = proto_in(weights)
    refuse_quantised(proto, weights)
    shape = input_shape(proto, weights)
    last = channels_last_in(shape)
    head = cut_ending(proto)
    graph = Graph(converted(proto, weights), channels_last=last)
    channels, height, width = (shape[3], shape[1], shape[2]) if last else shape[1:]
    size = (height, width) if height and width else None
    images = _images(channels or 3, description.input_size or size or (SIDE, SIDE))
    fixed = _fixed_batch(graph, images, shape[0] or 1, weights)
    hooked_layers = layers_to_show(
        graph, images[:1].expand(fixed or 1, -1, -1, -1), description.hooked_layers or ()
    )
    module = Opaque(graph, smallest=fixed or 1, largest=fixed, hooked_layers=hooked_layers)
    require_parity(weights, module, images[:2])
    known = channels if channels in COLOURS else None
    check = partial(require_parity, weights, module)
    return Loaded(
        module=module,
        input_size=size,
        channels=known,
        head=head,
        outputs=None if head is None else "logits",
        check=check,
        weights={name: weights.parent / name for name in external},
    )


def _images(channels: int, size: tuple[int, int]) -> Float[Tensor, "b c h w"]:
    """The same noise at every load: parity is a fact about the file."""
    return torch.randn(max(BATCHES), channels, *size, generator=Generator().manual_seed(0))


def _fixed_batch(graph: nn.Module, images: Tensor, size: int, path: Path) -> int | None:
    """The only batch size that the graph takes; None if it treats images alike in any batch.

    Files often name a batch size that nothing in the graph depends on; others have it written
    into a Reshape without naming it. So it is tried.
    """
    try:
        with torch.no_grad():
            alone = Opaque(graph, smallest=size, largest=size)(images)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        raise ClassifierError(
            f"{path} does not run on {'x'.join(map(str, images.shape[1:]))} "
            f"({type(error).__name__}: {reason}); correct input_size in classifier.toml."
        ) from error
    return None if all(_agrees(graph, images[:b], alone[:b]) for b in BATCHES) else size


def _agrees(graph: nn.Module, images: Tensor, alone: Tensor) -> bool:
    try:
        with torch.no_grad():
            together = graph(images)
    except (RuntimeError, ValueError, IndexError):
        return False
    return together.shape == alone.shape and torch.allclose(
        together, alone, rtol=SCALE, atol=TOLERANCE
    )
