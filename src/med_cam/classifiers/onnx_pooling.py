"""The maximum over a whole map in an ONNX graph, by an operator that onnx2torch knows.

GlobalMaxPool is what Keras' GlobalMaxPooling2D and the pooling of fastai's heads become.
"""

from importlib import import_module
from typing import Any

SIDES = (2, 3)  # of a map b c h w


def with_maximum_reduced(proto: Any) -> Any:  # noqa: ANN401
    """The model, each GlobalMaxPool of it a ReduceMax over both sides.

    Args:
        proto: of an operator set below 18, where the sides are an attribute.
    """
    make_node = import_module("onnx.helper").make_node
    nodes = [
        make_node("ReduceMax", node.input, node.output, node.name, axes=SIDES, keepdims=1)
        if node.op_type == "GlobalMaxPool" and node.domain in ("", "ai.onnx")
        else node
        for node in proto.graph.node
    ]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    return proto
