"""Of several outputs of a graph the numbers are taken, not the choice that is made from them."""

import pytest
import torch

from classifiers.test_from_onnx import graph, images, logits
from med_cam.classifiers.description import Description
from med_cam.classifiers.from_onnx import load
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.onnx_parity import parity
from med_cam.errors import ClassifierError

onnx = pytest.importorskip("onnx")


def with_choice(path, *, ending=(), first=True, alone=False):
    """The graph of the other tests, and the number of the winning class beside its output."""
    proto = onnx.load(str(graph(path, ending=ending)))
    last = proto.graph.output[0]
    choose = onnx.helper.make_node("ArgMax", [last.name], ["choice"], axis=1, keepdims=0)
    proto.graph.node.append(choose)
    choice = onnx.helper.make_tensor_value_info("choice", onnx.TensorProto.INT64, ["b"])
    del proto.graph.output[:]
    proto.graph.output.extend([choice] if alone else [choice, last] if first else [last, choice])
    onnx.save(proto, path)
    return path


@pytest.mark.parametrize("ending", [(), ("Softmax",), ("Sigmoid",)])
@pytest.mark.parametrize("first", [True, False])
def test_the_numbers_are_taken_and_the_class_number_is_not(tmp_path, first, ending):
    path = with_choice(tmp_path / "net.onnx", ending=ending, first=first)
    found = load(Description(), path)
    assert found.head == (ending[0].lower() if ending else None)
    torch.testing.assert_close(found.module(images(3)), logits(images(3)), rtol=1e-3, atol=1e-4)
    assert parity(path, found.module, images(2)) < 1e-3


def test_a_graph_that_returns_its_choice_alone_is_refused_in_a_sentence(tmp_path):
    path = with_choice(tmp_path / "net.onnx", alone=True)
    with pytest.raises(ClassifierError, match=r"returns choice \(int64\): its choice of a class"):
        load(Description(), path)


def test_a_clip_behind_the_softmax_is_noticed_and_read_where_it_is_said(tmp_path):
    path = graph(tmp_path / "net.onnx", ending=("Softmax", "Clip"))
    say = tmp_path / "classifier.toml"
    say.write_text("mean = 0.5\nstd = 0.25\n")
    with pytest.raises(ClassifierError, match="softmax inside"):
        load_classifier(path, device="cpu")
    say.write_text('mean = 0.5\nstd = 0.25\noutputs = "probabilities"\n')
    assert load_classifier(path, device="cpu").outputs == "probabilities"


def test_an_ending_that_is_cut_off_leaves_logits_whatever_is_said_of_the_file(tmp_path):
    path = graph(tmp_path / "net.onnx", ending=("Softmax",))
    (tmp_path / "classifier.toml").write_text(
        'mean = 0.5\nstd = 0.25\noutputs = "probabilities"\n'
    )
    assert load_classifier(path, device="cpu").outputs == "logits"
