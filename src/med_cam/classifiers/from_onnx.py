"""ONNX graphs, turned into differentiable modules and checked against onnxruntime.

Many exported classifiers end in a Softmax or Sigmoid. The method needs logits, so that last node
is cut off and remembered: it says which head the classifier has.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.inside import inside
from med_cam.classifiers.onnx_opset import NewerOperatorError, lowered, quantised
from med_cam.classifiers.onnx_outputs import with_one_output
from med_cam.classifiers.opaque import Opaque
from med_cam.errors import ClassifierError

TOLERANCE = 1e-3  # difference of probabilities that float32 in another order of sums stays below
SCALE = 1e-3  # the same for logits, as a share of the largest one
SIDE = 224  # of the image that parity is checked on, where the graph takes any size
ENDINGS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
PASSED = ("Identity", "Flatten", "Squeeze", "Reshape", "Cast")  # may follow the last Softmax
COLOURS = (1, 3)
FLOATS = (1, 10, 11)  # onnx.TensorProto.FLOAT, FLOAT16, DOUBLE
NUMBERS = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
}
BATCHES = (3, 5)  # sizes at which a graph is tried for taking any
ACTIVATIONS = ("relu", "elu", "silu", "swish", "mish", "clip")  # parts of class names


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
    proto, external = _read(weights)
    _refuse_quantised(proto, weights)
    shape = _input_shape(proto, weights)
    last = _channels_last(shape)
    head = _cut_ending(proto)
    graph = _Graph(_converted(proto, weights), channels_last=last)
    channels, height, width = (shape[3], shape[1], shape[2]) if last else shape[1:]
    size = (height, width) if height and width else None
    images = _images(channels or 3, description.input_size or size or (SIDE, SIDE))
    fixed = _fixed_batch(graph, images, shape[0] or 1, weights)
    hooked_layers = _layers(
        graph, images[:1].expand(fixed or 1, -1, -1, -1), description.hooked_layers or ()
    )
    module = Opaque(graph, smallest=fixed or 1, largest=fixed, hooked_layers=hooked_layers)
    _require_parity(weights, module, images[:2])
    known = channels if channels in COLOURS else None
    check = partial(_require_parity, weights, module)
    return Loaded(
        module=module,
        input_size=size,
        channels=known,
        head=head,
        outputs=None if head is None else "logits",
        check=check,
        weights={name: weights.parent / name for name in external},
    )


def parity(path: Path, module: nn.Module, x: Float[Tensor, "b c h w"]) -> float:
    """Largest absolute difference between the module's outputs for x and onnxruntime's.

    Of probabilities if the file's graph ends in Softmax or Sigmoid, of logits if not.

    Raises:
        ClassifierError: if onnxruntime is not installed, or cannot run the file.
    """
    proto, _ = _read(path)
    expected = _reference(proto, path, x)
    head = _cut_ending(proto)
    with torch.no_grad():
        logits = module(x).cpu()
    own = {None: logits, "softmax": logits.softmax(dim=1), "sigmoid": logits.sigmoid()}[head]
    if own.shape != expected.shape:
        raise ClassifierError(
            f"{path} returns {tuple(own.shape)} numbers once converted, "
            f"{tuple(expected.shape)} in onnxruntime; give it as a torch.export program."
        )
    return float((own - expected).abs().max())


class _Graph(nn.Module):
    """The converted graph b c h w -> b k, whatever layout its own input has."""

    def __init__(self, graph: nn.Module, *, channels_last: bool) -> None:
        super().__init__()
        self.graph = graph.eval().float()
        self._channels_last = channels_last

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        with warnings.catch_warnings():  # of onnx2torch's Slice; parity tells if it goes wrong
            warnings.filterwarnings("ignore", "Using a non-tuple sequence", UserWarning)
            warnings.filterwarnings("ignore", "Truncating the start/stop/step", UserWarning)
            outputs = self.graph(x.permute(0, 2, 3, 1) if self._channels_last else x)
        logits: Tensor = outputs[0] if isinstance(outputs, tuple | list) else outputs
        return logits.float().reshape(len(logits), -1)


def _require_parity(path: Path, module: nn.Module, x: Float[Tensor, "b c h w"]) -> None:
    difference = parity(path, module, x)
    with torch.no_grad():
        allowed = TOLERANCE + SCALE * float(module(x).abs().max())
    if not difference <= allowed:
        raise ClassifierError(
            f"{path} gives other outputs once converted: by {difference:.3g} from onnxruntime (at "
            f"most {allowed:.3g} is rounding); give the classifier as a torch.export program."
        )


def _extra(name: str) -> ModuleType:
    """A package of the extra `onnx`.

    Raises:
        ClassifierError: if it is not installed.
    """
    try:
        if name == "onnx2torch":
            import_torchvision()  # which onnx2torch imports
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            return import_module(name)
    except ImportError as error:
        raise ClassifierError(
            f"ONNX classifiers need {name}, which is not installed here; "
            "pip install 'med-cam-evidence[onnx]'."
        ) from error


def _read(path: Path) -> tuple[Any, set[str]]:
    """The onnx.ModelProto in a file, and the names of the files that hold weights of it."""
    onnx = _extra("onnx")
    try:
        proto = onnx.load(str(path), load_external_data=False)
        external = _external_files(proto)
        for name in sorted(external):
            inside(path.parent, name, what="ONNX data file")
        _extra("onnx.external_data_helper").load_external_data_for_model(proto, str(path.parent))
        onnx.checker.check_model(str(path))
    except ClassifierError as error:
        raise ClassifierError(
            f"{path} keeps its weights in files of their own, which belong beside it: {error}"
        ) from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ClassifierError(
            f"{path} is no valid ONNX file ({reason}); export the classifier again."
        ) from error
    return with_one_output(_with_own_constants(proto), path), external


def _external_files(proto: Any) -> set[str]:  # noqa: ANN401
    """The files that tensors anywhere in a graph lie in, by their way from its folder."""
    names: set[str] = set()
    messages = [proto]
    while messages:
        message = messages.pop()
        if message.DESCRIPTOR.name == "TensorProto":
            names |= {entry.value for entry in message.external_data if entry.key == "location"}
            continue
        for field, value in message.ListFields():
            if field.message_type is not None:
                messages += [value] if hasattr(value, "ListFields") else list(value)
    return names


def _with_own_constants(proto: Any) -> Any:  # noqa: ANN401
    """The graph with each Identity of a constant replaced by a constant of its own.

    Torch writes a weight that two layers share in this way, where onnx2torch expects a constant.
    """
    graph = proto.graph
    outputs = {value.name for value in graph.output}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        if node.op_type != "Identity" or node.input[0] not in constants:
            continue
        if node.output[0] not in outputs:
            copy = graph.initializer.add()
            copy.CopyFrom(constants[node.input[0]])
            copy.name = node.output[0]
            constants[copy.name] = copy
            graph.node.remove(node)
    return proto


def _input(proto: Any) -> list[Any]:  # noqa: ANN401
    constants = {tensor.name for tensor in proto.graph.initializer}
    return [value for value in proto.graph.input if value.name not in constants]


def _input_shape(proto: Any, path: Path) -> tuple[int | None, ...]:  # noqa: ANN401
    """Four sides of the only input as the file has them; None where any size is taken."""
    inputs = _input(proto)
    kinds = [value.type.tensor_type for value in inputs]
    if len(inputs) > 1 and len(kinds[0].shape.dim) == 4:
        _refuse_lost_constants(inputs[1:], path)
    if len(inputs) != 1 or len(kinds[0].shape.dim) != 4 or kinds[0].elem_type not in FLOATS:
        found = [f"{v.name} ({len(k.shape.dim)}-D)" for v, k in zip(inputs, kinds, strict=True)]
        raise ClassifierError(
            f"{path} takes {', '.join(found) or 'nothing'}; export a graph whose only input is a "
            "batch of images in floating point, b c h w."
        )
    return tuple(side.dim_value or None for side in kinds[0].shape.dim)


def _refuse_lost_constants(inputs: list[Any], path: Path) -> None:
    """Raise if all further inputs have a fixed shape, as constants have that lost their values."""
    sides = [[d.dim_value for d in value.type.tensor_type.shape.dim] for value in inputs]
    if all(all(shape) and len(shape) and shape[0] == 1 for shape in sides):
        names = ", ".join(value.name for value in inputs)
        raise ClassifierError(
            f"{path} has constants without a value among its inputs ({names}), as Keras' direct "
            "ONNX export makes of a Normalization layer; export it by way of a SavedModel: "
            "model.export('saved'), then python -m tf2onnx.convert --saved-model saved --output "
            "model.onnx --opset 17."
        )


def _refuse_quantised(proto: Any, path: Path) -> None:  # noqa: ANN401
    operator = quantised(proto)
    if operator:
        raise ClassifierError(
            f"{path} is quantised (it has {operator}), and whole numbers have no gradients; "
            "give the classifier as it was before quantisation, exported in float32."
        )


def _channels_last(shape: tuple[int | None, ...]) -> bool:
    return shape[1] not in COLOURS and shape[3] in COLOURS


def _cut_ending(proto: Any) -> str | None:  # noqa: ANN401
    """Take the Softmax or Sigmoid that ends the graph off it; say which head that makes."""
    nodes = proto.graph.node
    makers = {name: node for node in nodes for name in node.output}
    node = makers.get(proto.graph.output[0].name)
    while node is not None and node.op_type in PASSED:
        node = makers.get(node.input[0])
    if node is None or node.op_type not in ENDINGS:
        return None
    read_on = any(node.output[0] in n.input and n.op_type not in PASSED for n in nodes)
    axes = [attribute.i for attribute in node.attribute if attribute.name == "axis"]
    if read_on or any(axis not in (1, -1) for axis in axes):
        return None  # not the probabilities of the classes, or not only the output
    head = ENDINGS[node.op_type]
    node.op_type = "Identity"
    del node.attribute[:]
    return head


def _converted(proto: Any, path: Path) -> nn.Module:  # noqa: ANN401
    """The graph as a module; of a newer operator set, by way of the older one."""
    try:
        return _convert(lowered(proto))
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
    onnx2torch = _extra("onnx2torch")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="onnx2torch")
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        module: nn.Module = onnx2torch.convert(proto)
    return module


def _operator(error: Exception) -> str:
    """Name and version of the operator that onnx2torch complains of; else its own words."""
    found = re.search(r"operation_type='(\w+)', version=(\d+)", str(error))
    return f"{found[1]} (version {found[2]})" if found else str(error)


def _reference(proto: Any, path: Path, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:  # noqa: ANN401
    """The outputs of onnxruntime, in batches of the size that the file asks for."""
    shape = _input_shape(proto, path)
    try:
        runtime = _extra("onnxruntime")
        quiet = runtime.SessionOptions()
        quiet.log_severity_level = 3  # errors only; its warnings are of no use to a reader
        session = runtime.InferenceSession(
            str(path), sess_options=quiet, providers=["CPUExecutionProvider"]
        )
        value = session.get_inputs()[0]
        images = x.detach().cpu().to(NUMBERS[value.type])
        images = images.permute(0, 2, 3, 1) if _channels_last(shape) else images
        size = shape[0] or len(images)
        padded = torch.cat([images, images[-1:].expand(-len(images) % size, -1, -1, -1)])
        name = proto.graph.output[0].name
        outputs = [session.run([name], {value.name: p.numpy()})[0] for p in padded.split(size)]
    except ClassifierError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ClassifierError(
            f"onnxruntime cannot run {path} ({reason}); correct input_size in classifier.toml, "
            "or export it again."
        ) from error
    numbers = torch.cat([torch.from_numpy(output).float() for output in outputs])
    return numbers[: len(x)].reshape(len(x), -1)


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


def _layers(graph: _Graph, x: Tensor, named: tuple[str, ...]) -> dict[str, nn.Module]:
    """Layers to show: the activations, else all that give numbers; and those that are named."""
    fired: dict[str, tuple[nn.Module, tuple[int, ...]]] = {}

    def hook(name: str) -> Callable[[nn.Module, object, object], None]:
        def note(module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1:
                fired[name] = module, tuple(output.shape)

        return note

    with ExitStack() as stack, torch.no_grad():
        for name, part in graph.graph.named_modules():
            if name:
                stack.callback(part.register_forward_hook(hook(name)).remove)
        graph(x)
    shown = _activations(fired) or _features(fired)
    return {name: part for name, (part, _) in fired.items() if name in shown or name in named}


def _activations(fired: Mapping[str, tuple[nn.Module, tuple[int, ...]]]) -> set[str]:
    kinds = {name: type(part).__name__.lower() for name, (part, _) in fired.items()}
    return {name for name, kind in kinds.items() if any(known in kind for known in ACTIVATIONS)}


def _features(fired: Mapping[str, tuple[nn.Module, tuple[int, ...]]]) -> set[str]:
    """All but normalisations and attention matrices (b heads n n), which look like maps."""
    tokens = {shape[1] for _, shape in fired.values() if len(shape) == 3}
    return {
        name
        for name, (part, shape) in fired.items()
        if "norm" not in type(part).__name__.lower()
        and not (len(shape) == 4 and shape[2] == shape[3] and shape[2] in tokens)
    }
