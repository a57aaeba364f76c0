"""A proposal's file: read as it was written, refused in a sentence where it is anything else."""

import dataclasses
import json
import pickle

import pytest
import safetensors.torch
import torch

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config, Search, relative_to
from med_cam.errors import ConfigError
from med_cam.results.passes import Passes
from med_cam.results.prepared import Prepared
from med_cam.search.clues import count_of
from med_cam.search.proposal import Proposal, Proposing, identity_sha256, refuse_other_use
from med_cam.search.proposal_file import KEY, as_bytes, load_proposal, metadata_of, named_by_file
from search.test_search import Bright

CONFIG = Config()


def classifier(module=None, *, size=32, **more):
    known = {"hooked_layers": ("act",), **more}
    return Classifier(
        module or Bright(), ("dark", "bright"), (size, size), 1, (0.5,), (0.5,), **known
    )


def untrained(model):
    """A proposal for a classifier, as one that was trained would be."""
    generator = torch.Generator().manual_seed(1)
    network = Proposing(count_of(model), (8, 16), generator).eval().requires_grad_(False)
    torch.nn.init.normal_(network.unet.exit.weight, generator=generator)
    names = CONFIG.verification.baselines
    known = Prepared(
        "", identity_sha256(model), model.input_size, names, 40, 2, 6, 0, Passes(9, 8), (8, 16), 8
    )
    return named_by_file(Proposal(known, network))


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "proposal.safetensors"
    path.write_bytes(as_bytes(untrained(classifier())))
    return path


def test_a_proposal_is_read_as_it_was_written(saved):
    written, read = untrained(classifier()), load_proposal(saved)
    assert read.prepared == written.prepared
    x = torch.rand(1, count_of(classifier()), 16, 16)
    assert torch.equal(read.network(x, (32, 32)), written.network(x, (32, 32)))
    refuse_other_use(read, classifier(), CONFIG)  # it fits


def changed(content, change):
    """The file with its line of JSON changed."""
    known = json.loads(metadata_of(content)[KEY])
    change(known)
    metadata = {KEY: json.dumps(known)}
    return safetensors.torch.save(safetensors.torch.load(content), metadata=metadata)


def with_nan(content):
    tensors = safetensors.torch.load(content)
    tensors["unet.exit.bias"][0] = torch.nan
    return safetensors.torch.save(tensors, metadata=dict(metadata_of(content)))


def without_a_tensor(content):
    tensors = safetensors.torch.load(content)
    del tensors["unet.exit.bias"]
    return safetensors.torch.save(tensors, metadata=dict(metadata_of(content)))


BROKEN = {
    "empty": lambda _: b"",
    "cut short": lambda content: content[: len(content) // 2],
    "its header cut": lambda content: content[:20],
    "a pickle": lambda _: pickle.dumps({"unet.exit.bias": [0.0]}),
    "weights of something else": lambda _: safetensors.torch.save({"a": torch.zeros(2)}),
    "of a later version": lambda content: content.replace(b"proposal 1", b"proposal 2"),
    "no number": with_nan,
    "a tensor less": without_a_tensor,
    "wider": lambda content: changed(content, lambda k: k.update(widths=[8, 24])),
    "far too wide": lambda content: changed(content, lambda k: k.update(widths=[8, 10**9])),
    "a huge grid": lambda content: changed(content, lambda k: k.update(grid=10**9)),
    "of no image": lambda content: changed(content, lambda k: k.update(images=0)),
    "passes as text": lambda content: changed(
        content, lambda k: k.update(passes={"forward": "1", "backward": 1})
    ),
    "a field more": lambda content: changed(content, lambda k: k.update(name="mine")),
    "a field less": lambda content: changed(content, lambda k: k.pop("removal")),
    "a list": lambda content: safetensors.torch.save(
        safetensors.torch.load(content), metadata={KEY: "[1]"}
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_proposal_is_refused_in_a_sentence(saved, how):
    saved.write_bytes(BROKEN[how](saved.read_bytes()))
    with pytest.raises(ConfigError, match="is no proposal of this version of med-cam, or is dam"):
        load_proposal(saved)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match=r"there.x cannot be read \(No such file"):
        load_proposal(tmp_path / "there.x")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_proposal(tmp_path)


def moved(module):
    with torch.no_grad():
        module.head.bias.add_(0.01)
    return module


def with_labels(*labels):
    return dataclasses.replace(classifier(), labels=labels)


OTHER = {
    "other weights": (lambda: classifier(moved(Bright())), "for another classifier"),
    "other pixels": (lambda: dataclasses.replace(classifier(), mean=(0.4,)), "another classifier"),
    "other labels": (lambda: with_labels("a", "b"), "for another classifier"),
    "another size": (lambda: classifier(size=40), "inputs of 32 x 32, this classifier takes 40"),
}


@pytest.mark.parametrize("how", OTHER)
def test_another_classifier_is_refused(saved, how):
    make, said = OTHER[how]
    with pytest.raises(ConfigError, match=said):
        refuse_other_use(load_proposal(saved), make(), CONFIG)


def test_another_removal_and_another_kind_of_masks_are_refused(saved):
    read = load_proposal(saved)
    with pytest.raises(ConfigError, match=r"removals grey, gaussian, and .* hidden by black;"):
        refuse_other_use(read, classifier(), relative_to(CONFIG, ("black",)))
    soft = dataclasses.replace(CONFIG, search=Search(form="sigmoid"))
    with pytest.raises(ConfigError, match=r"search.form is 'sigmoid' here"):
        refuse_other_use(read, classifier(), soft)
    refuse_other_use(read, classifier(), relative_to(CONFIG, ("gaussian", "grey")))  # any order


def test_the_name_of_a_classifier_does_not_matter_and_its_answers_do():
    one = identity_sha256(classifier())
    assert identity_sha256(classifier(name="renamed")) == one
    assert identity_sha256(classifier(moved(Bright()))) != one
