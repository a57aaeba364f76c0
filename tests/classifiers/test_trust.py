"""A classifier folder runs no code: canaries stay unborn."""

import json
import pickle
import sys
import zipfile

import pytest
import torch
from PIL import Image
from torch import nn

from classifiers.canaries import Canary, refused
from classifiers.kinds import said, small
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.trust import trusted_names
from med_cam.cli.main import main
from med_cam.errors import ConfigError

# -- code -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", ["own", "random"])
@pytest.mark.parametrize("call", ["os:mkdir", "posix:mkdir", "os.path:os", "builtins:exec"])
def test_no_function_of_python_is_called(folder, canary, call, weights):
    arguments = f"[arguments]\npath = {json.dumps(str(canary))}\n"
    said(folder, f"factory:{call}", f'weights = "{weights}"\n{arguments}')
    refused(folder, "part of Python")
    with pytest.raises(ConfigError, match="part of Python"):
        load_classifier(folder, device="cpu", trust=["os"])


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package with a module of nets, which leaves a file when it is imported."""
    site = tmp_path / "site"
    (site / "guest_nets").mkdir(parents=True)
    (site / "guest_nets" / "__init__.py").write_text(
        f"import pathlib\npathlib.Path({str(tmp_path / 'imported')!r}).touch()\n"
    )
    (site / "guest_nets" / "nets.py").write_text(
        "from os import mkdir\nfrom torch import nn\ndef net():\n    return nn.Sequential("
        "nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n"
    )
    monkeypatch.syspath_prepend(str(site))
    yield tmp_path / "imported"
    for name in [n for n in sys.modules if n.startswith("guest_nets")]:
        del sys.modules[name]


def test_an_installed_package_runs_only_for_those_who_name_it(folder, package):
    said(folder, "factory:guest_nets.nets:net", 'weights = "own"\n')
    refused(folder, r"installed package 'guest_nets'.*--trust guest_nets")
    refused(folder, "--trust guest_nets", trust=["guest", "guest_nets.other"])
    assert not package.exists()
    assert load_classifier(folder, device="cpu", trust=["guest_nets"]).labels == ("a", "b")
    assert load_classifier(folder, device="cpu", trust="guest_nets.nets").labels == ("a", "b")
    assert package.exists()


def test_a_trusted_package_lends_no_function_that_it_only_imported(folder, package, canary):
    arguments = f"[arguments]\npath = {json.dumps(str(canary))}\n"
    said(folder, "factory:guest_nets.nets:mkdir", f'weights = "own"\n{arguments}')
    refused(folder, "installed package 'posix'|part of Python", trust=["guest_nets"])


@pytest.mark.parametrize("name", ["", "a b", "../a", "os", "subprocess.run", 3, None])
def test_only_names_of_packages_are_trusted(name):
    with pytest.raises(ConfigError, match="trust takes"):
        trusted_names([name])


def test_the_commands_take_the_packages_that_are_trusted(folder, package, capsys):
    said(folder, "factory:guest_nets.nets:net", 'weights = "own"\n')
    picture = folder / "a.png"
    Image.new("RGB", (32, 32), (90, 20, 30)).save(picture)
    command = ["audit", str(picture), "--model", str(folder), "--samples", "1", "--device", "cpu"]
    assert main(command) == 2
    assert "--trust guest_nets" in capsys.readouterr().err
    assert not package.exists()
    assert main([*command, "--trust", "guest_nets"]) in (0, 2)
    assert package.exists()


@pytest.mark.parametrize("name", ["..tmp.net", ".net", "net.", "a/b", "../net"])
def test_a_module_is_named_by_a_dotted_name_only(folder, name):
    said(folder, f"factory:{name}:net", 'weights = "own"\n')
    refused(folder, "names no function")


def test_a_module_file_that_is_a_link_out_is_not_run(folder, tmp_path, canary):
    (tmp_path / "outside.py").write_text(f"import os\nos.mkdir({str(canary)!r})\n")
    (folder / "net.py").symlink_to(tmp_path / "outside.py")
    said(folder, "factory:net:net", 'weights = "own"\n')
    refused(folder, "link that leads out")


def test_a_pickle_is_not_run_whatever_it_is_called(folder, canary):
    said(folder, "timm:test_efficientnet")
    for name in ("model.pt", "model.bin", "model.ckpt"):
        torch.save({"state_dict": Canary(canary)}, folder / name)
        refused(folder, r"model\.")
        (folder / name).write_bytes(pickle.dumps(Canary(canary)))
        refused(folder, r"model\.")
        (folder / name).unlink()


# -- programs -------------------------------------------------------------------------------------


def changed_text(path, old, new):
    """The archive with a text replaced in its JSON and code; whether it was there."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    found = False
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            found |= old in content
            archive.writestr(name, content.replace(old, new))
    return found


def program(folder):
    said(folder, "export")
    sizes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(small(), (torch.zeros(2, 3, 32, 32),), dynamic_shapes=sizes)
    torch.export.save(exported, folder / "model.pt2")
    return folder / "model.pt2"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').mkdir('{}') or ",
        "().__class__.__base__.__subclasses__() and ",
        "open('{}', 'w') and ",
        "Symbol('__import__(1)') + ",
    ],
)
def test_a_text_of_an_exported_program_is_not_evaluated(folder, canary, text):
    path = program(folder)
    before = b'"expr_str": "Symbol('
    evil = text.format(canary).encode()
    assert changed_text(path, before, b'"expr_str": "' + evil + b"Symbol(")
    refused(folder, "no part of a network")


@pytest.mark.parametrize(
    "target", ["torch.os.mkdir", "torch.hub.load", "torch.ops.aten.from_file.default", "os.mkdir"]
)
def test_an_operator_that_is_no_part_of_a_network_is_refused(folder, canary, target):
    path = program(folder)
    assert changed_text(path, b"torch.ops.aten.relu.default", target.encode())
    refused(folder, "no part of a network")


def test_a_program_with_free_sizes_is_still_read(folder):
    program(folder)
    assert load_classifier(folder, device="cpu").labels == ("a", "b")


class Writes(nn.Module):
    def forward(self, x):
        torch.save(x, "canary")
        return x.mean((2, 3))[:, :2]


class WritesWhenLoaded(nn.Module):
    def __init__(self):
        super().__init__()
        self.training = False

    @torch.jit.export
    def __getstate__(self):
        return True

    @torch.jit.export
    def __setstate__(self, state: bool):
        torch.save(state, "canary")
        self.training = state

    def forward(self, x):
        return x.mean((2, 3))[:, :2]


class Maps(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))[:, :2] + torch.from_file("canary", True, 2)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [Writes, WritesWhenLoaded, Maps])
def test_a_torchscript_archive_that_writes_files_is_not_run(folder, kind, tmp_path, monkeypatch):
    torch.jit.script(kind()).save(str(folder / "model.pt"))
    said(folder, "torchscript")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    refused(folder, "writes or maps files")
    assert not list(elsewhere.iterdir())
