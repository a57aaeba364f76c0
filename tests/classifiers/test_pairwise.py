"""Two classes of a classifier told apart, against the plain softmax of their two logits."""

import copy

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.opaque import Opaque
from med_cam.classifiers.pairwise import pairwise
from med_cam.errors import ClassifierError

LABELS = ("glioma", "meningioma", "notumor", "pituitary")


class Net(nn.Module):
    """Convolution, norm, in-place ReLU, dropout, head; `predict` shapes what comes out."""

    def __init__(self, outputs=4, predict=lambda logits: logits):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.5)
        self.head = nn.Linear(4, outputs)
        self.predict = predict

    def forward(self, x):
        return self.predict(
            self.head(self.drop(self.relu(self.norm(self.conv(x)))).mean(dim=(2, 3)))
        )


def classifier(module=None, labels=LABELS, **fields):
    fields = {"hooked_layers": ("conv", "relu"), "name": "net"} | fields
    return Classifier(module or Net(len(labels)), labels, (8, 8), **fields)


def images(seed=0, count=3):
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def outputs(it, x):
    with hooks_attached(it) as forward, torch.no_grad():
        return forward(x)


def probabilities(it, x):
    return it.probabilities(outputs(it, x).logits)


def plain(module, x):
    """What the module predicts in evaluation mode, without our code."""
    twin = copy.deepcopy(module).eval()
    with torch.no_grad():
        return twin(x)


@pytest.mark.parametrize(
    "predict", [lambda z: z, lambda z: {"logits": z}, lambda z: (z[..., None],)]
)
@given(
    pair=st.lists(st.sampled_from(range(4)), min_size=2, max_size=2, unique=True),
    seed=st.integers(0, 99),
)
@settings(max_examples=10, deadline=None)
def test_the_probability_is_the_softmax_of_the_two_logits(predict, pair, seed):
    module, x = Net(), images(seed)
    z = plain(module, x)
    module.predict = predict
    target, rival = pair
    two = pairwise(classifier(module), LABELS[target], LABELS[rival])
    share = z[:, target].exp() / (z[:, target].exp() + z[:, rival].exp())
    torch.testing.assert_close(probabilities(two, x)[:, 1], share)
    torch.testing.assert_close(probabilities(two, x)[:, 0], 1 - share)


def test_the_probability_is_the_one_given_that_it_is_one_of_the_two():
    it, x = classifier(), images()
    p = plain(it.module, x).softmax(dim=1)
    two = pairwise(it, "pituitary", "glioma")
    torch.testing.assert_close(probabilities(two, x)[:, 1], p[:, 3] / (p[:, 3] + p[:, 0]))


def test_classes_that_are_not_asked_for_do_not_count():
    module, x = Net(), images()
    module.predict = lambda z: z + torch.tensor([0.0, 50.0, 0.0, 50.0])
    loud = probabilities(pairwise(classifier(module), "notumor", "glioma"), x)
    module.predict = lambda z: z
    torch.testing.assert_close(
        loud, probabilities(pairwise(classifier(module), "notumor", "glioma"), x)
    )


def test_a_sigmoid_head_is_compared_by_odds():
    it = classifier(head="sigmoid", thresholds=(0.2, 0.3, 0.4, 0.6))
    x = images()
    p = plain(it.module, x).sigmoid()
    odds = p / (1 - p)
    two = pairwise(it, "meningioma", "notumor")
    assert two.thresholds == ()
    share = odds[:, 1] / (odds[:, 1] + odds[:, 2])
    torch.testing.assert_close(probabilities(two, x)[:, 1], share)


@pytest.mark.parametrize(("target", "sign"), [("yes", 1), ("no", -1)])
def test_one_logit_under_two_classes_stays_what_it_is(target, sign):
    it, x = classifier(Net(1), ("no", "yes")), images()
    rival = {"yes": "no", "no": "yes"}[target]
    two = pairwise(it, target, rival)
    z = plain(it.module, x)[:, 0]
    torch.testing.assert_close(probabilities(two, x)[:, 1], (sign * z).sigmoid())


def test_a_pair_of_a_pair_is_the_pair():
    it, x = classifier(), images()
    once = pairwise(it, "glioma", "notumor")
    assert torch.equal(
        probabilities(pairwise(once, "glioma", "notumor"), x), probabilities(once, x)
    )


def test_all_else_is_as_it_was():
    def check(x):
        raise ClassifierError("no")

    frame = {
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "value_range": 255.0,
        "rule": "crop",
        "crop_share": 0.9,
        "interpolation": "bicubic",
        "sha256": "abc",
        "check": check,
    }
    two = pairwise(classifier(**frame), "pituitary", "glioma")
    assert {name: getattr(two, name) for name in frame} == frame
    assert (two.labels, two.head, two.input_size) == (("glioma", "pituitary"), "softmax", (8, 8))
    assert two.name == "net: pituitary against glioma"


def test_the_same_layers_are_matched():
    it, x = classifier(), images()
    whole, two = outputs(it, x), outputs(pairwise(it, "notumor", "pituitary"), x)
    assert len(two.activations) == 2
    for before, after in zip(whole.activations, two.activations, strict=True):
        assert torch.equal(before, after)


def test_gradients_reach_the_image_from_logits_and_layers():
    it = classifier()
    x, y = images().requires_grad_(), images().requires_grad_()
    with hooks_attached(pairwise(it, "notumor", "pituitary")) as forward:
        found = forward(x)
        (found.logits[:, 1] - found.logits[:, 0] + found.activations[0].sum()).sum().backward()
    twin = copy.deepcopy(it.module).eval()
    z = twin(y)
    (z[:, 2] - z[:, 3] + twin.conv(y).sum()).sum().backward()
    torch.testing.assert_close(x.grad, y.grad)


def state(module):
    return copy.deepcopy(
        (
            [part.training for part in module.modules()],
            [parameter.requires_grad for parameter in module.parameters()],
            [parameter.grad for parameter in module.parameters()],
            [list(part._forward_hooks) for part in module.modules()],
            list(module.state_dict().values()),
        )
    )


def test_the_module_is_run_as_it_is_and_comes_back_as_it_was():
    module = Net()
    module.norm.eval()
    module.conv.weight.requires_grad_(False)
    module.conv.register_forward_hook(lambda *_: None)
    before = state(module)
    two = pairwise(classifier(module), "notumor", "pituitary")
    assert any(part is module for part in two.module.modules())
    with hooks_attached(two) as forward:
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in module.parameters())
        forward(images().requires_grad_()).logits.sum().backward()
    torch.testing.assert_close(state(module), before, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("target", "rival", "words"),
    [
        ("gliom", "notumor", "net has no class 'gliom'; did you mean 'glioma'?"),
        ("notumor", "pituitry", "net has no class 'pituitry'; did you mean 'pituitary'?"),
        ("notumor", "x", "known are glioma, meningioma, notumor, pituitary"),
        (
            "notumor",
            "notumor",
            "'notumor' cannot be distinguished from itself; name another of glioma,",
        ),
    ],
)
def test_a_pair_that_is_none_is_refused(target, rival, words):
    with pytest.raises(ClassifierError) as error:
        pairwise(classifier(), target, rival)
    assert words in str(error.value)


def test_a_module_with_other_outputs_than_classes_is_refused_with_all_classes():
    two = pairwise(classifier(Net(3)), "notumor", "pituitary")
    with pytest.raises(ClassifierError, match="gives 3 outputs, but 4 classes"):
        outputs(two, images())


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """An exported program, loaded: its parts are out of sight."""
    path = tmp_path_factory.mktemp("exported") / "net.pt2"
    free = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(Net().eval(), (images(),), dynamic_shapes=free)
    torch.export.save(program, path)
    return path


@pytest.mark.parametrize("tapped", [False, True])
def test_an_exported_program_is_paired_too(exported, tapped, tmp_path):
    (tmp_path / exported.name).write_bytes(exported.read_bytes())
    rows = ['architecture = "export"', f"classes = {list(LABELS)}", "mean = 0.5", "std = 0.5"]
    (tmp_path / "classifier.toml").write_text(
        "\n".join(rows + ["hooked_layers = []"] * (not tapped))
    )
    it, x = load_classifier(tmp_path, device="cpu"), images()
    assert bool(it.hooked_layers) == tapped
    two = pairwise(it, "meningioma", "glioma")
    with hooks_attached(two) as forward:
        assert not any(parameter.requires_grad for parameter in it.module.parameters())
        found = forward(x)
    assert torch.equal(found.logits, outputs(it, x).logits[:, [0, 1]])
    assert len(found.activations) == len(it.hooked_layers)
    assert (two.sha256, len(it.sha256)) == (it.sha256, 64)


@pytest.mark.parametrize("wrapped", [lambda module: module, Opaque])
def test_a_pair_lies_where_its_classifier_lies_and_moves_with_it(wrapped):
    module = Net()
    two = pairwise(classifier(wrapped(module), hooked_layers=()), "glioma", "notumor")
    two.module.to("meta")  # stands for any other device
    assert two.device == module.head.weight.device == torch.device("meta")
