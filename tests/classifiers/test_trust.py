"""A classifier folder runs no code and reads no file elsewhere: canaries stay unborn."""

import json
import os
import pickle
import socket
import sys
import zipfile

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from classifiers.kinds import MAKERS, said, saved, small
from med_cam.classifiers.arguments import TIMM, TORCHVISION, checked
from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.inside import inside
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.trust import trusted_names
from med_cam.cli.main import main
from med_cam.errors import ClassifierError, ConfigError


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.fixture
def canary(tmp_path, monkeypatch):
    """A path that nothing may make; and whatever opens a connection fails."""

    def refused(*_args, **_kwargs):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    path = tmp_path / "canary"
    yield path
    assert not path.exists()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


def refused(folder, match, **more):
    with pytest.raises(ClassifierError, match=match) as raised:
        load_classifier(folder, device="cpu", **more)
    assert "\n" not in str(raised.value)


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


# -- arguments ------------------------------------------------------------------------------------

EVIL = [
    'checkpoint_path = "{}"',
    "pretrained = true",
    "features_only = true",
    'cache_dir = "{}"',
    "[arguments.pretrained_cfg_overlay]\nurl = 'http://localhost:1/w.pth'",
    "[arguments.pretrained_cfg]\nfile = '{}'",
    'hybrid_backbone = "os.system"',
    'act_layer = "../{}"',
    'global_pool = "http://localhost:1/"',
]


@pytest.mark.parametrize("zoo", ["timm:test_efficientnet", "torchvision:squeezenet1_1"])
@pytest.mark.parametrize("argument", EVIL)
def test_no_argument_loads_or_fetches(folder, canary, zoo, argument, tmp_path):
    torch.save(Canary(canary), tmp_path / "evil.pt")
    more = argument.format(tmp_path / "evil.pt")
    said(folder, zoo, f'weights = "random"\n[arguments]\n{more}\n')
    refused(folder, "[Tt]he argument")


def test_no_argument_that_is_allowed_names_a_file_an_address_or_a_function():
    wrong = {"path", "url", "pretrained", "checkpoint", "cache", "cfg", "file", "fn", "backbone"}
    known = (TIMM | TORCHVISION) - {"drop_path_rate"}
    assert not [name for name in known if wrong & set(name.split("_"))]


@pytest.mark.parametrize(
    "value",
    ["a.b", "a/b", "http:", "x" * 65, 1e300, float("nan"), 10**9, [1] * 65, {"a": 1}, [{}]],
)
def test_values_are_numbers_words_and_short_lists(value):
    with pytest.raises(ClassifierError, match="must be a number"):
        checked({"img_size": value}, known=TIMM, zoo="timm")


@pytest.mark.parametrize("value", [1, -1, 0.5, True, "same", "", [7, 7], [[1, 2], [3]]])
def test_values_that_shape_a_network_pass_as_they_are(value):
    assert checked({"img_size": value}, known=TIMM, zoo="timm") == {"img_size": value}


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted({"timm", "torchscript", "export", "onnx"}))
@pytest.mark.parametrize("way", ["up", "absolute", "link", "unnamed link"])
def test_weights_outside_the_folder_are_not_read(folder, tmp_path, kind, way):
    MAKERS[kind](folder)
    (file,) = (p for p in folder.glob("model.*"))
    outside = file.rename(tmp_path / file.name)
    if "link" in way:
        file.symlink_to(outside)
    name = {"up": f"../{file.name}", "absolute": str(outside), "link": file.name}.get(way)
    if name:
        said(folder, (folder / "classifier.toml").read_text().split('"')[1], f'weights = "{name}"')
    refused(folder, "not in that folder" if way in ("up", "absolute") else "leads out")


@pytest.mark.parametrize(
    "name", ["C:\\w.pt", "\\\\host\\w.pt", "a\\..\\..\\w.pt", "a/../../w.pt", ""]
)
def test_names_of_every_system_stay_inside(folder, name):
    with pytest.raises(ClassifierError, match="not in that folder"):
        inside(folder, name)


def test_a_file_that_the_user_names_may_be_a_link(folder, tmp_path):
    MAKERS["torchscript"](folder)
    (tmp_path / "latest.pt").symlink_to(folder / "model.pt")
    assert len(load_classifier(tmp_path / "latest.pt", device="cpu").labels) == 2


def test_a_download_of_hugging_face_is_read_through_its_links(tmp_path):
    snapshot, blobs = tmp_path / "models--x" / "snapshots" / "1", tmp_path / "models--x" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    saved(import_timm().create_model("test_efficientnet", num_classes=2), blobs / "abc")
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
    said(snapshot, "timm:test_efficientnet")
    assert load_classifier(snapshot, device="cpu").labels == ("a", "b")


def test_a_pipe_is_not_waited_for(folder):
    os.mkfifo(folder / "model.safetensors")
    said(folder, "timm:test_efficientnet")
    refused(folder, "must hold one weights file")
    said(folder, "timm:test_efficientnet", 'weights = "model.safetensors"\n')
    refused(folder, "no weights file")


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


def test_weights_of_a_folder_are_still_read(folder):
    said(folder, "timm:test_efficientnet", "[arguments]\npad_type = 'same'\n")
    module = import_timm().create_model("test_efficientnet", num_classes=2, pad_type="same")
    save_file(module.state_dict(), folder / "model.safetensors")
    assert load_classifier(folder, device="cpu").labels == ("a", "b")


# -- folders of Hugging Face ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reported"),
    [
        ({"quantization_config": {"load_in_8bit": True}}, "before quantisation"),
        ({"backbone": "resnet18", "use_timm_backbone": True}, "fetched by name"),
        ({"backbone_config": {"deep": [{"use_pretrained_backbone": True}]}}, "fetched by name"),
        ({"transformers_weights": "../model.safetensors"}, "outside"),
    ],
)
def test_nothing_but_the_weights_in_the_folder_is_read(folder, canary, more, reported):
    MAKERS["huggingface"](folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | more))
    refused(folder, reported)


def test_a_part_of_the_weights_elsewhere_is_not_read(folder, tmp_path):
    MAKERS["huggingface"](folder)
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    first = sorted(set(content["weight_map"].values()))[0]
    (folder / first).rename(tmp_path / first)
    moved = {k: f"../{v}" if v == first else v for k, v in content["weight_map"].items()}
    index.write_text(json.dumps(content | {"weight_map": moved}))
    refused(folder, "not in that folder")


@pytest.mark.parametrize("beside", [True, False])
def test_an_adapter_is_no_classifier(folder, beside):
    if beside:
        MAKERS["huggingface"](folder)
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/elsewhere"}')
    refused(folder, "merge_and_unload")


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["export", "torchscript"])
def test_a_library_that_stumbles_over_a_damaged_file_is_one_sentence(folder, kind, monkeypatch):
    from med_cam.classifiers import load

    def stumbling(*_given):
        raise UnicodeDecodeError("utf-8", b"\xe7", 0, 1, "invalid\ncontinuation")

    MAKERS[kind](folder)
    monkeypatch.setattr(load, "ADAPTERS", {kind: stumbling})
    refused(folder, rf"model\.pt2? cannot be read as a {kind} classifier \(UnicodeDecodeError")


@pytest.mark.parametrize(
    "line",
    ["thresholds = 1" + "0" * 400, "input_size = 5000", "name = " + "[" * 9999, "x" * 2**21],
)
def test_values_without_end_are_one_sentence(folder, line):
    said(folder, "timm:test_efficientnet", f"{line}\n")
    text = (folder / "classifier.toml").read_text()
    if line.startswith("input_size"):
        (folder / "classifier.toml").write_text(text.replace("input_size = 32\n", ""))
    with pytest.raises((ClassifierError, ConfigError)) as raised:
        load_classifier(folder, device="cpu")
    assert len(str(raised.value)) < 1000
    assert "\n" not in str(raised.value)
