"""The whole path on tiny classifiers: what comes out, what it costs, and what it leaves alone."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from lit import FEW
from med_cam.case.case import observed
from med_cam.case.references import prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.baselines import BASELINES, OF_REFERENCES
from med_cam.config.settings import Config, Objective, Refinement, Search, Verification
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.from_array import image_from_array
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain, explain_all
from med_cam.verify.baseline_response import baseline_response
from med_cam.verify.claim import verify

SIDE = 32
CONFIG = Config(
    search=Search(steps=6, grid=8, widths=(8, 8), places=4, radii=(0.6,), jitter=1),
    refinement=Refinement(samples=2, rounds=5, attempts=3),
    verification=Verification(samples=3, unseen=("black", "others"), unseen_samples=1),
    certification=replace(FEW, patch=6, reduction_samples=16, pool=32),
)
# How the last layer's two numbers, of dark and of bright, become outputs.
PAIR = ((-8.0,), (8.0,)), (4.0, -4.0)
ONE = ((16.0,),), (-8.0,)
THREE = ((-16.0,), (16.0,), (4.0,)), (8.0, -8.0, 1.0)


class Bright(nn.Module):
    """Outputs linear in how bright the best 8 x 8 window is; state that must not be touched."""

    def __init__(self, weights=PAIR, channels=1):
        super().__init__()
        self.patches = nn.Conv2d(channels, 4, 4, stride=4, bias=False)
        nn.init.constant_(self.patches.weight, 1 / (16 * channels))
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.window = nn.AvgPool2d(2, 1)
        self.head = nn.Linear(1, len(weights[0]))
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor(weights[0]))
            self.head.bias.copy_(torch.tensor(weights[1]))

    def forward(self, x):
        patches = self.drop(self.act(self.norm(self.patches(x))))
        return self.head(self.window(patches).amax(dim=(2, 3))[:, :1])


def classifier(weights=PAIR, *, labels=("dark", "bright"), channels=1, **more):
    module = Bright(weights, channels)
    return Classifier(
        module, labels, (SIDE, SIDE), channels, (0.5,) * channels, (0.5,) * channels,
        hooked_layers=("act",), **more,
    )  # fmt: skip


def pixels(seed=5, place=(8, 16), channels=1, size=SIDE):
    values = torch.rand(channels, size, size, generator=torch.Generator().manual_seed(seed))
    values = 0.2 + 0.3 * values
    values[:, place[0] : place[0] + 8, place[1] : place[1] + 8] = 1.0
    return values


@pytest.fixture(scope="module")
def found():
    return explain(classifier(), Image(pixels()), config=CONFIG)


def same(first, second):
    """Everything but the time it took."""
    timeless = [
        replace(each, seconds=0.0, timeline=(), restricted=None) for each in (first, second)
    ]
    return equal(*timeless)


def equal(first, second):
    """Whether two values are the same, the tensors within them too."""
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if is_dataclass(first):
        pairs = [(getattr(first, f.name), getattr(second, f.name)) for f in fields(first)]
        return type(first) is type(second) and all(equal(*pair) for pair in pairs)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return first == second


# -- what comes out -------------------------------------------------------------------------------


def test_the_mask_holds_what_the_classifier_looks_at_and_is_verified(found):
    assert found.label == "bright"
    assert found.verified, found.status
    needed = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    needed[8:16, 16:24] = True
    assert found.mask[needed].float().mean() > 0.8
    assert found.area < 0.4
    assert f"{found.area:.1%} of the image is sufficient over" in found.status


def test_the_numbers_of_an_explanation_fit_each_other(found):
    assert sum(found.before) == pytest.approx(1, abs=1e-5)
    assert sum(found.after) == pytest.approx(1, abs=1e-5)
    assert found.area == found.mask.float().mean().item()
    assert found.claim.p_image == found.before[found.target]
    assert found.kl == pytest.approx(
        sum(p * (np.log(p) - np.log(q)) for p, q in zip(found.before, found.after, strict=True)),
        abs=1e-4,
    )
    assert found.hooked_layers == ("act",)
    assert len(found.steps) == CONFIG.search.steps
    assert 0 <= found.soft.min() <= found.soft.max() <= 1
    assert found.seconds > 0
    assert found.components >= 1


def test_what_is_said_of_the_evidence_is_what_the_classifier_says_of_it(found):
    model = classifier()
    x = model.prepare(Image(pixels()))
    with hooks_attached(model) as forward, torch.no_grad():
        e = found.mask.float() * x  # grey is zero
        p = forward(e).logits.softmax(dim=1)[0]
    assert found.after == pytest.approx(tuple(p.tolist()), abs=1e-6)


def test_random_masks_of_the_same_area_fail_where_ours_holds(found):
    model = classifier()
    held = []
    with hooks_attached(model) as forward:
        case = observed(forward, model, Image(pixels()), CONFIG)
        for seed in range(20):
            g = torch.Generator().manual_seed(seed)
            mask = torch.zeros(SIDE * SIDE, dtype=torch.bool)
            mask[torch.randperm(SIDE * SIDE, generator=g)[: int(found.mask.sum())]] = True
            for candidate, holds in ((mask.view(SIDE, SIDE), held), (found.mask, None)):
                g, rules = torch.Generator().manual_seed(seed), CONFIG.verification
                response = baseline_response(case.batched, case.target, rules, g)
                claim = verify(case.batched, candidate[None, None], response, rules, g)
                if holds is None:
                    assert claim.holds  # ours, on twenty fresh sets of samples
                else:
                    holds.append(claim.holds)
    assert sum(held) == 0


# -- heads, channels, depths ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weights", "labels", "head"),
    [
        (ONE, ("bright",), "sigmoid"),
        (THREE, ("dark", "bright", "always"), "sigmoid"),
        (ONE, ("dark", "bright"), "softmax"),  # one logit, two labels
        (THREE, ("dark", "bright", "between"), "softmax"),
    ],
)
def test_every_head_is_explained(weights, labels, head):
    model = classifier(weights, labels=labels, head=head)
    found = explain(model, Image(pixels()), target="bright", config=CONFIG)
    assert found.label == "bright"
    assert found.verified, found.status
    assert found.mask[8:16, 16:24].float().mean() > 0.8
    assert found.area < 0.4
    assert len(found.before) == len(found.after) == len(labels)
    assert found.kl >= -1e-6
    if head == "softmax":
        assert sum(found.before) == pytest.approx(1, abs=1e-5)


def test_an_output_below_its_threshold_cannot_be_explained():
    model = classifier(ONE, labels=("bright",), head="sigmoid", thresholds=(0.9999,))
    found = explain(model, Image(pixels()), config=CONFIG)
    assert not found.verified
    assert found.status.startswith("cannot be explained")


@pytest.mark.parametrize(("of_image", "of_model"), [(1, 3), (3, 1), (3, 3)])
def test_grey_and_colour_images_suit_either_classifier(of_image, of_model):
    model = classifier(channels=of_model)
    found = explain(model, Image(pixels(channels=of_image)), config=CONFIG)
    assert found.verified
    assert found.mask[8:16, 16:24].float().mean() > 0.8


def test_sixteen_bits_are_explained_as_their_fractions_are():
    deep = (pixels()[0].numpy() * 65535).round().astype(np.uint16)
    a = explain(classifier(), image_from_array(deep), config=CONFIG)
    b = explain(classifier(), image_from_array(deep.astype(np.float64) / 65535), config=CONFIG)
    assert same(a, b)


# -- seeds ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_explanation_whatever_the_global_generator(found):
    torch.rand(7)
    np.random.rand(3)  # noqa: NPY002 - the global one is the point
    model, before = classifier(), torch.get_rng_state()
    again = explain(model, Image(pixels()), config=CONFIG)
    assert same(found, again)
    assert torch.equal(torch.get_rng_state(), before)


def test_another_seed_gives_another_search(found):
    other = explain(classifier(), Image(pixels()), config=replace(CONFIG, seed=1))
    assert not torch.equal(found.soft, other.soft)
    assert other.verified


# -- what is left alone ---------------------------------------------------------------------------


def state_of(module):
    return (
        {k: v.clone() for k, v in module.state_dict().items()},
        [part.training for part in module.modules()],
        [(p.requires_grad, p.grad) for p in module.parameters()],
        [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in module.modules()],
    )


def unchanged(before, after):
    assert before[0].keys() == after[0].keys()
    assert all(torch.equal(before[0][k], after[0][k]) for k in before[0])
    assert before[1:] == after[1:]


def odd(module):
    """Not as a fresh module is: partly training, partly frozen."""
    module.train()
    module.norm.eval()
    module.patches.weight.requires_grad_(False)
    return module


def test_the_classifier_and_the_image_are_left_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, image = classifier(), Image(pixels())
    before, was = state_of(odd(model.module)), image.pixels.clone()
    explain(model, image, config=CONFIG)
    unchanged(before, state_of(model.module))
    assert torch.equal(image.pixels, was)
    assert list(tmp_path.iterdir()) == []  # nothing is written


@pytest.mark.parametrize("at", [0, 3])
def test_the_classifier_is_left_as_it_was_after_an_error(at):
    model = classifier()
    before = state_of(odd(model.module))

    def stop(step):
        if step.index == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, Image(pixels()), config=CONFIG, on_step=stop)
    unchanged(before, state_of(model.module))


# -- what it costs --------------------------------------------------------------------------------


def counted_apart(model):
    """Images that enter the module, and gradients that come back to its output."""
    cost = {"forward": 0, "backward": 0}

    def entered(_, args):
        cost["forward"] += len(args[0])

    def left(_, args, output):
        if output.requires_grad:
            output.register_hook(lambda g: cost.update(backward=cost["backward"] + len(g)))

    handles = [
        model.module.register_forward_pre_hook(entered),
        model.module.register_forward_hook(left),
    ]
    return cost, handles


@pytest.mark.parametrize("target", [None, "dark"])
def test_passes_are_those_of_an_independent_count(target):
    model = classifier()
    cost, _ = counted_apart(model)
    found = explain(model, Image(pixels()), target=target, config=CONFIG)
    assert (found.passes.forward, found.passes.backward) == (cost["forward"], cost["backward"])
    steps = CONFIG.search.steps if target is None else 0
    assert found.passes.backward == steps * 2 * CONFIG.search.masks  # evidence and a baseline
    assert found.passes.forward > found.passes.backward


def test_the_default_settings_stay_below_the_backward_passes_promised():
    found = explain(classifier(), Image(pixels()))
    assert found.verified
    assert found.passes.backward <= 300


# -- many images, references, mistakes ------------------------------------------------------------


def test_many_images_are_explained_one_by_one_as_they_are_asked_for():
    taken = []

    def images():
        for place in ((8, 16), (16, 4)):
            taken.append(place)
            yield Image(pixels(place=place))

    each = explain_all(classifier(), images(), config=CONFIG)
    assert isinstance(each, Iterator)
    assert taken == []
    first = next(each)
    assert taken == [(8, 16)]
    assert same(first, explain(classifier(), Image(pixels()), config=CONFIG))
    assert next(each).mask[16:24, 4:12].float().mean() > 0.8
    assert next(each, None) is None


def dim(seed):
    return Image(pixels(seed) * 0.4)


def test_references_that_are_labelled_otherwise_are_used_and_named():
    model = classifier()
    references = prepare_references(model, [dim(1), dim(2), Image(pixels(3))])  # the last is lit
    cost, _ = counted_apart(model)
    found = explain(model, Image(pixels()), config=CONFIG, references=references)
    assert found.claim.reference_images == "2 reference images"
    assert "others" in {b.name for b in found.claim.baselines}
    assert found.passes.forward == cost["forward"]  # the references' own passes came before


def over(*names, **more):
    return replace(CONFIG, verification=replace(CONFIG.verification, baselines=names, **more))


@pytest.mark.parametrize("more", [{}, {"unseen": ("gray",)}])
def test_an_unknown_baseline_is_refused_with_the_nearest(more):
    name = "grey" if more else "gray"
    with pytest.raises(ConfigError, match="no baseline 'gray'; did you mean 'grey'"):
        explain(classifier(), Image(pixels()), config=over(name, **more))


def test_other_images_as_baseline_need_some_that_are_labelled_otherwise():
    model, config = classifier(), over("grey", "others")
    lit = prepare_references(model, [Image(pixels(3))])
    for references in (None, lit):
        with pytest.raises(ConfigError, match=r"'others' .* bright; give --references"):
            explain(model, Image(pixels()), config=config, references=references)
    found = explain(
        model, Image(pixels()), config=config, references=prepare_references(model, [dim(1)])
    )
    assert found.claim.searched == ("grey", "others")


NOT_HERE = {*OF_REFERENCES, "dropped_tokens"}  # without reference images, and without tokens


@pytest.mark.parametrize("name", [name for name in BASELINES if name not in NOT_HERE])
def test_every_baseline_can_be_claimed_on(name):
    found = explain(classifier(), Image(pixels()), config=over(name))
    assert found.claim.searched == (name,)


def test_weights_of_layers_need_as_many_layers():
    config = replace(CONFIG, objective=Objective(layer_weights=(0.5, 0.5)))
    with pytest.raises(ConfigError, match=r"2 numbers for 1 hooked layers \(act\)"):
        explain(classifier(), Image(pixels()), config=config)
    one = replace(CONFIG, objective=Objective(layer_weights=(2.0,)))
    assert explain(classifier(), Image(pixels()), config=one).steps


@pytest.mark.parametrize("target", ["grey", 2, -1])
def test_a_target_that_is_not_there_is_refused(target):
    with pytest.raises(ClassifierError, match="knows dark, bright"):
        explain(classifier(), Image(pixels()), target=target, config=CONFIG)
