"""Graphs of newer operator sets, written by hand here, answer as a plain torch derivation does."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description
from med_cam.classifiers.from_onnx import load
from med_cam.classifiers.onnx_opset import OPSET, lowered
from med_cam.errors import ClassifierError

onnx = pytest.importorskip("onnx")
import_torchvision()  # onnx2torch imports it
pytest.importorskip("onnx2torch")
pytest.importorskip("onnxruntime")

node = onnx.helper.make_node
SIZE = 8
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(4, 3, 3, 3)).astype(np.float32)
HEAD = RANDOM.normal(size=(4, 3)).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def model(nodes, constants=(), *, opset, functions=(), batch="b", imports=()):
    """Conv, then these nodes from "c" to "f" (b 4), then Gemm."""
    first = node("Conv", ["x", "kernel"], ["c"], pads=[1] * 4)
    last = node("Gemm", ["f", "head"], ["y"])
    tensors = {"kernel": KERNEL, "head": HEAD} | dict(constants)
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [first, *nodes, last],
        "g",
        [value("x", kind, [batch, 3, SIZE, SIZE])],
        [value("y", kind, [batch, 3])],
        [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    opsets = [onnx.helper.make_opsetid("", opset), *imports]
    return onnx.helper.make_model(
        graph, opset_imports=opsets, ir_version=10, functions=list(functions)
    )


MEAN = [node("ReduceMean", ["a", "axes"], ["f"], keepdims=0)]
AXES = {"axes": ints(2, 3)}


def function(kind):
    """An activation as a function of the file's own."""
    return onnx.helper.make_function(
        "own", kind, ["i"], ["o"], [node("Relu", ["i"], ["o"])], [onnx.helper.make_opsetid("", 20)]
    )


CASES = {
    "a reduction over axes": ([node("Relu", ["c"], ["a"]), *MEAN], AXES, F.relu),
    "axes of a node": (
        [
            node("Relu", ["c"], ["a"]),
            node("Constant", [], ["axes"], value=onnx.numpy_helper.from_array(ints(2, 3))),
            *MEAN,
        ],
        {},
        F.relu,
    ),
    "a reshape that allows zeros": (
        [
            node("Relu", ["c"], ["r"]),
            node("Reshape", ["r", "shape"], ["s"], allowzero=1),
            node("ReduceMean", ["s", "axis"], ["f"], keepdims=0),
        ],
        {"shape": ints(-1, 4, SIZE * SIZE), "axis": ints(2)},
        F.relu,
    ),
    "a split into a number of parts": (
        [
            node("Split", ["c"], ["one", "two"], axis=1, num_outputs=2),
            node("Concat", ["two", "one"], ["a"], axis=1),
            *MEAN,
        ],
        AXES,
        lambda c: c[:, [2, 3, 0, 1]],
    ),
    "an average pool with dilations": (
        [node("AveragePool", ["c"], ["a"], kernel_shape=[2, 2], dilations=[1, 1]), *MEAN],
        AXES,
        lambda c: F.avg_pool2d(c, 2, 1),
    ),
    "a cast that saturates": ([node("Cast", ["c"], ["a"], to=1, saturate=1), *MEAN], AXES, None),
}
NEWER = {
    "gelu": ([node("Gelu", ["c"], ["a"]), *MEAN], AXES, F.gelu),
    "gelu with tanh": (
        [node("Gelu", ["c"], ["a"], approximate="tanh"), *MEAN],
        AXES,
        lambda c: F.gelu(c, approximate="tanh"),
    ),
}
ALL = [(name, opset) for name in CASES for opset in (19, 20, 22)]
ALL += [(name, opset) for name in NEWER for opset in (20, 22)]


def expected(x, activation):
    c = F.conv2d(x, torch.from_numpy(KERNEL), padding=1)
    return (activation or torch.nn.Identity())(c).mean((2, 3)) @ torch.from_numpy(HEAD)


def agrees(path, activation):
    module = load(Description(), path).module
    for count in (1, 3):
        x = torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count))
        x, y = x.clone().requires_grad_(), x.clone().requires_grad_()
        ours, theirs = module(x), expected(y, activation)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        ours[:, 0].sum().backward()
        theirs[:, 0].sum().backward()
        torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "opset"), ALL)
def test_newer_operators_give_the_same_logits_and_gradients(name, opset, tmp_path):
    nodes, constants, activation = (CASES | NEWER)[name]
    proto = model(nodes, constants, opset=opset)
    onnx.save(proto, tmp_path / "m.onnx")
    agrees(tmp_path / "m.onnx", activation)
    after = lowered(onnx.load(tmp_path / "m.onnx"))
    assert [entry.version for entry in after.opset_import] == [OPSET]
    onnx.checker.check_model(after)


def test_weights_beside_and_a_batch_of_one_written_in(tmp_path):
    shaped = [
        node("Relu", ["c"], ["r"]),
        node("Reshape", ["r", "shape"], ["s"], allowzero=1),
        node("ReduceMean", ["s", "axis"], ["f"], keepdims=0),
    ]
    constants = {"shape": ints(1, 4, SIZE * SIZE), "axis": ints(2)}
    proto = model(shaped, constants, opset=20, batch=1)
    where = {"all_tensors_to_one_file": True, "location": "m.onnx.data", "size_threshold": 100}
    onnx.save(proto, tmp_path / "m.onnx", save_as_external_data=True, **where)
    agrees(tmp_path / "m.onnx", F.relu)
    (tmp_path / "m.onnx.data").rename(tmp_path / "elsewhere")
    with pytest.raises(
        ClassifierError, match=r"belong beside it.*no ONNX data file .*m.onnx.data"
    ):
        load(Description(), tmp_path / "m.onnx")
    (tmp_path / "m.onnx.data").symlink_to("/dev/zero")
    with pytest.raises(ClassifierError, match="belong beside it"):
        load(Description(), tmp_path / "m.onnx")


def test_data_elsewhere_is_not_read(tmp_path):
    proto = model([node("Relu", ["c"], ["a"]), *MEAN], AXES, opset=20)
    (tmp_path / "in").mkdir()
    entry = proto.graph.initializer[0]
    onnx.external_data_helper.set_external_data(entry, "../w.data", 0, len(entry.raw_data))
    (tmp_path / "w.data").write_bytes(entry.raw_data)
    entry.ClearField("raw_data")
    (tmp_path / "in" / "m.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(ClassifierError, match="not in that folder"):
        load(Description(), tmp_path / "in" / "m.onnx")


def test_functions_of_the_file_are_put_in(tmp_path):
    nodes = [node("Act", ["c"], ["a"], domain="own"), *MEAN]
    imports = [onnx.helper.make_opsetid("own", 1)]
    proto = model(nodes, AXES, opset=20, functions=[function("Act")], imports=imports)
    onnx.save(proto, tmp_path / "m.onnx")
    agrees(tmp_path / "m.onnx", F.relu)


def test_a_meaning_that_the_older_set_cannot_express_is_refused(tmp_path):
    pool = node("AveragePool", ["c"], ["a"], kernel_shape=[2, 2], dilations=[2, 2])
    onnx.save(model([pool, *MEAN], AXES, opset=20), tmp_path / "m.onnx")
    with pytest.raises(ClassifierError, match=r"AveragePool with dilations.*torch\.export"):
        load(Description(), tmp_path / "m.onnx")


def test_a_quantised_graph_says_what_to_give_instead(tmp_path):
    scale, zero = np.float32(0.1).reshape(()), np.int8(0).reshape(())
    nodes = [
        node("QuantizeLinear", ["c", "scale", "zero"], ["q"]),
        node("DequantizeLinear", ["q", "scale", "zero"], ["a"]),
        *MEAN,
    ]
    proto = model(nodes, AXES | {"scale": scale, "zero": zero}, opset=20)
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(ClassifierError, match="before quantisation"):
        load(Description(), tmp_path / "m.onnx")


def test_constants_that_lost_their_values_come_with_the_cure(tmp_path):
    nodes = [node("Sub", ["c", "mean"], ["a"]), *MEAN]
    proto = model(nodes, AXES, opset=17)
    del proto.graph.node[-2].input[1:]
    proto.graph.node[-2].attribute.append(onnx.helper.make_attribute("axes", [2, 3]))
    value = onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, [1, 1, 1, SIZE])
    proto.graph.input.append(value)
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(ClassifierError, match=r"Normalization.*--saved-model"):
        load(Description(), tmp_path / "m.onnx")
