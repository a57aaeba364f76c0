"""torch.export programs behave like the modules that they were exported from."""

import io
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.from_export import load
from med_cam.errors import ClassifierError


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x):
        return F.silu(self.conv(x)) + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU()
        self.blocks = nn.Sequential(Block(), Block())
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 3)
        self.scale = torch.tensor([1.0, 2.0, 3.0])

    def forward(self, x):
        x = self.blocks(self.act(self.norm(self.stem(x))))
        logits = self.head(self.drop(F.relu6(x).mean((2, 3))))
        return logits * self.scale + torch.arange(3, device=x.device)


def net() -> Net:
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        return Net().eval()


def export(model: nn.Module, path: Path, *, batch: int = 1, free: object = None) -> Path:
    shapes = None if free is None else ({0: free},)
    x = torch.zeros(batch, 3, 16, 16)
    torch.export.save(torch.export.export(model, (x,), dynamic_shapes=shapes), path)
    return path


def loaded(path: Path, **said: object) -> Loaded:
    return load(Description(folder=path.parent, **said), path)


def images(count: int) -> Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(count))


CASES = {
    "one image": (1, None),
    "two images": (2, None),
    "any number": (2, torch.export.Dim("b")),
    "three to five": (4, torch.export.Dim("b", min=3, max=5)),
}


@pytest.mark.parametrize("case", CASES)
def test_any_batch_gives_the_eager_logits_and_gradients(case, tmp_path):
    batch, free = CASES[case]
    eager = net()
    found = loaded(export(eager, tmp_path / "net.pt2", batch=batch, free=free))
    assert (found.input_size, found.channels) == ((16, 16), 3)
    for count in (1, 2, 3, 7):
        x, y = images(count).requires_grad_(), images(count).requires_grad_()
        ours, theirs = found.module(x), eager(y)
        torch.testing.assert_close(ours, theirs)
        weights = torch.arange(ours.numel()).view_as(ours) - 3.0
        (ours * weights).sum().backward()
        (theirs * weights).sum().backward()
        torch.testing.assert_close(x.grad, y.grad)
        assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("batch", [1, 2])
def test_activations_are_layers_under_their_old_names(batch, tmp_path):
    eager = net()
    module = loaded(export(eager, tmp_path / "net.pt2", batch=batch)).module
    names = dict(module.named_modules())
    assert {"act", "blocks.0.silu", "blocks.1.silu", "relu6"} <= set(names)
    seen = {}
    for name in ("act", "relu6"):
        names[name].register_forward_hook(lambda _m, _i, o, name=name: seen.setdefault(name, o))
    x = images(3).requires_grad_()
    module(x)
    stem = F.relu(eager.norm(eager.stem(x)))
    torch.testing.assert_close(seen["act"], stem)
    torch.testing.assert_close(seen["relu6"], F.relu6(eager.blocks(stem)))
    (grad,) = torch.autograd.grad(seen["relu6"].square().mean(), x)
    assert grad.abs().sum() > 0


def test_a_layer_that_the_user_names_can_be_tapped(tmp_path):
    eager = net()
    module = loaded(export(eager, tmp_path / "net.pt2"), hooked_layers=("blocks.0",)).module
    seen = []
    module.get_submodule("blocks.0").register_forward_hook(lambda _m, _i, o: seen.append(o))
    x = images(2)
    module(x)
    torch.testing.assert_close(seen[0], eager.blocks[0](F.relu(eager.norm(eager.stem(x)))))
    assert len(seen) == 1


def test_modes_and_moves_are_tolerated(tmp_path):
    module = loaded(export(net(), tmp_path / "net.pt2")).module
    x = images(2)
    before = module(x)
    assert not module.training
    torch.testing.assert_close(module.train()(x), before)
    torch.testing.assert_close(module.eval().to("cpu")(x), before)
    assert len(list(module.parameters())) == len(list(net().parameters()))
    module.to("meta")
    assert module(torch.empty(2, 3, 16, 16, device="meta")).shape == (2, 3)


def test_training_mode_is_refused(tmp_path):
    path = export(net().train(), tmp_path / "net.pt2", batch=2)
    with pytest.raises(ClassifierError, match="training mode"):
        loaded(path)


def test_half_precision_gives_float_logits(tmp_path):
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 2)).to(torch.bfloat16)
    x = torch.zeros(1, 3, 16, 16, dtype=torch.bfloat16)
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "half.pt2")
    assert loaded(tmp_path / "half.pt2").module(images(2)).dtype == torch.float32


def test_two_inputs_are_refused(tmp_path):
    class Pair(nn.Module):
        def forward(self, x, y):
            return (x + y).mean((2, 3))

    x = torch.zeros(1, 3, 8, 8)
    torch.export.save(torch.export.export(Pair(), (x, x)), tmp_path / "pair.pt2")
    with pytest.raises(ClassifierError, match="one batch of images"):
        loaded(tmp_path / "pair.pt2")


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("ran"),))


def with_part(path: Path, name: str, content: bytes) -> Path:
    target = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as changed:
        for entry in source.namelist():
            if not entry.endswith(name):
                changed.writestr(entry, source.read(entry))
        changed.writestr(f"{path.stem}/{name}", content)
    return target


def test_pickled_code_is_never_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = export(net(), tmp_path / "net.pt2")
    saved = io.BytesIO()
    torch.save(Payload(), saved)
    for name, content in {
        "data/sample_inputs/model.pt": saved.getvalue(),
        "data/weights/model.pt": saved.getvalue(),
        "data/constants/opaque_obj_0": pickle.dumps(Payload()),
    }.items():
        with pytest.raises(ClassifierError, match="never run"):
            loaded(with_part(path, name, content))
    assert not Path("ran").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", None])
def test_a_broken_file_is_one_sentence(content, tmp_path):
    path = tmp_path / "net.pt2"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme", "nothing")
    else:
        path.write_bytes(content)
    with pytest.raises(ClassifierError, match=r"net\.pt2"):
        loaded(path)


def test_a_missing_file_is_one_sentence():
    with pytest.raises(ClassifierError, match=r"no torch.export program"):
        load(Description(), None)
