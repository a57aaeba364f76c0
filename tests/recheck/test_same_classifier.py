"""A result is only re-checked by the classifier that was explained; what differs is named."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from classifiers.kinds import MAKERS, NET, another, small
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import Identity, identity_of
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError
from med_cam.recheck.identity import Difference, differences, is_saved, refuse_other_classifier
from med_cam.report.document import fields_of
from med_cam.report.origin import explained
from med_cam.report.read import read_explanation

SAVED = Path(__file__).parent / "saved-1.1"
TABLE = {
    "architecture": "factory:net:net",
    "arguments": {"width": 4},
    "classes": ["a", "b"],
    "input_size": [32, 32],
    "channels": 3,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "value_range": 1.0,
    "resize": "squash",
    "interpolation": "bilinear",
    "antialias": True,
    "channel_order": "rgb",
    "crop_share": 1.0,
    "head": "sigmoid",
    "thresholds": [0.5, 0.5],
    "hooked_layers": ["1"],
}
CHANGES = {  # a key of classifier.toml: its value then, the key that is named, both values
    "architecture": ("factory:net:other", "architecture", "factory:net:net", "factory:net:other"),
    "arguments": ({}, "arguments.width", 4, None),
    "classes": (["b", "a"], "labels", ["a", "b"], ["b", "a"]),
    "input_size": ([32, 40], "input_size", [32, 32], [32, 40]),
    "mean": ([0.5, 0.45, 0.5], "mean", [0.5] * 3, [0.5, 0.45, 0.5]),
    "std": ([0.25, 0.25, 0.2], "std", [0.25] * 3, [0.25, 0.25, 0.2]),
    "value_range": (255.0, "value_range", 1.0, 255.0),
    "resize": ("crop", "resize", "squash", "crop"),
    "interpolation": ("bicubic", "interpolation", "bilinear", "bicubic"),
    "antialias": (False, "antialias", True, False),
    "channel_order": ("bgr", "channel_order", "rgb", "bgr"),
    "crop_share": (0.875, "crop_share", 1.0, 0.875),
    "thresholds": ([0.5, 0.4], "thresholds", [0.5, 0.5], [0.5, 0.4]),
    "hooked_layers": (["0"], "hooked_layers", ["1"], ["0"]),
}


def document_of(classifier, contrast=""):
    """What explanation.json says of a classifier, as it is read back."""
    written = explained(identity_of(classifier), name=classifier.name, contrast=contrast)
    document = {
        "classifier": fields_of(written),
        "sha256": {"weights": classifier.sha256 or None},
        "labels": ["b", "a"] if contrast else list(classifier.labels),
    }
    return json.loads(json.dumps(document))


def say(folder, **changes):
    table = TABLE | changes
    arguments = table.pop("arguments")
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
    lines += ["[arguments]", *(f"{key} = {value}" for key, value in arguments.items())]
    (folder / "classifier.toml").write_text("\n".join(lines))


def load(folder):
    return load_classifier(folder, device="cpu")


@pytest.fixture
def folder(tmp_path):
    MAKERS["factory"](tmp_path)
    say(tmp_path)
    return tmp_path


def refusal(document, classifier):
    with pytest.raises(ClassifierError) as refused:
        refuse_other_classifier(classifier, document)
    return str(refused.value)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_classifier_is_accepted_and_each_file_changed_is_named(kind, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    MAKERS[kind](folder)
    classifier = load(folder)
    document = document_of(classifier)
    assert differences(document, load(folder)) == []
    refuse_other_classifier(load(folder), document)
    origin = classifier.loaded_from
    for key, files in (("weights", origin.weights), ("source_files", origin.source_files)):
        for name in files:
            shutil.rmtree(tmp_path / "copy", ignore_errors=True)
            shutil.copytree(folder, tmp_path / "copy")
            another(tmp_path / "copy" / name)
            now = load(tmp_path / "copy")
            (found,) = differences(document, now)
            then = files[name], getattr(now.loaded_from, key)[name]
            assert found == Difference(f"{key}.{name}", *then)
            said = refusal(document, now)
            assert f"{key}.{name} = SHA-256 {then[0][:12]}, " in said
            assert f"{key}.{name} = SHA-256 {then[1][:12]};" in said


@pytest.mark.parametrize("key", CHANGES)
def test_each_key_changed_is_named_with_both_values(folder, key):
    document = document_of(load(folder))
    value, *difference = CHANGES[key]
    say(folder, **{key: value})
    assert differences(document, load(folder)) == [Difference(*difference)]


def test_another_head_is_named(folder):
    document = document_of(load(folder))
    say(folder, head="softmax", thresholds=None)
    assert differences(document, load(folder)) == [
        Difference("head", "sigmoid", "softmax"),
        Difference("thresholds", [0.5, 0.5], []),
    ]


def test_other_channels_are_named(folder):
    document = document_of(load(folder))
    (folder / "net.py").write_text(NET.replace("Conv2d(3", "Conv2d(1"))
    state = load_file(folder / "model.safetensors")
    state["0.weight"] = state["0.weight"].mean(dim=1, keepdim=True)
    save_file(state, folder / "model.safetensors")
    say(folder, channels=1, mean=[0.5], std=[0.25])
    assert [found.key for found in differences(document, load(folder))] == [
        "weights.model.safetensors", "channels", "mean", "std", "source_files.net.py"
    ]  # fmt: skip


def test_the_sentence_has_the_first_and_the_names_of_the_others(folder):
    document = document_of(load(folder))
    say(folder, mean=[0.45, 0.5, 0.5], interpolation="nearest", hooked_layers=["0"])
    assert refusal(document, load(folder)) == (
        "the explanation was made with mean = [0.5, 0.5, 0.5], the classifier given has "
        "mean = [0.45, 0.5, 0.5] (also different: interpolation, hooked_layers); give the "
        "classifier that was explained"
    )


def test_each_value_forged_in_the_file_is_noticed(folder):
    classifier = load(folder)
    document = document_of(classifier)
    for field in fields(Identity):
        for forged in (None, "forged", 0.123):
            if forged is document["classifier"][field.name]:
                continue
            lie = {**document, "classifier": {**document["classifier"], field.name: forged}}
            found = differences(lie, classifier)
            assert [d.key.split(".")[0] for d in found] == [field.name]
        cut = {k: v for k, v in document["classifier"].items() if k != field.name}
        if document["classifier"][field.name] is not None:
            assert differences({**document, "classifier": cut}, classifier)
    lie = {**document, "sha256": {"weights": "ab" * 32}}
    assert [d.key for d in differences(lie, classifier)] == ["sha256.weights"]


def test_one_weights_file_under_another_name_is_the_same(folder):
    document = document_of(load(folder))
    (folder / "model.safetensors").rename(folder / "best.safetensors")
    assert differences(document, load(folder)) == []


def test_one_argument_under_another_name_is_another(folder):
    classifier = load(folder)
    document = document_of(classifier)
    origin = replace(classifier.loaded_from, arguments={"depth": 4})
    assert differences(document, replace(classifier, loaded_from=origin)) == [
        Difference("arguments.depth", None, 4),
        Difference("arguments.width", 4, None),
    ]


def test_a_module_that_takes_the_place_of_another_is_not_the_same(folder):
    """Two source files that were exchanged have the same hashes, under other names."""
    document = document_of(load(folder))
    classifier = load(folder)
    files = classifier.loaded_from.source_files
    swapped = {**files, "net.py": files["helper.py"], "helper.py": files["net.py"]}
    origin = replace(classifier.loaded_from, source_files=swapped)
    found = differences(document, replace(classifier, loaded_from=origin))
    assert [d.key for d in found] == ["source_files.helper.py", "source_files.net.py"]


def test_of_a_long_list_the_entry_is_named():
    labels = tuple(f"class {k}" for k in range(1000))
    one = Classifier(small(), labels, (32, 32))
    two = replace(one, labels=(*labels[:500], "cat", *labels[501:]))
    assert differences(document_of(one), two) == [Difference("labels[500]", "class 500", "cat")]
    few = replace(one, labels=labels[:-1])
    assert len(refusal(document_of(one), few)) < 400


def test_a_contrast_compares_the_classifier_before_the_pairing(folder):
    classifier = load(folder)
    document = document_of(classifier, contrast="b")
    assert document["labels"] == ["b", "a"]
    assert differences(document, classifier) == []
    say(folder, classes=["b", "a"])
    assert [d.key for d in differences(document, load(folder))] == ["labels"]


def test_classifiers_in_memory_are_distinguished():
    one, two = (Classifier(small(), ("a", "b"), (32, 32)) for _ in range(2))
    document = document_of(one)
    assert differences(document, two) == []
    two.module[0].bias.data += 1
    assert "state = SHA-256" in refusal(document, two)
    other = Classifier(torch.nn.Sequential(*two.module[:0]), ("a", "b"), (32, 32))
    assert [d.key for d in differences(document, other)] == ["state"]


# -- results of version 1.1 -----------------------------------------------------------------------


@pytest.fixture
def older():
    document = read_explanation(SAVED / "fragile")
    size = tuple(document["classifier"]["input_size"])
    labels = tuple(document["labels"])
    one = Classifier(small(), labels, size, rule=document["classifier"]["resize"])
    return document, replace(one, sha256=document["sha256"]["weights"])


def test_of_an_older_result_what_it_has_is_compared(older):
    document, classifier = older
    assert not is_saved(document)
    assert differences(document, classifier) == []
    height, width = classifier.input_size
    swapped = classifier.labels[::-1]
    for change, key in (
        ({"sha256": "cd" * 32}, "sha256.weights"),
        ({"sha256": ""}, "sha256.weights"),
        ({"input_size": (height, width + 1)}, "input_size"),
        ({"rule": "pad"}, "resize"),
        ({"labels": swapped}, "labels"),
    ):
        assert [d.key for d in differences(document, replace(classifier, **change))] == [key]


def test_the_labels_of_an_older_contrast_are_those_of_the_pair_and_not_compared(older):
    document, classifier = older
    pair = document["classifier"] | {"contrast": "dark"}
    document = document | {"classifier": pair, "labels": ["dark", "lit"]}
    assert differences(document, classifier) == []
