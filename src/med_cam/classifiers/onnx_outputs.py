"""Which of a graph's outputs the classifier is: one row of numbers an image, not its choice.

No-code services and exporters in the manner of scikit-learn write the number or the name of the
winning class first, and the probabilities after it.
"""

from pathlib import Path
from typing import Any

from med_cam.errors import ClassifierError

FLOATS = (1, 10, 11)  # onnx.TensorProto.FLOAT, FLOAT16, DOUBLE
WHOLE = {6: "int32", 7: "int64", 8: "text", 9: "bool"}


def with_one_output(proto: Any, path: Path) -> Any:  # noqa: ANN401  an onnx.ModelProto
    """The graph with one output in floating point, and without nodes that only others need.

    The first with one row an image is taken; of none with two sides, the first.

    Raises:
        ClassifierError: if all are whole numbers, texts or no tensors.
    """
    outputs = list(proto.graph.output)
    floating = [value for value in outputs if value.type.tensor_type.elem_type in FLOATS]
    if not floating:
        said = ", ".join(f"{value.name} ({_kind(value)})" for value in outputs)
        raise ClassifierError(
            f"{path} returns {said}: its choice of a class, from which no evidence can be read; "
            "export it with its logits or probabilities as an output of floating point (with "
            "skl2onnx: zipmap=False)."
        )
    rows = (value for value in floating if len(value.type.tensor_type.shape.dim) == 2)
    chosen = next(rows, floating[0])
    if len(outputs) > 1:
        needed = _needed(proto, chosen.name)
        del proto.graph.output[:], proto.graph.node[:]
        proto.graph.output.append(chosen)
        proto.graph.node.extend(needed)
    return proto


def _kind(value: Any) -> str:  # noqa: ANN401
    if not value.type.HasField("tensor_type"):
        return "no tensor"
    return WHOLE.get(value.type.tensor_type.elem_type, "whole numbers")


def _needed(proto: Any, name: str) -> list[Any]:  # noqa: ANN401
    """The nodes that an output is computed by, in their order; inner graphs count whole."""
    wanted, kept = {name}, list[Any]()
    for node in reversed(proto.graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input, *(_read_inside(a.g) for a in node.attribute))
    return kept[::-1]


def _read_inside(graph: Any) -> set[str]:  # noqa: ANN401
    """Every name that the nodes of an inner graph read."""
    names: set[str] = set()
    for node in graph.node:
        names.update(node.input, *(_read_inside(attribute.g) for attribute in node.attribute))
    return names | {value.name for value in graph.output}
