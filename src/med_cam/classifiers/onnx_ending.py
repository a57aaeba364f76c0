"""The Softmax or Sigmoid that ends an ONNX graph: cut off, since the method needs logits."""

from typing import Any

ENDINGS = {"Softmax": "softmax", "Sigmoid": "sigmoid"}
PASSED = ("Identity", "Flatten", "Squeeze", "Reshape", "Cast")  # may follow the last Softmax


def cut_ending(proto: Any) -> str | None:  # noqa: ANN401
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
