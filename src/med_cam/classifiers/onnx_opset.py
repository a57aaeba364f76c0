"""ONNX graphs of newer operator sets, as torch writes them since 2.9, in an older one.

onnx2torch knows the operators up to set 17. Most later versions only allow more types; those that
moved something are put back here, node by node. What the outputs are afterwards is compared with
onnxruntime's for the file as it is.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

OPSET = 17  # the newest that onnx2torch knows in full
QUANTISED = ("QuantizeLinear", "QLinear", "Integer", "MatMulNBits", "QGemm", "QAttention")
REDUCED = "Reduce"  # ReduceMean and others: axes were an attribute before 18
DEFAULTS: Mapping[str, tuple[Any, ...]] = {  # what leaves an attribute without effect
    "dilations": ([1], [1, 1], [1, 1, 1]),
    "saturate": (0, 1),  # of Cast, for 8 bit floats only
}


class NewerOperatorError(Exception):
    """An operator that has no counterpart in the older set; its name and version."""


def quantised(proto: Any) -> str:  # noqa: ANN401
    """The first operator of a quantised graph, or ""."""
    kinds = (node.op_type for node in proto.graph.node)
    return next((kind for kind in kinds if any(part in kind for part in QUANTISED)), "")


def lowered(proto: Any) -> Any:  # noqa: ANN401
    """The model in operator set 17 or its own older one, without functions of its own.

    Raises:
        NewerOperatorError: for an operator that the older set cannot express.
    """
    if proto.functions:
        proto = import_module("onnx.inliner").inline_local_functions(proto)
    version = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0)
    constants = _constants(proto)
    nodes = [new for node in proto.graph.node for new in _older(node, version, constants)]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    for entry in proto.opset_import:
        if entry.domain in ("", "ai.onnx"):
            entry.version = min(entry.version, OPSET)
    return proto


def _constants(proto: Any) -> dict[str, Any]:  # noqa: ANN401
    """Arrays by name, of initializers and of Constant nodes; read when asked for."""
    found = {tensor.name: tensor for tensor in proto.graph.initializer}
    for node in proto.graph.node:
        if node.op_type == "Constant":
            values = [a.t for a in node.attribute if a.name == "value"]
            found |= dict(zip(node.output, values, strict=False))
    return found


def _older(node: Any, version: int, constants: Mapping[str, Any]) -> Iterator[Any]:  # noqa: ANN401
    if node.domain in ("", "ai.onnx"):
        if node.op_type == "Reshape":
            _allow_no_zero(node, constants)
        if version > OPSET:
            if node.op_type == "Gelu":
                yield from _gelu(node)
                return
            change = next(
                (c for name, c in CHANGES.items() if node.op_type.startswith(name)), None
            )
            if change is not None:
                change(node, constants)
            _require_known(node, version)
    yield node


def _allow_no_zero(node: Any, constants: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Take `allowzero` off where it changes nothing: no side of an image's tensors is 0."""
    shape = constants.get(node.input[1])
    if shape is None or (_values(shape) != 0).all():
        _drop(node, "allowzero")


def _axes_to_attribute(node: Any, constants: Mapping[str, Any]) -> None:  # noqa: ANN401
    if len(node.input) < 2 or node.op_type == "ReduceSum":  # which had them as an input before
        return
    axes = constants.get(node.input[1])
    if axes is not None:
        helper = import_module("onnx.helper")
        node.attribute.append(helper.make_attribute("axes", [int(a) for a in _values(axes)]))
        del node.input[1:]
    elif not node.input[1]:
        del node.input[1:]


def _no_number_of_parts(node: Any, _constants: Mapping[str, Any]) -> None:  # noqa: ANN401
    """Split into equal parts is what it meant before without any sizes."""
    _drop(node, "num_outputs")


CHANGES: Mapping[str, Callable[[Any, Mapping[str, Any]], None]] = {
    REDUCED: _axes_to_attribute,
    "Split": _no_number_of_parts,
}


def _gelu(node: Any) -> Iterator[Any]:  # noqa: ANN401
    """x/2 (1 + erf(x/sqrt 2)), or its approximation with tanh, from older operators."""
    helper, numpy = import_module("onnx.helper"), import_module("numpy")
    to_tensor = import_module("onnx.numpy_helper").from_array
    x, y = node.input[0], node.output[0]
    names = iter(f"{y}_gelu_{i}" for i in range(20))

    def constant(value: float) -> Any:  # noqa: ANN401
        return helper.make_node(
            "Constant", [], [next(names)], value=to_tensor(numpy.float32(value))
        )

    def step(kind: str, *inputs: str, out: str | None = None) -> Any:  # noqa: ANN401
        return helper.make_node(kind, list(inputs), [out or next(names)])

    half, one = constant(0.5), constant(1.0)
    nodes = [half, one]
    if any(a.name == "approximate" and a.s == b"tanh" for a in node.attribute):
        third, slope = constant(0.044715), constant((2 / numpy.pi) ** 0.5)
        square = step("Mul", x, x)
        cube = step("Mul", square.output[0], x)
        scaled = step("Mul", cube.output[0], third.output[0])
        inner = step("Add", x, scaled.output[0])
        argument = step("Mul", inner.output[0], slope.output[0])
        nodes += [third, slope, square, cube, scaled, inner, argument]
        curve = step("Tanh", argument.output[0])
    else:
        root = constant(2**-0.5)
        argument = step("Mul", x, root.output[0])
        nodes += [root, argument]
        curve = step("Erf", argument.output[0])
    share = step("Add", curve.output[0], one.output[0])
    halved = step("Mul", x, half.output[0])
    yield from (*nodes, curve, share, halved)
    yield step("Mul", halved.output[0], share.output[0], out=y)


def _require_known(node: Any, version: int) -> None:  # noqa: ANN401
    """Take attributes at their default off that the older set lacks; refuse all other new ones."""
    defs = import_module("onnx.defs")
    try:
        new = defs.get_schema(node.op_type, version)
        old = defs.get_schema(node.op_type, OPSET)
    except defs.SchemaError as error:
        raise NewerOperatorError(node.op_type) from error
    if new.since_version == old.since_version:
        return
    get = import_module("onnx.helper").get_attribute_value
    for attribute in list(node.attribute):
        if attribute.name in old.attributes:
            continue
        default = new.attributes[attribute.name].default_value
        plain = attribute.name in DEFAULTS and get(attribute) in DEFAULTS[attribute.name]
        if not plain and (not default.name or get(default) != get(attribute)):
            raise NewerOperatorError(f"{node.op_type} with {attribute.name}")
        node.attribute.remove(attribute)
    while node.input and not node.input[-1]:
        del node.input[-1]
    if len(node.input) > old.max_input:
        raise NewerOperatorError(f"{node.op_type} (version {new.since_version})")


def _drop(node: Any, name: str) -> None:  # noqa: ANN401
    for attribute in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(attribute)


def _values(tensor: Any) -> Any:  # noqa: ANN401
    return import_module("onnx.numpy_helper").to_array(tensor).reshape(-1)
