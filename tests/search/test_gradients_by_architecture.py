"""Each of the paper's seven terms reaches the mask through each of its architectures."""

import pytest
import torch

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.hooked_layers import find_hooked_layers
from med_cam.masking.masked_input import masked_input
from med_cam.search import losses

SIDE = 64
MODELS = {
    "vit_base_patch16_224": {"img_size": SIDE},
    "convnext_small": {},
    "resnet18": {"zero_init_last": False},  # else its blocks pass on what enters them
    "mobilenetv2_100": {},
    "deit_tiny_patch16_224": {"img_size": SIDE},
}
TERMS = (
    "activation_mse", "activation_cosine", "kl", "cross_entropy",
    "area", "binarization", "total_variation", "robustness",
)  # fmt: skip


def generator(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module", params=MODELS)
def slopes(request):
    """The gradient of each term to the mask, by name; one model in memory at a time."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        module = import_timm().create_model(request.param, num_classes=4, **MODELS[request.param])
    x = torch.randn(1, 3, SIDE, SIDE, generator=generator(1))
    mask = torch.rand(1, 1, SIDE, SIDE, generator=generator(2)).requires_grad_()
    noise = torch.randn(x.shape, generator=generator(3))
    hooked_layers = find_hooked_layers(module, x)
    model = Classifier(module, ("a", "b", "c", "d"), (SIDE, SIDE), hooked_layers=hooked_layers)
    with hooks_attached(model) as forward:
        with torch.no_grad():
            whole = forward(x)
        seen = forward(masked_input(x, mask, torch.zeros_like(x)))  # e = m * x
        redrawn = forward(masked_input(x, mask, noise))  # e~
        target = whole.logits.argmax(dim=1)
        alphas = [1 / len(hooked_layers)] * len(hooked_layers)
        pair = (seen.activations, whole.activations, alphas)
        values = {
            "activation_mse": losses.activation_matching(*pair, "mse"),
            "activation_cosine": losses.activation_matching(*pair, "cosine"),
            "kl": losses.kl_divergence(seen.logits, whole.logits),
            "cross_entropy": losses.cross_entropy(seen.logits, target),
            "area": losses.area(mask),
            "binarization": losses.binarization(mask),
            "total_variation": losses.total_variation(mask),
            "robustness": losses.cross_entropy(redrawn.logits, target),
        }
        return {
            name: torch.autograd.grad(value.sum(), mask, retain_graph=True)[0]
            for name, value in values.items()
        }


@pytest.mark.parametrize("term", TERMS)
def test_every_term_reaches_the_mask(slopes, term):
    slope = slopes[term]
    assert torch.isfinite(slope).all()
    assert (slope != 0).float().mean() > 0.5  # most pixels, not a few
