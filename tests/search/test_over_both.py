"""Both looks of a step in one pass are the two passes, whatever a hooked layer gives."""

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config, Verification
from med_cam.images.image import Image
from med_cam.search.train import over_both

SIDE = 16
RULES = Config(verification=Verification(baselines=("grey", "gaussian"), unseen=()))


class Tokens(nn.Module):
    """Logits of the mean token; the layer `act` gives images first, or tokens first."""

    def __init__(self, *, tokens_first):
        super().__init__()
        self.cut, self.act, self.tokens_first = nn.Conv2d(1, 2, 4, 4), nn.ReLU(), tokens_first

    def forward(self, x):
        tokens = self.cut(x).flatten(2)  # b 2 n
        if self.tokens_first:
            return self.act(tokens.permute(2, 0, 1)).mean(dim=0)
        return self.act(tokens.transpose(1, 2)).mean(dim=1)


@pytest.mark.parametrize(("tokens_first", "passes"), [(False, [4]), (True, [2, 2])])
def test_it_gives_what_two_passes_give(tokens_first, passes):
    generator = torch.Generator().manual_seed(0)
    net = Tokens(tokens_first=tokens_first)
    for weight in net.parameters():
        weight.data.copy_(torch.randn(weight.shape, generator=generator))
    seen = []
    net.cut.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    pixels = torch.rand(1, SIDE, SIDE, generator=generator)
    model = Classifier(net, ("a", "b"), (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",))
    mask = torch.rand(2, 1, SIDE, SIDE, generator=generator, requires_grad=True)
    first, second = (torch.randn(2, 1, SIDE, SIDE, generator=generator) for _ in range(2))
    with hooks_attached(model) as forward:
        case = observed(forward, model, Image(pixels), RULES)
        seen.clear()
        found = over_both(case, mask, first, second)
        assert seen == passes
        for outputs, around in zip(found, (first, second), strict=True):
            alone = case.outputs.over(mask, around)
            torch.testing.assert_close(outputs.logits, alone.logits)
            torch.testing.assert_close(outputs.activations, alone.activations)
