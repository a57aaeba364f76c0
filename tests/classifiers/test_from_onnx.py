"""ONNX graphs, written by hand here, answer as onnxruntime says and pass gradients on."""

import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.description import Description
from med_cam.classifiers.from_onnx import load
from med_cam.classifiers.hooked_layers import find_hooked_layers
from med_cam.classifiers.onnx_parity import parity
from med_cam.errors import ClassifierError

onnx = pytest.importorskip("onnx")
import_torchvision()  # onnx2torch imports it
pytest.importorskip("onnx2torch")
pytest.importorskip("onnxruntime")

SIZE = 8
RANDOM = np.random.default_rng(0)
KERNEL = RANDOM.normal(size=(4, 3, 3, 3)).astype(np.float32)
HEAD = RANDOM.normal(size=(4, 3)).astype(np.float32)
BIAS = np.array([0.5, -1.0, 2.0], np.float32)


def initial(name, values):
    return onnx.numpy_helper.from_array(np.asarray(values), name)


def graph(
    path,
    *,
    batch="b",
    ending=(),
    middle="Relu",
    pool="GlobalAveragePool",
    view=None,
    last=False,
    opset=17,
    shared=False,
):
    """Conv, an activation, a pool over everything, linear; then the endings one after another."""
    node = onnx.helper.make_node
    nodes = [
        *([node("Transpose", ["x"], ["nchw"], perm=[0, 3, 1, 2])] if last else []),
        *([node("Identity", ["bias"], ["again"])] if shared else []),
        node("Conv", ["nchw" if last else "x", "kernel"], ["conv"], pads=[1] * 4),
        node(middle, ["conv"], ["active"]),
        node(pool, ["active"], ["pooled"]),
        node("Reshape", ["pooled", "view"], ["flat"])
        if view
        else node("Flatten", ["pooled"], ["flat"]),
        node("Gemm", ["flat", "head", "again" if shared else "bias"], ["y0"]),
    ]
    for i, name in enumerate(ending):
        nodes.append(node(name, [f"y{i}"], [f"y{i + 1}"]))
    weights = [initial("kernel", KERNEL), initial("head", HEAD), initial("bias", BIAS)]
    weights += [initial("view", np.array(view, np.int64))] if view else []
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    shape = [batch, SIZE, SIZE, 3] if last else [batch, 3, SIZE, SIZE]
    outputs = [value(f"y{len(ending)}", kind, [batch, 3])]
    made = onnx.helper.make_graph(nodes, "g", [value("x", kind, shape)], outputs, weights)
    opsets = [onnx.helper.make_opsetid("", opset)]
    onnx.save(onnx.helper.make_model(made, opset_imports=opsets, ir_version=8), path)
    return path


def logits(x):
    features = F.conv2d(x, torch.from_numpy(KERNEL), padding=1).relu().mean((2, 3))
    return features @ torch.from_numpy(HEAD) + torch.from_numpy(BIAS)


def images(count):
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count))


CASES = {
    "free batch": {},
    "batch of one in name only": {"batch": 1},
    "batch of one written into a reshape": {"batch": 1, "view": [1, 4]},
    "batch of two written into a reshape": {"batch": 2, "view": [2, 4]},
    "channels last": {"last": True},
    "newest operators": {"opset": 22},
    "a weight that layers share": {"shared": True},
}


@pytest.mark.parametrize("case", CASES)
def test_any_batch_gives_the_logits_and_their_gradients(case, tmp_path):
    found = load(Description(), graph(tmp_path / "net.onnx", **CASES[case]))
    assert (found.input_size, found.channels, found.head) == ((SIZE, SIZE), 3, None)
    assert not found.module.training
    for count in (1, 2, 3, 5):
        x, y = images(count).requires_grad_(), images(count).requires_grad_()
        ours, theirs = found.module(x), logits(y)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
        (ours[:, 0] - ours[:, 2]).sum().backward()
        (theirs[:, 0] - theirs[:, 2]).sum().backward()
        torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-6)


def test_a_network_of_silu_with_another_activation_in_its_head_is_tapped_at_its_maps(tmp_path):
    """In a graph a SiLU is a Sigmoid and a Mul; the head's Relu alone reads no place."""
    node, value, kind = onnx.helper.make_node, onnx.helper.make_tensor_value_info, 1
    nodes = [
        node("Conv", ["x", "kernel"], ["conv"], pads=[1] * 4, strides=[2, 2]),
        node("Sigmoid", ["conv"], ["gate"]),
        node("Mul", ["conv", "gate"], ["active"]),
        node("GlobalAveragePool", ["active"], ["pooled"]),
        node("Flatten", ["pooled"], ["flat"]),
        node("Relu", ["flat"], ["hidden"]),
        node("Gemm", ["hidden", "head", "bias"], ["y"]),
    ]
    weights = [initial("kernel", KERNEL), initial("head", HEAD), initial("bias", BIAS)]
    ends = [value("x", kind, ["b", 3, SIZE, SIZE])], [value("y", kind, ["b", 3])]
    made = onnx.helper.make_graph(nodes, "g", *ends, weights)
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(
        onnx.helper.make_model(made, opset_imports=opsets, ir_version=8), tmp_path / "n.onnx"
    )
    module = load(Description(), tmp_path / "n.onnx").module
    (found,) = find_hooked_layers(module, images(1))
    seen = []
    module.get_submodule(found).register_forward_hook(lambda _m, _i, o: seen.append(o))
    module(images(1))
    expected = F.silu(F.conv2d(images(1), torch.from_numpy(KERNEL), padding=1, stride=2))
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("opset", [13, 17, 20])
def test_a_maximum_over_the_whole_map_is_one(opset, tmp_path):
    found = load(Description(), graph(tmp_path / "net.onnx", pool="GlobalMaxPool", opset=opset))
    x, y = images(3).requires_grad_(), images(3).requires_grad_()
    largest = F.conv2d(y, torch.from_numpy(KERNEL), padding=1).relu().amax((2, 3))
    ours, theirs = found.module(x), largest @ torch.from_numpy(HEAD) + torch.from_numpy(BIAS)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    ours[:, 0].sum().backward()
    theirs[:, 0].sum().backward()
    torch.testing.assert_close(x.grad, y.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("view", [None, [1, 4]])
def test_activations_can_be_tapped_for_the_whole_batch(view, tmp_path):
    path = graph(tmp_path / "net.onnx", batch=1, view=view)
    module = load(Description(), path).module
    (name,) = [name for name, _ in module.named_modules() if name]
    seen = []
    module.get_submodule(name).register_forward_hook(lambda _m, _i, o: seen.append(o))
    x = images(3).requires_grad_()
    module(x)
    expected = F.conv2d(x, torch.from_numpy(KERNEL), padding=1).relu()
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)
    assert len(seen) == 1
    assert torch.autograd.grad(seen[0].sum(), x)[0].abs().sum() > 0


@pytest.mark.parametrize(
    ("ending", "head"),
    [
        (("Softmax",), "softmax"),
        (("Sigmoid",), "sigmoid"),
        (("Softmax", "Identity"), "softmax"),
        (("Softmax", "Sigmoid"), "sigmoid"),
        (("LogSoftmax",), None),
    ],
)
def test_the_last_probability_layer_becomes_the_head(ending, head, tmp_path):
    path = graph(tmp_path / "net.onnx", ending=ending)
    found = load(Description(), path)
    assert found.head == head
    expected = logits(images(2))
    if ending == ("Softmax", "Sigmoid"):  # only the last one is the head
        expected = expected.softmax(dim=1)
    if ending == ("LogSoftmax",):
        expected = expected.log_softmax(dim=1)
    torch.testing.assert_close(found.module(images(2)), expected, rtol=1e-4, atol=1e-5)
    assert parity(path, found.module, images(2)) < 1e-5


def test_parity_is_the_largest_difference_from_onnxruntime(tmp_path):
    path = graph(tmp_path / "net.onnx")

    class Off(torch.nn.Module):
        def forward(self, x):
            return logits(x) + torch.tensor([0.0, -0.25, 0.125])

    assert parity(path, Off(), images(3)) == pytest.approx(0.25, abs=1e-5)


def test_a_graph_that_changes_when_converted_is_refused_with_the_number(tmp_path, monkeypatch):
    import onnx2torch

    def wrong(proto):
        class Other(torch.nn.Module):
            def forward(self, x):
                return logits(x) + 7.0

        return Other()

    monkeypatch.setattr(onnx2torch, "convert", wrong)
    with pytest.raises(ClassifierError, match=r"by 7 from onnxruntime"):
        load(Description(), graph(tmp_path / "net.onnx"))


def test_each_image_is_checked_against_onnxruntime_before_it_is_explained(tmp_path):
    found = load(Description(), graph(tmp_path / "net.onnx"))
    found.check(images(1))
    with torch.no_grad():
        next(found.module.parameters()).add_(3.0)
    with pytest.raises(ClassifierError, match="from onnxruntime"):
        found.check(images(1))


def test_an_operator_without_gradients_is_named(tmp_path):
    with pytest.raises(ClassifierError, match="Mish"):
        load(Description(), graph(tmp_path / "net.onnx", middle="Mish", opset=18))


@pytest.mark.parametrize(
    ("operator", "why"),
    [("Erfc", r"\(Erfc\); export"), ("StatelessRandomUniformV2", "RandomFlip")],
)
def test_an_operator_of_tensorflow_that_was_left_in_the_graph_is_named(operator, why, tmp_path):
    with pytest.raises(ClassifierError, match=f"none of ONNX .*{why}"):
        load(Description(), graph(tmp_path / "net.onnx", middle=operator))


@pytest.mark.parametrize("name", ["onnx", "onnx2torch", "onnxruntime"])
def test_a_missing_extra_says_what_to_install(name, tmp_path, monkeypatch):
    path = graph(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ClassifierError, match=rf"{name}.*med-cam-evidence\[onnx\]"):
        load(Description(), path)


def test_a_broken_file_is_one_sentence(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"nothing")
    with pytest.raises(ClassifierError, match=r"net\.onnx") as raised:
        load(Description(), tmp_path / "net.onnx")
    assert "\n" not in str(raised.value)
    with pytest.raises(ClassifierError, match=r"no \.onnx file"):
        load(Description(), None)
