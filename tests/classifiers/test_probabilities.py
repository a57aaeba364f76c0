"""Probabilities read as logits: the same answers and gradients as the logits they came from."""

import pytest
import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.identity import identity_of
from med_cam.classifiers.pairwise import pairwise
from med_cam.classifiers.probabilities import as_logits

ENDINGS = {"softmax": nn.Softmax(dim=1), "sigmoid": nn.Sigmoid()}
LABELS = ("a", "b", "c")


def net(ending=None):
    """Pixels are the logits' sources: three means, weighed."""
    linear = nn.Linear(3, 3)
    linear.weight.data = torch.tensor([[2.0, -1, 0], [0, 3, 1], [-1, 0, 2]])
    linear.bias.data = torch.tensor([0.1, -0.2, 0.3])
    parts = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear, *([ending] if ending else [])]
    return nn.Sequential(*parts)


def classifier(module, head, labels=LABELS, **fields):
    return Classifier(
        module, labels, (4, 4), mean=(0.5,) * 3, std=(0.25,) * 3, head=head, **fields
    )


@pytest.mark.parametrize("head", ENDINGS)
def test_a_network_that_ends_in_its_head_answers_as_its_logits_do(head):
    x = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    plain = classifier(net(), head)
    ended = classifier(net(ENDINGS[head]), head, outputs="probabilities")
    found = []
    for each in (plain, ended):
        own = x.clone().requires_grad_()
        with hooks_attached(each) as forward:
            p = each.probabilities(forward(own).logits)
        (slope,) = torch.autograd.grad(p[:, 1].log().sum(), own)
        found.append((p, slope))
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-4)


def test_gradients_are_those_of_the_formulas():
    """d log(p) / dp = 1 / p, and d logit(p) / dp = 1 / (p (1 - p))."""
    p = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64, requires_grad=True)
    (soft,) = torch.autograd.grad(as_logits(p, head="softmax").sum(), p)
    (single,) = torch.autograd.grad(as_logits(p, head="sigmoid").sum(), p)
    torch.testing.assert_close(soft, 1 / p.detach())
    torch.testing.assert_close(single, 1 / (p.detach() * (1 - p.detach())))
    assert torch.autograd.gradcheck(lambda q: as_logits(q, head="softmax"), p)
    assert torch.autograd.gradcheck(lambda q: as_logits(q, head="sigmoid"), p)


@pytest.mark.parametrize("head", ENDINGS)
def test_saturation_gives_finite_logits_in_their_order_and_no_nan(head):
    z = torch.tensor([[-200.0, 0.0, 200.0]], requires_grad=True)
    logits = as_logits(ENDINGS[head](z), head=head)
    assert logits.isfinite().all()
    assert logits[0, 0] < logits[0, 2]
    (slope,) = torch.autograd.grad(logits.sum(), z)
    assert slope.isfinite().all()


def test_a_lone_probability_under_two_labels_is_that_of_the_second():
    """p stands for (1 - p, p)."""
    module = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1), nn.Sigmoid())
    x = torch.rand(4, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    binary = classifier(module, "softmax", ("no", "yes"), outputs="probabilities")
    with hooks_attached(binary) as forward:
        p = binary.probabilities(forward(x).logits)
    expected = module(x).detach()
    torch.testing.assert_close(p, torch.cat([1 - expected, expected], dim=1))


@pytest.mark.parametrize("head", ENDINGS)
def test_a_pair_of_classes_is_compared_by_the_logits(head):
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    pair = pairwise(
        classifier(net(ENDINGS[head]), head, outputs="probabilities"), target="b", rival="c"
    )
    with hooks_attached(pair) as forward:
        found = forward(x).logits
    z = net()(x).detach()
    torch.testing.assert_close(found[:, 1] - found[:, 0], z[:, 1] - z[:, 2], atol=1e-5, rtol=1e-5)


def test_what_the_outputs_are_is_part_of_the_identity():
    plain, ended = (classifier(net(), "softmax", outputs=o) for o in ("logits", "probabilities"))
    assert identity_of(plain).state == identity_of(ended).state
    assert identity_of(plain) != identity_of(ended)
