"""Weights that a graph lays out anew in itself, as programs made of Keras have them."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description
from med_cam.classifiers.from_onnx import load
from med_cam.classifiers.onnx_constants import with_constants_laid_out

onnx = pytest.importorskip("onnx")
import_torchvision()  # onnx2torch imports it
pytest.importorskip("onnx2torch")
pytest.importorskip("onnxruntime")

node, SIZE = onnx.helper.make_node, 8
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(3, 3, 3, 4)).astype(np.float32)  # h w in out
HEAD = RANDOM.normal(size=(4, 3)).astype(np.float32)
LAID_OUT = [
    node("Constant", [], ["shape"], value=onnx.numpy_helper.from_array(np.array([3, 3, 3, 4]))),
    node("Reshape", ["flat", "whole"], ["hwio"]),
    node("Transpose", ["hwio"], ["oihw"], perm=[3, 2, 0, 1]),
    node("Identity", ["oihw"], ["kernel"]),
]


def model(nodes=LAID_OUT):
    """A convolution whose kernel is made of a flat tensor, a mean and a matrix."""
    rest = [
        node("Conv", ["x", "kernel"], ["c"], pads=[1] * 4),
        node("Relu", ["c"], ["a"]),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "head"], ["y"]),
    ]
    tensors = {"flat": KERNEL.reshape(-1), "whole": np.array(KERNEL.shape), "head": HEAD}
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [*nodes, *rest],
        "g",
        [value("x", kind, ["b", 3, SIZE, SIZE])],
        [value("y", kind, ["b", 3])],
        [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    return onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10
    )


def test_a_kernel_that_the_graph_lays_out_is_a_tensor_of_it(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save(model(), path)
    module = load(Description(), path).module
    x = torch.randn(5, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    kernel = torch.from_numpy(KERNEL).permute(3, 2, 0, 1)
    plain = F.relu(F.conv2d(x, kernel, padding=1)).mean(dim=(2, 3)) @ torch.from_numpy(HEAD)
    torch.testing.assert_close(module(x).detach(), plain, rtol=1e-5, atol=1e-5)


def test_nothing_but_the_layout_of_tensors_is_computed_ahead():
    """A node that grows what it is given stays: a file may come from anyone."""
    grown = [
        node("Reshape", ["flat", "whole"], ["hwio"]),
        node("Expand", ["hwio", "whole"], ["more"]),
        node("Transpose", ["more"], ["kernel"], perm=[3, 2, 0, 1]),
    ]
    found = with_constants_laid_out(model(grown))
    kinds = [each.op_type for each in found.graph.node]
    assert kinds[:2] == ["Expand", "Transpose"]
    assert {t.name for t in found.graph.initializer} == {"flat", "whole", "head", "hwio"}
