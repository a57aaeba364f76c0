"""A classifier's identity: all that decides an answer, wherever the files lie and it runs."""

import hashlib
import shutil
import sys
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from classifiers.kinds import MAKERS, another, small
from med_cam.classifiers.base import Classifier, LoadedFrom
from med_cam.classifiers.identity import Identity, identity_of, state_sha256
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.pairwise import pairwise

WEIGHTS = {
    "timm": {"model.safetensors"},
    "torchvision": {"model.safetensors"},
    "factory": {"model.safetensors"},
    "export": {"model.pt2"},
    "torchscript": {"model.pt"},
    "onnx": {"model.onnx", "a.data", "parts/b.data"},
    "huggingface": {
        "model.safetensors.index.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    },
}
OTHERS = {
    "factory": {"net.py", "helper.py", "deeper.py"},
    "huggingface": {"config.json", "preprocessor_config.json"},
}
FILES = [
    (kind, name)
    for kind, names in WEIGHTS.items()
    for name in sorted({*names, *OTHERS.get(kind, ())})
]
MAIN = {"onnx": "model.onnx", "huggingface": "model.safetensors.index.json"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of a kind and its identity, made once."""
    known = {}

    def of(kind):
        if kind not in known:
            folder = tmp_path_factory.mktemp(kind)
            MAKERS[kind](folder)
            known[kind] = folder, identity(folder)
        return known[kind]

    return of


def identity(folder, trust=()):
    return identity_of(load_classifier(folder, device="cpu", trust=trust))


def changed(one, two):
    """Names of the fields in which two identities differ."""
    return [f.name for f in fields(Identity) if getattr(one, f.name) != getattr(two, f.name)]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", MAKERS)
def test_every_file_that_is_read_is_part_of_it_and_no_other(made, kind):
    folder, found = made(kind)
    assert found.weights == {name: sha256(folder / name) for name in WEIGHTS[kind]}
    assert found.source_files == {n: sha256(folder / n) for n in OTHERS.get(kind, ())}
    assert found.architecture.startswith(kind)
    assert found.state is None
    main = MAIN.get(kind, min(WEIGHTS[kind]))
    assert load_classifier(folder, device="cpu").sha256 == sha256(folder / main)


@pytest.mark.parametrize("kind", MAKERS)
def test_it_is_the_same_again_and_at_another_place(made, kind, tmp_path):
    folder, found = made(kind)
    assert identity(folder) == found
    shutil.copytree(folder, tmp_path / "elsewhere" / "copy")
    assert identity(tmp_path / "elsewhere" / "copy") == found


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_another_file_is_another_classifier(made, kind, name, tmp_path):
    folder, found = made(kind)
    shutil.copytree(folder, tmp_path / "copy")
    another(tmp_path / "copy" / name)
    now = identity(tmp_path / "copy")
    field = "weights" if name in WEIGHTS[kind] else "source_files"
    assert changed(found, now) == [field]
    one, two = getattr(found, field), getattr(now, field)
    assert [n for n in one if one[n] != two[n]] == [name]


def test_a_file_that_the_factory_does_not_import_is_no_part_of_it(made, tmp_path):
    folder, found = made("factory")
    shutil.copytree(folder, tmp_path / "copy")
    another(tmp_path / "copy" / "unrelated.py")
    assert identity(tmp_path / "copy") == found


def test_of_an_installed_factory_the_package_counts_and_nothing_else(tmp_path, monkeypatch):
    site, folder = tmp_path / "site", tmp_path / "folder"
    (site / "ward_nets" / "parts").mkdir(parents=True)
    folder.mkdir()
    contents = {
        "ward_nets/__init__.py": "",
        "ward_nets/nets.py": "import importlib\nimport outside_nets\nfrom .parts import head\n"
        "importlib.import_module('.deep', __package__)\ndef net():\n"
        "    return head.make()\n",
        "ward_nets/parts/__init__.py": "",
        "ward_nets/parts/head.py": "from torch import nn\n"
        "def make():\n    return nn.Sequential(nn.Conv2d(3, 2, 1),"
        " nn.AdaptiveAvgPool2d(1), nn.Flatten())\n",
        "ward_nets/deep.py": "",
        "ward_nets/unused.py": "",
        "outside_nets.py": "",
    }
    for name, text in contents.items():
        (site / name).write_text(text)
    text = 'architecture = "factory:ward_nets.nets:net"\nweights = "random"\ninput_size = 8\n'
    (folder / "classifier.toml").write_text(text + "mean = 0.5\nstd = 0.5\n")
    monkeypatch.syspath_prepend(str(site))
    try:
        found = identity(folder, trust=["ward_nets"])
    finally:
        for name in [n for n in sys.modules if n.startswith(("ward_nets", "outside_nets"))]:
            del sys.modules[name]
    wanted = set(contents) - {"ward_nets/unused.py", "outside_nets.py"}
    assert found.source_files == {name: sha256(site / name) for name in wanted}


# -- in memory ------------------------------------------------------------------------------------


def in_memory(module, **said):
    return Classifier(module, ("a", "b"), (32, 32), **said)


def test_classifiers_in_memory_are_distinguished_by_their_tensors_as_they_are_now():
    one, two = in_memory(small()), in_memory(small())
    assert identity_of(one) == identity_of(two)
    assert identity_of(one).architecture == "Sequential"
    before = identity_of(two)
    two.module[0].bias.data[1] += 1e-6
    assert changed(before, identity_of(two)) == ["state"]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.register_buffer("more", torch.zeros(1)),
        lambda m: m.register_buffer("more", torch.zeros(0), persistent=False),
        lambda m: m.half(),
        lambda m: setattr(m[4], "weight", nn.Parameter(m[4].weight.reshape(4, 2))),
    ],
    ids=["a buffer", "an empty one", "precision", "shape"],
)
def test_names_types_and_shapes_of_tensors_count(change):
    module = small()
    before = state_sha256(module)
    change(module)
    assert state_sha256(module) != before


def test_the_layout_in_memory_does_not_count_and_nothing_is_changed():
    module = small()
    before, tensors = state_sha256(module), dict(module.state_dict())
    versions = {name: (t.data_ptr(), t._version) for name, t in tensors.items()}
    assert state_sha256(module) == before
    assert {n: (t.data_ptr(), t._version) for n, t in module.state_dict().items()} == versions
    assert state_sha256(module.to(memory_format=torch.channels_last)) == before


def test_tensors_of_odd_kinds_are_hashed():
    odd = nn.Module()
    odd.register_buffer("single", torch.tensor(2, dtype=torch.int64))
    odd.register_buffer("short", torch.ones(3, dtype=torch.bfloat16))
    odd.register_buffer("flags", torch.tensor([True, False]))
    odd.register_buffer("sparse", torch.eye(3).to_sparse())
    assert len(state_sha256(odd)) == 64


def test_random_weights_are_distinguished(made, tmp_path):
    folder, _ = made("factory")
    shutil.copytree(folder, tmp_path / "copy")
    toml = tmp_path / "copy" / "classifier.toml"
    toml.write_text(toml.read_text() + 'weights = "random"\n')
    first = identity(tmp_path / "copy")
    assert (len(first.state), first.weights) == (64, {})
    torch.rand(1)  # the next weights are others
    assert changed(first, identity(tmp_path / "copy")) == ["state"]


def test_the_device_does_not_count(made):
    folder, found = made("timm")
    classifier = load_classifier(folder, device="cpu")
    classifier.module.to("meta")
    assert identity_of(classifier) == found


def test_a_pair_of_labels_keeps_what_it_was_loaded_from(made):
    folder, found = made("timm")
    pair = pairwise(load_classifier(folder, device="cpu"), "a", "b")
    assert changed(found, identity_of(pair)) == ["labels", "hooked_layers"]


def test_a_classifier_can_still_be_a_key():
    one = in_memory(small(), loaded_from=LoadedFrom("factory:net:net", {"width": 4}))
    assert {one: 1}[replace(one)] == 1
