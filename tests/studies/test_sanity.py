"""Shuffled copies of tiny classifiers, and what their explanations are held against."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from scipy.stats import rankdata
from torch import nn

import planted
from med_cam.case.references import prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.opaque import Opaque
from med_cam.config.settings import Certification, Config, Refinement, Search, Verification
from med_cam.errors import ClassifierError
from med_cam.pipeline.explain import explain
from med_cam_studies.evaluation.sanity import CONTROL, Sanity, compared, rank_correlation, sanity
from med_cam_studies.methods.randomised import layers_from_top, randomised, stages

SIDE = 16
QUICK = Config(
    search=Search(steps=8, grid=12, widths=(8, 8), places=5, radii=(0.6, 0.35), jitter=1),
    refinement=Refinement(samples=2, rounds=6, attempts=3),
    verification=Verification(samples=3, unseen=(), unseen_samples=1),
    certification=Certification(patch=0, deletion_samples=2, reinsertion_trials=2),
)


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


class Backwards(nn.Module):
    """Registered in another order than it is run, with a normed layer and a fixed buffer."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 3)
        self.second = nn.Conv2d(4, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.register_buffer("weighting", torch.linspace(0, 1, SIDE))
        generator = fresh(7)
        with torch.no_grad():
            for tensor in (*self.parameters(), self.norm.running_mean):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))

    def forward(self, x):
        x = self.norm(self.second(self.first(x).relu())).relu() * self.weighting
        return self.head(x.mean(dim=(2, 3)))


class Tokens(nn.Module):
    """A parameter on the root, attention whose output layer is never called, tied layers."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.randn(1, 16, 8, generator=fresh(1)))
        self.embed = nn.Conv2d(1, 8, 4, stride=4)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.up = nn.Linear(8, 8)
        self.down = nn.Linear(8, 8)
        self.down.weight = self.up.weight
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.place
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        return self.head(self.down(self.up(tokens).relu()).mean(dim=1))


def classifier(module, **more):
    return Classifier(
        module.eval(), ("a", "b", "c"), (SIDE, SIDE), 1, (0.5,), (0.5,), name="tiny", **more
    )


def exported():
    program = torch.export.export(Backwards().eval(), (torch.zeros(2, 1, SIDE, SIDE),))
    return Opaque(program.module(), smallest=2, largest=2)


pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of the exporter
MODULES = {"convolutional": Backwards, "tokens": Tokens, "exported": exported}
KINDS = pytest.mark.parametrize("kind", MODULES)


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def alike(first, second):
    return {name for name in first if torch.equal(first[name], second[name])}


def logits(given, x):
    with hooks_attached(given) as forward, torch.no_grad():
        return forward(x).logits


@KINDS
def test_the_classifier_is_left_bit_for_bit_as_it_was(kind):
    given = classifier(MODULES[kind]())
    before = state(given.module)
    other = randomised(given, layers_from_top(given), fresh())
    logits(other, torch.randn(4, 1, SIDE, SIDE, generator=fresh(2)))
    assert alike(before, state(given.module)) == set(before)
    assert not any(part._forward_pre_hooks for part in given.module.modules())


@KINDS
def test_the_predictions_change_and_stay_finite(kind):
    given = classifier(MODULES[kind]())
    x = torch.randn(4, 1, SIDE, SIDE, generator=fresh(2))
    other = randomised(given, layers_from_top(given)[:1], fresh())
    assert logits(other, x).isfinite().all()
    assert not torch.allclose(logits(other, x), logits(given, x))


@KINDS
def test_the_last_stage_holds_every_parameter_and_each_stage_the_one_before(kind):
    given = classifier(MODULES[kind]())
    cascade = [layers for _, layers in stages(given)]
    names = {name.rpartition(".")[0] for name, _ in given.module.named_parameters()}
    assert names <= set(cascade[-1])
    assert len(set(cascade[-1])) == len(cascade[-1])
    assert len(cascade[0]) == 1
    for fewer, more in pairwise(cascade):
        assert more[: len(fewer)] == fewer
        assert len(more) > len(fewer)


def test_layers_are_counted_from_the_output_in_the_order_in_which_they_run():
    assert layers_from_top(classifier(Backwards())) == ("head", "norm", "second", "first")
    assert layers_from_top(classifier(Tokens())) == (
        "head", "down", "up", "attention.out_proj", "attention", "embed", "",
    )  # fmt: skip


def test_stages_are_shares_of_the_layers_and_none_is_there_twice():
    assert stages(classifier(Backwards())) == (
        ("last layer", ("head",)),
        ("top half", ("head", "norm")),
        ("top three quarters", ("head", "norm", "second")),
        ("all layers", ("head", "norm", "second", "first")),
    )


@KINDS
def test_shuffling_keeps_the_values_of_every_tensor_and_moves_them(kind):
    given = classifier(MODULES[kind]())
    with torch.no_grad():  # no two entries alike, so that a tensor left in place shows
        for i, tensor in enumerate(given.module.parameters()):
            tensor.copy_(torch.linspace(-1, 1 + i, tensor.numel()).view(tensor.shape))
    other = randomised(given, layers_from_top(given), fresh())
    before, after = state(given.module), state(other.module)
    for name, tensor in before.items():
        assert torch.equal(tensor.flatten().sort().values, after[name].flatten().sort().values)
    moved = {name for name, _ in given.module.named_parameters() if before[name].numel() > 3}
    assert moved
    assert not moved & alike(before, after)


def test_only_the_named_layers_are_shuffled():
    given = classifier(Backwards())
    other = randomised(given, ("head", "norm"), fresh())
    untouched = {"second.weight", "first.weight", "first.bias", "weighting"}
    same = alike(state(given.module), state(other.module))
    assert untouched <= same
    assert not {"head.weight", "norm.weight", "norm.bias", "norm.running_mean"} & same


def test_a_cascade_goes_on_from_where_it_was():
    given = classifier(Backwards())
    few = state(randomised(given, ("head",), fresh(3)).module)
    many = state(randomised(given, ("head", "norm", "second"), fresh(3)).module)
    assert {"head.weight", "head.bias"} <= alike(few, many)
    assert "second.weight" not in alike(few, many)


def test_layers_that_share_a_tensor_still_share_it():
    given = classifier(Tokens())
    other = randomised(given, ("down", "up"), fresh())
    assert other.module.down.weight is other.module.up.weight
    once = randomised(given, ("down",), fresh())
    assert torch.equal(other.module.up.weight, once.module.up.weight)


def test_statistics_are_taken_from_the_images_where_there_are_some():
    given = classifier(Backwards())
    x = torch.randn(6, 1, SIDE, SIDE, generator=fresh(4))
    other = randomised(given, ("head", "norm", "second"), fresh(), images=x)
    with torch.no_grad():
        seen = other.module.second(other.module.first(x).relu())
    assert torch.allclose(other.module.norm.running_mean, seen.mean(dim=(0, 2, 3)), atol=1e-5)
    assert torch.allclose(other.module.norm.running_var, seen.var(dim=(0, 2, 3)), rtol=1e-4)
    assert not any(part.training for part in other.module.modules())
    head = randomised(given, ("head",), fresh(), images=x)
    assert torch.equal(head.module.norm.running_mean, given.module.norm.running_mean)


def test_a_layer_that_is_not_there_and_a_classifier_without_weights_are_refused():
    with pytest.raises(ClassifierError, match="no layer 'neck'"):
        randomised(classifier(Backwards()), ("neck",), fresh())
    bare = nn.Sequential(nn.AdaptiveAvgPool2d((3, 1)), nn.Flatten())
    with pytest.raises(ClassifierError, match="no parameters"):
        stages(classifier(bare))


def test_a_shuffled_copy_is_not_taken_for_the_classifier_it_was():
    given = classifier(Backwards(), sha256="abc", check=lambda x: None)
    other = randomised(given, ("head",), fresh())
    assert (other.sha256, other.check) == ("", None)
    assert other.name != given.name


def test_rank_correlation_is_that_of_the_ranks_and_nothing_where_nothing_is_ranked():
    a, b = (
        torch.rand(5, 6, generator=fresh(1)),
        torch.rand(5, 6, generator=fresh(2)).round(decimals=1),
    )
    ranks = [torch.from_numpy(rankdata(m.flatten().numpy())) for m in (a, b)]
    expected = torch.corrcoef(torch.stack(ranks))[0, 1].item()
    assert rank_correlation(a, b) == pytest.approx(expected)
    assert rank_correlation(a, 3 * a.exp()) == pytest.approx(1)
    assert rank_correlation(a, torch.ones(5, 6)) == 0.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"iou": 0.32}, True),  # chance is 0.1: a quarter of the way to 1 is 0.325
        ({"iou": 0.33}, False),
        ({"after": 0.31}, True),
        ({"after": 0.29}, False),
        ({"verified": False}, True),
        ({"iou": 1.0, "chance": 1.0, "before": 1.0, "after": 1.0}, False),
    ],
)
def test_an_explanation_differs_by_place_size_or_a_broken_claim(change, expected):
    same = Sanity("top half", "a", 0.8, 0.1, 0.5, before=0.2, after=0.2, verified=True)
    assert replace(same, **change).differs is expected


@pytest.fixture(scope="module")
def found():
    """A classifier that looks for a red and a blue square, before and after."""
    case = planted.CASES["red and blue, convolutional"]
    image = case.plant((24, 24), fresh(0)).image
    others = [planted.Image(planted.soft_content(fresh(seed))) for seed in range(4)]
    given = replace(case.classifier, hooked_layers=())
    before = state(given.module)
    references = prepare_references(given, others)
    result = sanity(given, image, config=QUICK, references=references)
    return given, before, image, references, result


def test_a_planted_decision_is_found_again_by_another_seed_and_not_by_shuffled_weights(found):
    given, before, _, _, (control, *shuffled) = found
    assert control.stage == CONTROL
    assert not control.differs
    assert [s.stage for s in shuffled] == [name for name, _ in stages(given)]
    assert all(s.differs for s in shuffled)
    assert alike(before, state(given.module)) == set(before)


def test_an_explanation_is_compared_with_itself_as_the_same(found):
    given, _, image, references, (control, *_) = found
    one = explain(given, image, config=QUICK, references=references)
    itself = compared(one, one, stage="none")
    assert (itself.iou, itself.before, itself.label) == (1.0, itself.after, one.label)
    assert itself.correlation == pytest.approx(1)
    assert itself.before == control.before
    assert itself.chance == pytest.approx(one.area / (2 - one.area))
    assert not math.isclose(control.correlation, 1)
