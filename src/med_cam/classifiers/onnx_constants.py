"""What an ONNX graph computes from its weights alone, computed once.

onnx2torch wants the weights of a convolution among the graph's own tensors. Programs made of Keras
by way of torch lay some of them out anew in the graph (a reshape and a transpose of a tensor).
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

# of one tensor, and none gives more values than it is given: a file may come from anyone
LAYOUT = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")


def with_constants_laid_out(proto: Any) -> Any:  # noqa: ANN401
    """The model without the nodes that only lay out its own tensors; these are laid out so."""
    known = {tensor.name: tensor for tensor in proto.graph.initializer}
    nodes = []
    for node in proto.graph.node:
        if node.domain in ("", "ai.onnx") and node.op_type in LAYOUT and _all_known(node, known):
            tensor = _result(proto, node, known)
            known[tensor.name] = tensor
            proto.graph.initializer.append(tensor)
        else:
            nodes.append(node)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto


def _all_known(node: Any, known: Mapping[str, Any]) -> bool:  # noqa: ANN401
    return bool(node.input) and all(name in known for name in node.input)


def _result(proto: Any, node: Any, known: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The tensor that a node makes of known ones, by onnx's reference implementation."""
    helper, numpy_helper = import_module("onnx.helper"), import_module("onnx.numpy_helper")
    (name,) = node.output
    made = helper.make_tensor_value_info(name, known[node.input[0]].data_type, None)
    tensors = [known[each] for each in dict.fromkeys(node.input)]
    alone = helper.make_model(
        helper.make_graph([node], "constants", [], [made], tensors),
        opset_imports=proto.opset_import,
        ir_version=proto.ir_version,
    )
    (value,) = import_module("onnx.reference").ReferenceEvaluator(alone).run(None, {})
    return numpy_helper.from_array(value, name)
