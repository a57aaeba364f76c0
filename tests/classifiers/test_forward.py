"""A classifier at work answers as its module does, which comes back as it went in."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from classifiers.small_net import Small, classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.errors import ClassifierError

# -- outputs --------------------------------------------------------------------------------------


class Named:
    def __init__(self, logits):
        self.logits = logits


@pytest.mark.parametrize(
    "predict",
    [
        lambda z: (z, None),
        lambda z: [z],
        lambda z: {"logits": z},
        lambda z: {"loss": None, "logits": z},
        lambda z: {"out": z},
        Named,
        lambda z: z[..., None, None],
    ],
)
def test_logits_are_found_in_whatever_the_module_returns(predict):
    plain = Small()
    wrapped = copy.deepcopy(plain)
    wrapped.predict = predict
    x = torch.randn(3, 3, 8, 8)
    with hooks_attached(classifier(plain)) as f, hooks_attached(classifier(wrapped)) as g:
        assert torch.equal(f(x).logits, g(x).logits)


@pytest.mark.parametrize(
    ("predict", "words"),
    [
        (lambda z: torch.cat([z, z], dim=1), r"gives 4 outputs, but 2 classes are named \(a, b\)"),
        (lambda z: z[:, :1].expand(-1, 3), "gives 3 outputs"),
        (lambda z: "benign", "returned str without a tensor"),
        (lambda z: z[..., None].expand(-1, -1, 5), r"shape \(2, 2, 5\)"),
        (lambda z: z[:1], r"shape \(1, 2\)"),
    ],
)
def test_what_is_not_one_logit_a_label_is_refused(predict, words):
    with (
        hooks_attached(classifier(Small(2, predict))) as f,
        pytest.raises(ClassifierError, match=words),
    ):
        f(torch.randn(2, 3, 8, 8))


def test_one_logit_under_two_labels_gives_exactly_bernoulli_probabilities():
    module = Small(1)
    it = classifier(module)
    x = torch.randn(5, 3, 8, 8)
    with hooks_attached(it) as f, torch.no_grad():
        positive = module(x).sigmoid().squeeze(1)
        found = it.probabilities(f(x).logits)
    torch.testing.assert_close(found, torch.stack([1 - positive, positive], dim=1))


def test_one_logit_under_one_label_is_a_sigmoid_head():
    module = Small(1)
    it = classifier(module, labels=("ill",), head="sigmoid")
    x = torch.randn(5, 3, 8, 8)
    with hooks_attached(it) as f, torch.no_grad():
        torch.testing.assert_close(it.probabilities(f(x).logits), module(x).sigmoid())


def test_a_batch_of_one_logit_without_its_axis_is_understood():
    module = Small(1, lambda z: z.squeeze(1))
    with hooks_attached(classifier(module, labels=("ill",), head="sigmoid")) as f:
        assert f(torch.randn(5, 3, 8, 8)).logits.shape == (5, 1)


# -- hooks attached -------------------------------------------------------------------------------


def state_of(module):
    return (
        {name: part.training for name, part in module.named_modules()},
        {name: p.requires_grad for name, p in module.named_parameters()},
        {
            name: None if p.grad is None else p.grad.clone()
            for name, p in module.named_parameters()
        },
        {name: (t.clone(), t.stride()) for name, t in module.state_dict().items()},
        {name: len(part._forward_hooks) for name, part in module.named_modules()},
    )


def used_module():
    """A module in the middle of somebody's work: mixed modes, flags, gradients, a hook."""
    module = Small()
    module.train()
    module.norm.eval()
    module.conv.weight.requires_grad_(False)
    module.conv.register_forward_hook(lambda *_: None)
    module.head(torch.ones(1, 4)).sum().backward()
    return module


def assert_same(before, after):
    torch.testing.assert_close(after, before, rtol=0, atol=0)


def test_the_module_comes_back_as_it_went_in():
    module = used_module()
    before = state_of(module)
    with hooks_attached(classifier(module, hooked_layers=("conv", "relu"))) as f:
        assert not any(part.training for part in module.modules())
        assert not any(p.requires_grad for p in module.parameters())
        x = torch.randn(2, 3, 8, 8, requires_grad=True)
        f(x).logits.sum().backward()
    assert_same(before, state_of(module))


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_the_module_comes_back_after_an_error(error):
    module = used_module()
    before = state_of(module)

    def use_and_break():
        with hooks_attached(classifier(module, hooked_layers=("relu",))) as f:
            f(torch.randn(2, 3, 8, 8))
            raise error

    with pytest.raises(error):
        use_and_break()
    assert_same(before, state_of(module))


def test_the_module_comes_back_after_an_error_inside_itself():
    def break_off(_):
        raise ValueError("no")

    module = used_module()
    module.predict = break_off
    before = state_of(module)
    with (
        pytest.raises(ValueError, match="no"),
        hooks_attached(classifier(module, hooked_layers=("relu",))) as f,
    ):
        f(torch.randn(2, 3, 8, 8))
    assert_same(before, state_of(module))


def test_a_module_that_refuses_eval_is_served():
    class Stubborn(Small):
        def train(self, mode=True):
            raise NotImplementedError

    with hooks_attached(classifier(Stubborn())) as f:
        assert f(torch.randn(1, 3, 8, 8)).logits.shape == (1, 2)


def test_nested_use_restores_to_the_outer_use():
    it = classifier(used_module(), hooked_layers=("relu",))
    x = torch.randn(1, 3, 8, 8)
    with hooks_attached(it) as outer:
        first = outer(x)
        with hooks_attached(dataclasses.replace(it, hooked_layers=("conv",))) as inner:
            inner(x)
        again = outer(x)
        assert not any(part.training for part in it.module.modules())
    assert torch.equal(first.activations[0], again.activations[0])


def test_an_activation_in_place_does_not_overwrite_the_tapped_layer():
    module = Small().eval()
    with hooks_attached(classifier(module, hooked_layers=("norm", "relu"))) as f, torch.no_grad():
        x = torch.randn(2, 3, 8, 8)
        norm, relu = f(x).activations
        expected = module.norm(module.conv(x))
    assert (norm < 0).any()
    torch.testing.assert_close(norm, expected)
    torch.testing.assert_close(relu, expected.clamp(min=0))


def test_gradients_pass_from_a_tap_before_an_activation_in_place():
    module = Small().eval()
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    with hooks_attached(classifier(module, hooked_layers=("norm",))) as f:
        out = f(x)
        (out.activations[0].square().sum() + out.logits.sum()).backward()
    y = x.detach().clone().requires_grad_()
    norm = module.norm(module.conv(y))
    logits = module.head(norm.relu().mean(dim=(2, 3)))
    (norm.square().sum() + logits.sum()).backward()
    torch.testing.assert_close(x.grad, y.grad)


def test_a_first_layer_in_place_does_not_reach_the_input():
    module = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(192, 2))
    x = torch.randn(2, 3, 8, 8)
    before = x.clone()
    with hooks_attached(classifier(module)) as f:
        f(x)
        f(x.requires_grad_()).logits.sum().backward()
    assert torch.equal(x, before)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_runs_without_gradients_to_the_same_logits(mode):
    it, x = classifier(hooked_layers=("relu",)), torch.randn(2, 3, 8, 8)
    with hooks_attached(it) as f:
        learned = f(x).logits
        with mode():
            assert torch.equal(f(x).logits, learned)


def test_the_last_call_of_a_shared_layer_counts():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu, self.head = nn.ReLU(), nn.Linear(192, 2)

        def forward(self, x):
            return self.head(self.relu(-self.relu(x) + 1).flatten(1))

    x = torch.randn(1, 3, 8, 8)
    with hooks_attached(classifier(Twice(), hooked_layers=("relu",))) as f:
        torch.testing.assert_close(f(x).activations[0], (1 - x.relu()).relu())


def test_hooked_layers_come_in_the_order_named_and_from_tuples_the_first_tensor():
    module = Small()
    module.conv.register_forward_hook(lambda _m, _i, out: (out, "more"))
    module.norm.register_forward_pre_hook(lambda _m, args: args[0][:1])
    with hooks_attached(classifier(module, hooked_layers=("relu", "conv"))) as f:
        relu, conv = f(torch.randn(2, 3, 8, 8)).activations
    assert (relu >= 0).all()
    assert (conv < 0).any()


def test_a_tap_that_never_runs_is_named():
    module = Small()
    module.idle = nn.Linear(1, 1)
    with (
        hooks_attached(classifier(module, hooked_layers=("idle",))) as f,
        pytest.raises(ClassifierError, match="'idle' gave no tensor"),
    ):
        f(torch.randn(1, 3, 8, 8))
