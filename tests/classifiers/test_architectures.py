"""The paper's four architectures, and relatives, with random weights at small sizes."""

import pytest
import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.hooked_layers import find_hooked_layers

SIDE = 64
TIMM = {
    "vit_base_patch16_224": ({"img_size": SIDE}, [f"blocks.{i}" for i in (2, 5, 8, 11)]),
    "convnext_small": (
        {},
        ["stages.0.blocks.2", "stages.1.blocks.2", "stages.2.blocks.26", "stages.3.blocks.2"],
    ),
    "resnet18": ({}, [f"layer{i}.1.act2" for i in (1, 2, 3, 4)]),
    "mobilenetv2_100": ({}, [*(f"blocks.{i}.0.bn1.act" for i in (2, 3, 5)), "bn2.act"]),
    "deit_tiny_patch16_224": ({"img_size": SIDE}, [f"blocks.{i}" for i in (2, 5, 8, 11)]),
    "swin_tiny_patch4_window7_224": (
        {"img_size": SIDE, "window_size": 2},
        ["layers.1.blocks.0", "layers.2.blocks.1", "layers.2.blocks.4", "layers.3.blocks.1"],
    ),
}
TORCHVISION = {
    "resnet18": ({}, [f"layer{i}.1.relu" for i in (1, 2, 3, 4)]),  # one ReLU twice in each block
    "mobilenet_v2": (
        {},
        [*(f"features.{i}.conv.0.2" for i in (4, 7, 14)), "features.18.2"],
    ),
    "vit_b_16": (
        {"image_size": SIDE},
        [f"encoder.layers.encoder_layer_{i}" for i in (2, 5, 8, 11)],
    ),
}


def timm_model(name):
    return import_timm().create_model(name, num_classes=4, **TIMM[name][0])


def torchvision_model(name):
    models = import_torchvision("torchvision.models")
    module = models.get_model(name, weights=None, num_classes=4, **TORCHVISION[name][0])
    for part in module.modules():
        if isinstance(part, nn.Linear) and not part.weight.any():
            nn.init.normal_(part.weight, std=0.02)  # vit_b_16 starts with a head of zeros
    return module


@pytest.fixture(params=[("timm", name) for name in TIMM] + [("tv", name) for name in TORCHVISION])
def case(request):
    """A module of random weights, and the layers it should have hooked."""
    zoo, name = request.param
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        if zoo == "timm":
            return timm_model(name), tuple(TIMM[name][1])
        return torchvision_model(name), tuple(TORCHVISION[name][1])


def test_each_tap_and_the_logits_send_a_gradient_to_the_input(case):
    module, wanted = case
    x = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    module.train()
    hooked_layers = find_hooked_layers(module, x)
    assert hooked_layers == wanted
    it = Classifier(module, ("a", "b", "c", "d"), (SIDE, SIDE), hooked_layers=hooked_layers)
    x.requires_grad_()
    with hooks_attached(it) as forward:
        logits, activations = forward(x)
        for part in (*activations, logits[:, :1]):
            # Squares, since a plain sum is constant behind a normalisation.
            (gradient,) = torch.autograd.grad(part.square().sum(), x, retain_graph=True)
            assert torch.isfinite(gradient).all()
            assert gradient.abs().max() > 0
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    assert all(part.training for part in module.modules())
    assert not any(part._forward_hooks for part in module.modules())


def test_a_tapped_resnet_gives_what_enters_the_next_stage():
    """The shared ReLU's last call is the one after the sum, as the stage's output is."""
    module = torchvision_model("resnet18").eval()
    seen = []
    module.layer3.register_forward_pre_hook(lambda _module, args: seen.append(args[0].clone()))
    it = Classifier(module, ("a", "b", "c", "d"), (SIDE, SIDE), hooked_layers=("layer2.1.relu",))
    with hooks_attached(it) as forward, torch.no_grad():
        (activation,) = forward(torch.randn(2, 3, SIDE, SIDE)).activations
    assert torch.equal(activation, seen[0])
    assert isinstance(module.layer2[1].relu, nn.ReLU)
    assert module.layer2[1].relu.inplace
