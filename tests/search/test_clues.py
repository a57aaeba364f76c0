"""The clues of an image: what the target's score depends on, place by place."""

import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.config.settings import Config
from med_cam.images.geometry import Image
from med_cam.search.clues import clues, count_of, margin


class Weighted(nn.Module):
    """The second label by a sum of weighted pixels."""

    def __init__(self, side):
        super().__init__()
        self.act = nn.Identity()
        weight = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(3))
        self.weight = nn.Parameter(weight / side**2)

    def forward(self, x):
        score = (self.act(x) * self.weight).sum(dim=(1, 2, 3))
        return torch.stack([-score, score], dim=1)


def case_of(forward, model, side):
    pixels = torch.rand(1, side, side, generator=torch.Generator().manual_seed(5))
    return observed(forward, model, Image(pixels), Config())


def test_the_clues_of_a_weighted_sum_are_its_weighted_pixels():
    side, half = 16, 8
    module = Weighted(side)
    model = Classifier(module, ("a", "b"), (side, side), 1, (0.5,), (0.5,), hooked_layers=("act",))
    with hooks_attached(model) as forward:
        case = case_of(forward, model, side)
        before = case.cost()
        found = clues(case, half)
        after = case.cost()
    x, sign = case.scene.x, 1.0 if case.target.index == 1 else -1.0
    share = sign * x * module.weight.detach()  # of the score, but for a factor
    pooled = share.view(1, 1, half, 2, half, 2).mean(dim=(3, 5))
    expected = (pooled - pooled.mean()) / pooled.std()
    assert (after.forward - before.forward, after.backward - before.backward) == (1, 1)
    assert found.shape == (1, count_of(model), half, half)
    torch.testing.assert_close(found[:, :1], x.view(1, 1, half, 2, half, 2).mean(dim=(3, 5)))
    torch.testing.assert_close(found[:, 1:2], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(found[:, 2:3], expected, atol=1e-4, rtol=1e-4)  # of the layer
    assert not found.requires_grad
    assert module.weight.grad is None


def test_the_margin_is_the_log_odds_of_the_target():
    logits = torch.tensor([[0.3, -1.2, 2.0]])
    for target in range(3):
        p = logits.softmax(dim=1)[0, target]
        torch.testing.assert_close(margin(logits, target, "softmax"), (p / (1 - p)).log())
        p = logits.sigmoid()[0, target]
        torch.testing.assert_close(margin(logits, target, "sigmoid"), (p / (1 - p)).log())
