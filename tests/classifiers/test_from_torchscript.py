"""TorchScript archives behave like the modules that they were made from."""

import hashlib
import warnings

import pytest
import torch
from torch import nn

from med_cam.classifiers.description import Description
from med_cam.classifiers.from_torchscript import load
from med_cam.classifiers.hooks import frozen
from med_cam.errors import ClassifierError


def net() -> nn.Module:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        layers = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.5))
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


WAYS = {
    "scripted": lambda: torch.jit.script(net().train()),
    "traced": lambda: torch.jit.trace(net().eval(), torch.zeros(1, 1, 8, 8)),
    "frozen": lambda: torch.jit.freeze(torch.jit.script(net().eval())),
}


def archive(way: str, path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(WAYS[way](), path)


def images(count: int) -> torch.Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("way", WAYS)
def test_logits_and_gradients_are_the_eager_ones(way, tmp_path):
    path = tmp_path / "net.pt"
    archive(way, path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    found = load(Description(), path)
    eager = net().eval()
    for count in (1, 3, 3, 3):
        x, y = images(count).requires_grad_(), images(count).requires_grad_()
        with frozen(found.module):
            ours = found.module(x)
        torch.testing.assert_close(ours, eager(y))
        (ours[:, 1] - ours[:, 0]).sum().backward()
        theirs = eager(y)
        (theirs[:, 1] - theirs[:, 0]).sum().backward()
        torch.testing.assert_close(x.grad, y.grad)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert found.channels == (None if way == "frozen" else 1)


@pytest.mark.parametrize("way", WAYS)
def test_the_same_image_gives_the_same_bits_at_every_call(way, tmp_path):
    archive(way, tmp_path / "net.pt")
    module = load(Description(), tmp_path / "net.pt").module
    x = images(4)
    first = module(x)
    assert all(torch.equal(module(x), first) for _ in range(5))


@pytest.mark.parametrize("way", WAYS)
def test_it_stays_in_evaluation_mode_and_shows_no_layers(way, tmp_path):
    archive(way, tmp_path / "net.pt")
    module = load(Description(), tmp_path / "net.pt").module
    x = images(2)
    torch.testing.assert_close(module.train()(x), module.eval()(x))
    assert [name for name, _ in module.named_modules() if name] == []
    assert not module.training


def test_double_precision_becomes_float(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(net().double()), tmp_path / "net.pt")
    module = load(Description(), tmp_path / "net.pt").module
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    assert module(images(1)).dtype == torch.float32


def test_what_is_no_archive_is_one_sentence(tmp_path):
    (tmp_path / "junk.pt").write_bytes(b"junk")
    torch.save(net().state_dict(), tmp_path / "state.pt")
    for name in ("junk.pt", "state.pt", "missing.pt"):
        with pytest.raises(ClassifierError, match=name) as raised:
            load(Description(), tmp_path / name)
        assert "\n" not in str(raised.value)
    with pytest.raises(ClassifierError, match="no TorchScript archive"):
        load(Description(), None)
