"""Folded batch normalisation: the module's own answers, and the module as it was."""

import copy
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import Generator, Tensor, nn

from med_cam.case.case import at_work
from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.folding import find_foldable, folded
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.from_module import from_module
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config, relative_to
from med_cam.removal.hidden import Hidden

X = torch.randn(2, 3, 16, 16, generator=Generator().manual_seed(0))


def trained(module: nn.Module, seed: int = 0) -> nn.Module:
    """With statistics and factors as training leaves them: of any size, some negative."""
    generator = Generator().manual_seed(seed)

    def drawn(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            for each in layer.parameters(recurse=False):
                each.data.copy_(drawn(each) / each[0].numel() ** 0.5)
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
            layer.running_mean.copy_(drawn(layer.running_mean))
            layer.running_var.copy_(drawn(layer.running_mean).exp())
            if layer.affine:
                layer.weight.data.copy_(drawn(layer.weight))
                layer.bias.data.copy_(drawn(layer.bias))
    return module.eval()


def head(channels: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2)


class Used(nn.Module):
    """The convolution's output is read beside its normalisation too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.head = nn.Sequential(*head(4))

    def forward(self, x: Tensor) -> Tensor:
        made = self.conv(x)
        return self.head(self.norm(made).relu() + made)


class Twice(nn.Module):
    """One convolution under two normalisations, and one normalisation after two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.conv = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(2))
        self.other = nn.Conv2d(3, 3, 1)
        self.norm, self.first, self.second, self.shared = (nn.BatchNorm2d(3) for _ in range(4))
        self.head = nn.Sequential(*head(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.entry(x))
        y = self.second(self.conv(self.first(self.conv(x)).relu()))
        return self.head(self.shared(self.other(self.shared(y.relu()))).relu())


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3])
@settings(deadline=None, max_examples=30)
@given(
    bias=st.booleans(),
    affine=st.booleans(),
    groups=st.sampled_from([1, 4]),
    stride=st.sampled_from([1, 2]),
    images=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_a_folded_network_answers_as_the_module_does(
    threads: int, kernel: int, bias: bool, affine: bool, groups: int, stride: int, images: int,
    seed: int,
) -> None:  # fmt: skip
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=bias),
        nn.BatchNorm2d(4, affine=affine, eps=1e-2),
        nn.ReLU6(inplace=True),
        nn.Conv2d(4, 8, kernel, groups=groups, stride=stride, dilation=2, bias=bias),
        nn.BatchNorm2d(8, affine=affine),
        nn.ReLU(inplace=True),
        *head(8),
    )
    trained(module, seed)
    x = torch.randn(images, 3, 16, 16, generator=Generator().manual_seed(seed))
    exact = copy.deepcopy(module).double()(x.double())
    pairs = find_foldable(module, x)
    assert pairs == (("0", "1"), ("3", "4"))
    with patch("torch.get_num_threads", return_value=threads), folded(module, pairs):
        torch.testing.assert_close(module(x).double(), exact, rtol=1e-5, atol=1e-5)


def test_a_normalisation_is_no_step_of_its_own_any_more() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *head(4)))
    made = []
    with folded(module, find_foldable(module, X)):
        for layer in module[:2]:
            layer.register_forward_hook(lambda _layer, _x, y: made.append(y))
        module(X)
    assert made[0] is made[1]


def test_an_output_that_is_read_elsewhere_is_not_folded() -> None:
    assert find_foldable(trained(Used()), X) == ()


def test_layers_that_are_called_twice_are_not_folded_and_others_are() -> None:
    assert find_foldable(trained(Twice()), X) == (("entry", "norm"),)


def without_statistics() -> nn.Module:
    return nn.BatchNorm2d(4, track_running_stats=False)


class Loud(nn.Conv2d):
    """Computes something else from its weights."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    "made",
    [
        lambda: (nn.Conv2d(3, 4, 3), without_statistics()),
        lambda: (Loud(3, 4, 3), nn.BatchNorm2d(4)),
        lambda: (nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.BatchNorm2d(4)),
        lambda: (nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4)),
        lambda: (nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)),
    ],
)
def test_other_layers_are_left_alone(made: Callable[[], tuple[nn.Module, ...]]) -> None:
    assert find_foldable(trained(nn.Sequential(*made(), *head(4))), X) == ()


@pytest.mark.parametrize("place", [0, 1])
def test_layers_to_which_somebody_listens_are_left_alone(place: int) -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *head(4)))
    module[place].register_forward_hook(lambda _layer, _x, _y: None)
    assert find_foldable(module, X) == ()


def test_the_module_is_left_as_it_was_after_an_error_too() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *head(4)))
    before, state = module(X), copy.deepcopy(module.state_dict())
    pairs = find_foldable(module, X)
    with pytest.raises(KeyError), folded(module, pairs):
        raise KeyError
    assert torch.equal(module(X), before)
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert not any("forward" in vars(layer) for layer in module.modules())


def test_a_module_without_batch_normalisation_is_not_run() -> None:
    module, ran = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4), *head(4)).eval(), []
    module.register_forward_hook(lambda *_: ran.append(True))
    assert find_foldable(module, X) == ()
    assert ran == []


def test_layers_that_a_module_has_not_are_left_out() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *head(4)))
    with folded(module, (("stem", "norm"), ("0", "2"), ("1", "0"))):
        assert not any("forward" in vars(layer) for layer in module.modules())


def test_a_use_inside_a_use_changes_nothing() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), *head(4)))
    pairs = find_foldable(module, X)
    with folded(module, pairs):
        once = module(X)
        with folded(module, pairs):
            assert torch.equal(module(X), once)
        assert torch.equal(module(X), once)
    assert not any("forward" in vars(layer) for layer in module.modules())


@pytest.mark.parametrize(
    "name", ["mobilenetv2_035", "tf_efficientnet_b0", "resnet10t", "regnetx_002"]
)
def test_networks_of_timm_answer_as_they_do_by_themselves(name: str) -> None:
    module = trained(import_timm().create_model(name, num_classes=3, pretrained=False))
    x = torch.randn(2, 3, 64, 64, generator=Generator().manual_seed(1))
    with torch.no_grad():
        exact = copy.deepcopy(module).double()(x.double())
        pairs = find_foldable(module, x)
        kinds = [type(layer) for layer in module.modules()]
        assert len(pairs) > 0.9 * sum(issubclass(kind, nn.BatchNorm2d) for kind in kinds)
        with folded(module, pairs):
            found = module(x).double()
    assert (found - exact).abs().max() <= 1e-4 * exact.abs().max()


def classifier_in_memory(module: nn.Module, **more: object):
    return from_module(
        module, ["a", "b"], input_size=[16, 16], mean=[0.5] * 3, std=[0.25] * 3, **more
    )


def test_a_classifier_at_work_is_folded_with_the_weights_of_now() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head(4)))
    classifier = classifier_in_memory(module)
    assert classifier.foldable == (("0", "1"),)
    trained(module, seed=1)
    with hooks_attached(classifier) as forward:
        assert "forward" in vars(module[0])
        found = forward(X).logits
    torch.testing.assert_close(found, module(X), rtol=1e-4, atol=1e-5)


def test_a_hooked_convolution_shows_its_own_output() -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head(4)))
    classifier = classifier_in_memory(module, hooked_layers=["0"])
    with hooks_attached(classifier) as forward:
        (caught,) = forward(X).activations
    torch.testing.assert_close(caught, module[0](X))


def test_layer_masking_gives_what_it_gives_without_folding() -> None:
    module = trained(
        nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, stride=2), nn.BatchNorm2d(4), nn.ReLU(), *head(4),
        )
    )  # fmt: skip
    classifier = classifier_in_memory(module)
    own = copy.copy(classifier)
    object.__setattr__(own, "foldable", ())
    mask = torch.zeros(2, 1, 16, 16)
    mask[:, :, 4:12, 2:9] = 1
    found = []
    for each in (classifier, own):
        with hooks_attached(each) as forward:
            found.append(forward(X, Hidden("layer_masking", mask)).logits)
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "beside", "expected"),
    [
        (("grey", "gaussian"), (), (("0", "1"),)),
        (("layer_masking",), (), ()),
        (("feathered_grey", "layer_masking"), (), ()),
        (("grey",), ("layer_masking",), ()),
    ],
)
def test_nothing_is_folded_where_a_removal_works_inside_the_network(
    names: tuple[str, ...], beside: tuple[str, ...], expected: tuple[tuple[str, str], ...]
) -> None:
    module = trained(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head(4)))
    config = relative_to(Config(), names)
    config = replace(config, verification=replace(config.verification, beside=beside))
    assert at_work(classifier_in_memory(module), config).foldable == expected


def test_a_choice_between_two_labels_is_folded_too():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), *head(4))
    classifier = classifier_in_memory(trained(net))
    with hooks_attached(pairwise(classifier, "b", "a")) as forward, torch.no_grad():
        norm = classifier.module[1]
        assert "forward" in vars(norm)  # it is a part of the convolution before it
        torch.testing.assert_close(forward(X).logits, net(X), rtol=1e-4, atol=1e-4)
    assert "forward" not in vars(norm)
