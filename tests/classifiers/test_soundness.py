"""What makes every later number wrong is noticed when a classifier is loaded, and told."""

import logging
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.soundness import tried
from med_cam.errors import ClassifierError

SIDE = 16


class Body(nn.Module):
    """Logits by a convolution and a linear layer, then whatever the test puts after them."""

    def __init__(self, after, outputs=3, bias=0.0):
        super().__init__()
        with torch.random.fork_rng():
            torch.random.default_generator.manual_seed(0)
            self.conv = nn.Conv2d(3, 8, 3)
            self.head = nn.Linear(8, outputs)
        self.head.weight.data *= 5
        self.head.bias.data += bias
        self.after = after

    def forward(self, x):
        return self.after(self.head(self.conv(x).relu().mean(dim=(2, 3))))


def classifier(module, labels=("a", "b", "c"), **fields):
    return Classifier(
        module, labels, (SIDE, SIDE), mean=(0.5,) * 3, std=(0.25,) * 3, name="the net", **fields
    )


def written_out(z):
    e = (z - z.amax(dim=1, keepdim=True)).exp()
    return e / e.sum(dim=1, keepdim=True)


def op_norm(z):
    """As TorchXRayVision moves each output's own threshold to one half, in two straight parts."""
    p, threshold = z.sigmoid(), torch.tensor([0.1, 0.3, 0.7])
    normed = p.clone()
    low = p < threshold
    normed[low] = (p / (threshold * 2))[low]
    normed[~low] = (1 - (1 - p) / ((1 - threshold) * 2))[~low]
    return normed


SOFT = {
    "softmax": lambda z: z.softmax(dim=1),
    "written out": written_out,
    "clipped": lambda z: z.softmax(dim=1).clamp(1e-7, 1 - 1e-7),
    "mean of two": lambda z: (z.softmax(dim=1) + (2 * z).softmax(dim=1)) / 2,
    "without a graph": lambda z: z.softmax(dim=1).detach(),
}
SINGLE = {
    "sigmoid": torch.sigmoid,
    "written out": lambda z: 1 / (1 + (-z).exp()),
    "by tanh": lambda z: 0.5 * (z.tanh() + 1),
    "clipped": lambda z: z.sigmoid().clamp(0.01, 0.99),
    "hard": F.hardsigmoid,
    "op_norm": op_norm,
    "mean of two": lambda z: torch.stack([z.sigmoid(), (z / 2).sigmoid()]).mean(dim=0),
    "without a graph": lambda z: z.sigmoid().detach(),
}


@pytest.mark.parametrize("ending", SOFT)
def test_a_softmax_inside_is_refused_with_the_key_that_cures_it(ending):
    with pytest.raises(ClassifierError, match=r'sum to 1 \(softmax inside.*"probabilities"'):
        tried(classifier(Body(SOFT[ending])))


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("ending", SINGLE)
def test_a_sigmoid_inside_is_refused_with_the_key_that_cures_it(ending, head):
    with pytest.raises(ClassifierError, match=r'\(sigmoid inside.*"probabilities"'):
        tried(classifier(Body(SINGLE[ending]), head=head))


@pytest.mark.parametrize("labels", [("no", "yes"), ("yes",)])
def test_a_lone_sigmoid_is_noticed_too(labels):
    head = "softmax" if len(labels) == 2 else "sigmoid"
    with pytest.raises(ClassifierError, match="sigmoid inside"):
        tried(classifier(Body(torch.sigmoid, outputs=1), labels, head=head))


@pytest.mark.parametrize("ending", [*SOFT.values(), *SINGLE.values()])
def test_probabilities_that_are_said_to_be_some_are_taken(ending):
    head = "softmax" if ending in SOFT.values() else "sigmoid"
    assert tried(classifier(Body(ending), head=head, outputs="probabilities")) == 8


def test_logits_that_happen_to_lie_between_0_and_1_are_no_false_alarm():
    """An untrained head, whose bias is all that its outputs show."""
    module = Body(nn.Identity(), bias=0.5)
    module.head.weight.data *= 0.01
    outputs = module(torch.randn(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))
    assert ((outputs > 0) & (outputs < 1)).all()
    assert tried(classifier(module)) == 8


def test_features_weighted_by_attention_are_logits():
    """A softmax in the path decides nothing where what it weighs comes from a layer."""
    small = Body(nn.Identity(), bias=0.3)
    small.head.weight.data *= 0.01
    module = Body(lambda z: z.softmax(dim=1) * small.head(torch.ones(len(z), 8)))
    assert tried(classifier(module)) == 8


def test_said_probabilities_that_are_none_are_refused():
    with pytest.raises(ClassifierError, match=r"lie in \[-"):
        tried(classifier(Body(nn.Identity()), outputs="probabilities"))
    with pytest.raises(ClassifierError, match='say head = "sigmoid"'):
        tried(classifier(Body(torch.sigmoid, bias=1.0), outputs="probabilities"))


class Wandering(nn.Module):
    """Dropout that is on whatever the mode."""

    def forward(self, z):
        return F.dropout(z, 0.5, training=True)


class ByTheBatch(nn.Module):
    """Batch normalisation over the batch that is there."""

    def forward(self, z):
        return (z - z.mean(dim=0)) / (z.std(dim=0, unbiased=False) + 1)


class Sometimes(nn.Module):
    """A part that is left out in one call of ten, as stochastic depth does."""

    def forward(self, z):
        return z + (torch.rand(()) < 0.1)


class InVain(nn.Module):
    """Draws a number that decides nothing, as LayerDrop does in evaluation."""

    def forward(self, z):
        torch.rand(())
        return z


WRONG = {
    "sometimes another answer": (Sometimes(), "two answers: .*differs by 1 "),
    "percent": (lambda z: 100 * z.softmax(dim=1), r"shares, not logits: .* sum to 100\. Divide"),
    "counts": (lambda z: 7 * z.softmax(dim=1).detach(), r"sum to 7\. Divide"),
    "two answers": (Wandering(), "the same input two answers: .*differs by .*dropout"),
    "by the batch": (ByTheBatch(), "answers by the batch: .*batch normalisation"),
    "class number": (lambda z: z.argmax(dim=1), r"whole numbers \(int64\)"),
    "class number as float": (lambda z: z.argmax(dim=1).float()[:, None].expand(-1, 3), "argmax"),
    "decisions": (lambda z: (z > 0).float(), r"whole numbers \(0, 1\)"),
    "half": (lambda z: z.half(), "returns float16"),
    "brain half": (lambda z: z.bfloat16(), "returns bfloat16"),
    "nan": (lambda z: z * torch.tensor([1.0, torch.nan, 1.0]), r"6 of 6 .*\(always: b\)"),
    "inf for some": (lambda z: 1 / (z - z.detach()[-1:]), "infinite for"),
    "the same": (lambda z: z * 0 + 0.3, r"returns the same \(0.3, 0.3, 0.3\) for 6 different"),
    "all zero": (lambda z: z.relu() * 0, r"returns the same \(0, 0, 0\) for 6 different"),
    "gradient of nan": (lambda z: z + (z * 0).sqrt(), "gradient that is NaN"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_cannot_be_trusted_is_refused_with_what_was_found(fault):
    after, said = WRONG[fault]
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(1)
        with pytest.raises(ClassifierError, match=said):
            tried(classifier(Body(after)))


def test_numbers_drawn_in_vain_are_told(caplog):
    with caplog.at_level(logging.WARNING), torch.random.fork_rng():
        assert tried(classifier(Body(InVain()))) == 6 + 40
    assert "draws random numbers in its forward, though 40 answers" in caplog.text


@pytest.mark.parametrize("after", [lambda z: z.detach(), lambda z: torch.round(z * 256) / 256])
def test_a_classifier_without_a_gradient_is_told_and_used(after, caplog):
    with caplog.at_level(logging.WARNING):
        assert tried(classifier(Body(after))) == 8
    assert "passes no gradient to its input" in caplog.text


def test_a_sound_classifier_is_told_nothing_of(caplog):
    assert tried(classifier(Body(nn.Identity()))) == 8
    assert caplog.text == ""


@pytest.mark.parametrize("answers", [1e-4, 1e-6])
def test_a_classifier_that_hardly_answers_is_not_taken_for_one_of_shares(answers):
    """Random weights can be so small that the sum of the outputs hardly moves, as they do."""
    offset = torch.tensor([0.012, 0.02, 0.026])
    assert tried(classifier(Body(lambda z: offset + answers * z))) == 8


def test_batch_normalisation_without_statistics_of_its_own_is_noticed():
    layers = (nn.BatchNorm2d(3, track_running_stats=False), Body(nn.Identity()))
    with pytest.raises(ClassifierError, match="answers by the batch"):
        tried(classifier(nn.Sequential(*layers)))


def test_an_archive_that_drops_out_and_one_that_ends_in_a_softmax_are_refused(tmp_path):
    for after, said in ((Wandering(), "two answers"), (nn.Softmax(dim=1), "softmax inside")):
        path = tmp_path / "net.pt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.trace(Body(after), torch.rand(2, 3, SIDE, SIDE), check_trace=False)
            torch.jit.save(module, path)
        (tmp_path / "classifier.toml").write_text(
            f"input_size = {SIDE}\nmean = 0.5\nstd = 0.25\nweights = 'net.pt'\n"
        )
        with pytest.raises(ClassifierError, match=said):
            load_classifier(tmp_path, device="cpu")


def test_a_loaded_classifier_says_how_often_it_was_tried(tmp_path):
    (tmp_path / "classifier.toml").write_text(
        'architecture = "timm:test_vit"\nweights = "random"\nclasses = ["a", "b"]\n'
    )
    assert load_classifier(tmp_path, device="cpu").tried == 8
