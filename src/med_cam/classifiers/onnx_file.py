"""What an ONNX file holds: its graph, the files of its weights, the images that it takes."""

import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.inside import inside
from med_cam.classifiers.onnx_opset import quantised
from med_cam.classifiers.onnx_outputs import with_one_output
from med_cam.errors import ClassifierError, first_line

COLOURS = (1, 3)
FLOATS = (1, 10, 11)  # onnx.TensorProto.FLOAT, FLOAT16, DOUBLE


def extra(name: str) -> ModuleType:
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


def proto_in(path: Path) -> tuple[Any, set[str]]:
    """The onnx.ModelProto in a file, and the names of the files that hold weights of it."""
    onnx = extra("onnx")
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        raise _invalid(path, error) from error
    _refuse_foreign(proto, path)
    try:
        external = _external_files(proto)
        for name in sorted(external):
            inside(path.parent, name, what="ONNX data file")
        extra("onnx.external_data_helper").load_external_data_for_model(proto, str(path.parent))
        onnx.checker.check_model(str(path))
    except ClassifierError as error:
        raise ClassifierError(
            f"{path} keeps its weights in files of their own, which belong beside it: {error}"
        ) from error
    except Exception as error:
        raise _invalid(path, error) from error
    return with_one_output(_with_own_constants(proto), path), external


def _invalid(path: Path, error: Exception) -> ClassifierError:
    return ClassifierError(
        f"{path} is no valid ONNX file ({first_line(error)}); export the classifier again."
    )


def _refuse_foreign(proto: Any, path: Path) -> None:  # noqa: ANN401
    """Raise where the graph has operators of TensorFlow, which tf2onnx leaves as they are."""
    known = extra("onnx").defs.has
    kinds = {node.op_type for node in proto.graph.node if node.domain in ("", "ai.onnx")}
    foreign = sorted(kind for kind in kinds if not known(kind))
    if not foreign:
        return
    random = any("Random" in kind for kind in foreign)
    why = ": a layer that acts at random in training (RandomFlip) is still in it" if random else ""
    raise ClassifierError(
        f"{path} has operators that are none of ONNX ({', '.join(foreign)}){why}; export a Keras "
        "network with training=False by way of torch, as docs/classifiers.md says."
    )


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


def input_shape(proto: Any, path: Path) -> tuple[int | None, ...]:  # noqa: ANN401
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


def refuse_quantised(proto: Any, path: Path) -> None:  # noqa: ANN401
    """Check that the graph computes in floating point.

    Raises:
        ClassifierError: it is quantised.
    """
    operator = quantised(proto)
    if operator:
        raise ClassifierError(
            f"{path} is quantised (it has {operator}), and whole numbers have no gradients; "
            "give the classifier as it was before quantisation, exported in float32."
        )


def channels_last_in(shape: tuple[int | None, ...]) -> bool:
    """Whether an input of this shape is b h w c."""
    return shape[1] not in COLOURS and shape[3] in COLOURS
