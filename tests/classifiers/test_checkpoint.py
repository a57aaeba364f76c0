"""Weights come out of what training scripts save; what is not plain, or not theirs, is refused."""

import argparse
import collections
import datetime
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from med_cam.classifiers.checkpoint import PLAIN, read_states
from med_cam.classifiers.matching import best_match, fitting
from med_cam.classifiers.weights import fit
from med_cam.errors import ClassifierError


def net(outputs=2, seed=0):
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(seed)
        trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        return nn.ModuleDict({"trunk": trunk, "head": nn.Linear(4, outputs)})


OWN = net().state_dict()
OTHER = net(seed=1).state_dict()


def put(prefix, state=OWN):
    return {prefix + key: value for key, value in state.items()}


def loaded(content, path, module=None):
    torch.save(content, path)
    module = module or net(seed=2)
    fit(module, read_states(path), source=path.name)
    return module.state_dict()


def same(found, wanted=OWN):
    return all(torch.equal(found[key], wanted[key]) for key in wanted)


WRAPPED = {
    "bare": OWN,
    "Lightning with class weights": {
        "state_dict": put("model.") | {"criterion.weight": torch.ones(2)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}],
    },
    "a metric's buffer": {"state_dict": put("model.") | {"val_auroc.thresholds": torch.ones(5)}},
    "averaged": put("module.") | {"n_averaged": torch.tensor(5)},
    "net.": {"state_dict": put("net.")},
    "encoder.": put("encoder."),
    "wrapped twice": put("_orig_mod.module.backbone."),
    "wrapped within": {k.replace("trunk.", "trunk.module."): v for k, v in OWN.items()},
    "saved in parts": {
        ("a." if key.startswith("trunk") else "b.") + key: value for key, value in OWN.items()
    },
    "a nest of another name": {"net": OWN, "acc": 0.9},
    "two nests": {"ckpt": {"weights": OWN}, "epoch": 3},
    "twice the same": {"state_dict": OWN, "best": dict(OWN)},
    "loss beside": OWN | {"loss.weight": torch.ones(2)},
    "without counters": {k: v for k, v in OWN.items() if "num_batches" not in k},
}


@pytest.mark.parametrize("case", WRAPPED)
def test_the_weights_are_found_behind_what_stands_before_them(case, tmp_path):
    assert same(loaded(WRAPPED[case], tmp_path / "w.pth"))


TWO = {
    "raw and averaged": {"state_dict": OWN, "state_dict_ema": OTHER},
    "student and teacher": put("student.") | put("teacher.", OTHER),
    "with and without a prefix": put("") | put("ema.", OTHER),
}


@pytest.mark.parametrize("case", TWO)
def test_of_two_sets_that_fit_none_is_chosen(case, tmp_path):
    with pytest.raises(ClassifierError, match=r"2 different sets of weights|unexpected"):
        loaded(TWO[case], tmp_path / "w.pth")


MORE = {
    "a deeper network": OWN | {"trunk.2.weight": torch.ones(4, 4)},
    "a second head": put("model.") | {"head.weight": torch.ones(2, 2)},
    "a layer at the top": OWN | {"attention.weight": torch.ones(4, 4)},
    "a lone tensor": OWN | {"scale": torch.ones(1)},
    "whole numbers": OWN | {"head.weight": torch.ones(2, 4, dtype=torch.int8)},
}


@pytest.mark.parametrize("case", MORE)
def test_a_network_with_more_in_it_is_another_one(case, tmp_path):
    with pytest.raises(ClassifierError, match=r"does not fit ModuleDict: 1 "):
        loaded(MORE[case], tmp_path / "w.pth")


def test_a_head_of_another_size_is_refused_with_both(tmp_path):
    with pytest.raises(ClassifierError, match=r"head.weight is 5x4 in the file and 2x4"):
        loaded(put("model.", net(outputs=5).state_dict()), tmp_path / "w.pth")


def test_what_is_missing_is_named_with_its_shape_and_where_the_rest_was(tmp_path):
    content = {k: v for k, v in put("model.").items() if "head" not in k}
    with pytest.raises(ClassifierError) as raised:
        loaded(content, tmp_path / "w.pth")
    words = str(raised.value)
    assert "2 missing (head.weight 2x4, head.bias 2)" in words
    assert "(matched 6 of 8, behind 'model.')" in words


def test_what_is_left_aside_is_said(tmp_path, caplog):
    loaded(put("net.") | {"n_averaged": torch.ones(1)}, tmp_path / "w.pth")
    assert "taken behind 'net.'" in caplog.text
    assert "1 (n_averaged) left aside" in caplog.text
    caplog.clear()
    loaded(put("module."), tmp_path / "w.pth")
    assert not caplog.text


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.denselayer1 = nn.Module()
        self.denselayer1.norm1 = nn.BatchNorm2d(3)
        self.denselayer1.conv2 = nn.Conv2d(3, 3, 1)


def test_old_names_of_densenet_are_read(tmp_path):
    own = Dense().state_dict()
    old = {k.replace("norm1", "norm.1").replace("conv2", "conv.2"): v for k, v in own.items()}
    assert same(loaded(put("module.", old), tmp_path / "w.pth", Dense()), own)


def test_the_best_match_lacks_least():
    part = {k: v for k, v in put("a.").items() if "head" not in k}
    match = best_match({"x": part, "y": {"b.head.bias": OWN["head.bias"]}}, OWN, source="w")
    assert (match.place, match.prefix, len(match.found)) == ("x", "a.", len(part))
    with pytest.raises(ClassifierError, match="2 missing"):
        fitting(match, OWN, source="w", name="Net")


# -- objects --------------------------------------------------------------------------------------

INERT = {
    "argparse": {"args": argparse.Namespace(lr=0.1, sizes=[1, 2])},
    "numpy numbers": {"acc": np.float64(0.9), "n": np.int64(3), "f": np.float32(1)},
    "a numpy array": {"curve": np.arange(3.0)},
    "paths": {"out": pathlib.PurePosixPath("x"), "here": pathlib.Path("y")},
    "times": {"at": datetime.datetime(2026, 1, 2), "took": datetime.timedelta(seconds=3)},
    "a counter": {"n": collections.Counter("aab"), "o": collections.OrderedDict(a=1)},
    "a defaultdict": {"seen": collections.defaultdict(list, a=[1])},
}


@pytest.mark.parametrize("case", INERT)
def test_what_only_holds_values_is_let_pass(case, tmp_path):
    assert same(loaded({"state_dict": OWN} | INERT[case], tmp_path / "w.pth"))


def test_a_file_of_windows_is_read(tmp_path):
    torch.save({"model": OWN, "out": pathlib.PureWindowsPath("C:\\x")}, tmp_path / "w.pth")
    content = (tmp_path / "w.pth").read_bytes()
    assert b"PureWindowsPath" in content
    assert same(loaded({"model": OWN, "out": pathlib.PureWindowsPath("C:/x")}, tmp_path / "w.pth"))


def test_a_defaultdict_may_hold_all(tmp_path):
    assert same(loaded(collections.defaultdict(list, state_dict=OWN), tmp_path / "w.pth"))


class Settings:
    """Of a training script; not inert as far as anyone can tell."""


@pytest.mark.parametrize("content", [{"state_dict": OWN, "s": Settings()}, nn.Linear(1, 1)])
def test_an_object_in_the_way_is_named_with_the_command_that_takes_the_weights_out(
    content, tmp_path
):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(
        ClassifierError, match=r"Settings|torch.nn.modules.linear.Linear"
    ) as raised:
        read_states(tmp_path / "w.pth")
    assert "never run" in str(raised.value)
    assert "python -c" in str(raised.value)


def test_the_command_takes_the_weights_out(tmp_path):
    for content in (nn.Linear(1, 1), {"state_dict": nn.Linear(1, 1).state_dict()}):
        torch.save(content, tmp_path / "w.pth")
        code = PLAIN.format(old=str(tmp_path / "w.pth"), new=str(tmp_path / "plain.pt"))
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
        assert set(read_states(tmp_path / "plain.pt")[""]) == {"weight", "bias"}


def test_the_list_of_inert_kinds_is_only_lent(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    torch.save({"model": OWN, "args": argparse.Namespace()}, tmp_path / "w.pth")
    read_states(tmp_path / "w.pth")
    assert set(torch.serialization.get_safe_globals()) == before


def test_a_file_without_tensors_says_what_it_holds(tmp_path):
    torch.save({"epoch": 3, "acc": 0.5}, tmp_path / "w.pth")
    with pytest.raises(ClassifierError, match=r"without named tensors \(only epoch, acc\)"):
        read_states(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.qint8, torch.float16])
def test_quantised_weights_are_named(dtype, tmp_path):
    from torch.ao.quantization import quantize_dynamic

    layers = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Linear(4, 2))
    torch.save(quantize_dynamic(layers, {nn.Linear}, dtype).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ClassifierError, match=r"before quantisation|never run"):
        read_states(tmp_path / "w.pth")


def test_a_pth_tar_is_found_in_its_folder(tmp_path):
    from med_cam.classifiers.description import Description
    from med_cam.classifiers.source import weights_file

    torch.save(OWN, tmp_path / "model_best.pth.tar")
    found = weights_file(Description(folder=tmp_path), "timm")
    assert found == tmp_path / "model_best.pth.tar"


def test_safetensors_are_matched_too(tmp_path):
    save_file(put("model."), tmp_path / "w.safetensors")
    module = net(seed=3)
    fit(module, read_states(tmp_path / "w.safetensors"), source="w")
    assert same(module.state_dict())
