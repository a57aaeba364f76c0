"""The layers to match are found by one harmless run."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from med_cam.classifiers.hooked_layers import find_hooked_layers

X = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def conv(i, o, stride=2):
    return nn.Conv2d(i, o, 3, stride, padding=1)


class Shrinking(nn.Module):
    """Five halvings, each a convolution and an activation from `make`."""

    def __init__(self, make):
        super().__init__()
        self.convs = nn.ModuleList(conv(i, o) for i, o in itertools.pairwise([3, 4, 5, 6, 7, 8]))
        self.acts = nn.ModuleList(make() for _ in self.convs)
        self.gate = nn.Sigmoid()
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        for layer, act in zip(self.convs, self.acts, strict=True):
            x = act(layer(x))
            x = x * self.gate(x.mean(dim=(2, 3), keepdim=True))
        return self.head(x.mean(dim=(2, 3)))


@pytest.mark.parametrize(
    "make", [nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.LeakyReLU, nn.ELU, nn.PReLU]
)
def test_a_convolutional_net_gives_its_activations_from_a_quarter_down(make):
    x = torch.randn(1, 3, 64, 64)  # maps of 32, 16, 8, 4, 2
    assert find_hooked_layers(Shrinking(make), x) == ("acts.1", "acts.2", "acts.3", "acts.4")


def test_activations_in_place_are_found_as_well():
    x = torch.randn(1, 3, 64, 64)
    found = find_hooked_layers(Shrinking(lambda: nn.ReLU(inplace=True)), x)
    assert found == ("acts.1", "acts.2", "acts.3", "acts.4")


def test_sides_that_are_no_powers_of_two_count_by_halvings():
    x = torch.randn(1, 3, 75, 107)
    assert find_hooked_layers(Shrinking(nn.ReLU), x) == ("acts.1", "acts.2", "acts.3", "acts.4")


def test_functional_activations_fall_back_on_the_blocks_that_hold_them():
    class Block(nn.Module):
        def __init__(self, i, o):
            super().__init__()
            self.conv, self.norm = conv(i, o), nn.BatchNorm2d(o)

        def forward(self, x):
            return F.relu(self.norm(self.conv(x)), inplace=True)

    body = nn.Sequential(Block(3, 4), Block(4, 5), Block(5, 6))
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
    assert find_hooked_layers(module, X) == ("0.1", "0.2")


def test_a_container_that_hands_its_part_through_leaves_it_the_credit():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.stages = nn.Sequential(conv(3, 4), nn.Sequential(conv(4, 5)), conv(5, 6))
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            x = self.stages(x)
            return x, self.pool(x).flatten(1)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = Backbone(), nn.Linear(6, 2)

        def forward(self, x):
            return self.head(self.backbone(x)[1])

    assert find_hooked_layers(Whole(), X) == ("backbone.stages.1.0", "backbone.stages.2")


def test_functional_activations_without_blocks_fall_back_on_layers_before_the_norm():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.an = conv(3, 4), nn.BatchNorm2d(4)
            self.b, self.bn = conv(4, 5), nn.BatchNorm2d(5)
            self.c, self.cn = conv(5, 6), nn.BatchNorm2d(6)
            self.head = nn.Linear(6, 2)

        def forward(self, x):
            x = F.relu(self.an(self.a(x)))
            x = F.relu(self.bn(self.b(x)))
            x = F.relu(self.cn(self.c(x)))
            return self.head(x.mean(dim=(2, 3)))

    assert find_hooked_layers(Flat(), X) == ("b", "c")


def test_one_relu_for_the_whole_net_is_tapped_where_it_was_last_called():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = conv(3, 4), conv(4, 5), conv(5, 6)
            self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(6, 2)

        def forward(self, x):
            x = self.relu(self.c(self.relu(self.b(self.relu(self.a(x))))))
            return self.head(x.mean(dim=(2, 3)))

    assert find_hooked_layers(Shared(), X) == ("b", "relu")


def test_a_net_that_hardly_shrinks_gives_what_it_has():
    module = nn.Sequential(conv(3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert find_hooked_layers(nn.Sequential(module, nn.Linear(4, 2)), X) == ("0.1",)


class Block(nn.Module):
    def __init__(self, d, predict):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.predict = predict

    def forward(self, x):
        return self.predict(x + self.mlp(x))


class Tokens(nn.Module):
    """Patches of 8 x 8, blocks over tokens; `predict` is how a block returns them."""

    def __init__(self, depth, predict=lambda x: x):
        super().__init__()
        self.patch = nn.Conv2d(3, 6, 8, 8)
        self.blocks = nn.ModuleList(Block(6, predict) for _ in range(depth))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
            x = x[0] if isinstance(x, tuple) else x
        return self.head(x.mean(dim=1))


@pytest.mark.parametrize(
    ("depth", "wanted"), [(1, [0]), (2, [0, 1]), (4, [0, 1, 2, 3]), (12, [2, 5, 8, 11])]
)
def test_a_transformer_gives_evenly_spaced_blocks_with_the_last(depth, wanted):
    assert find_hooked_layers(Tokens(depth), X) == tuple(f"blocks.{i}" for i in wanted)


def test_blocks_that_return_tuples_are_found():
    module = Tokens(3, lambda x: (x, None))
    assert find_hooked_layers(module, X) == ("blocks.0", "blocks.1", "blocks.2")


def test_a_net_of_plain_features_gives_the_last_before_the_logits():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3072, 8), nn.ReLU(), nn.Linear(8, 2))
    assert find_hooked_layers(module, X) == ("2",)


def test_modules_that_do_not_run_in_python_have_no_hooked_layers():
    class Scripted(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.relu, self.head = conv(3, 4), nn.ReLU(), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.relu(self.a(x)).mean(dim=(2, 3)))

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.program = torch.export.export(Scripted(), (X,)).module()

        def forward(self, x):
            return self.program(x)

    assert find_hooked_layers(Around(), X) == ()


def test_the_module_is_as_before_and_no_gradient_was_taken():
    module = Shrinking(nn.ReLU).train()
    module.gate.eval()
    find_hooked_layers(module, torch.randn(1, 3, 64, 64))
    assert module.training
    assert module.acts[0].training
    assert not module.gate.training
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    assert not any(part._forward_hooks for part in module.modules())


def test_the_module_is_as_before_after_an_error():
    module = Shrinking(nn.ReLU).train()
    with pytest.raises(RuntimeError):
        find_hooked_layers(module, torch.randn(1, 4, 64, 64))
    assert module.training
    assert not any(part._forward_hooks for part in module.modules())
