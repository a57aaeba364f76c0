"""The choice of removals on networks whose answers under masks are known."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

import med_cam
from med_cam.audit.choice import USUAL
from med_cam.audit.predictions import labels_of
from med_cam.audit.recommended import (
    FIRST,
    PASSES,
    choice_of,
    most,
    recommended_removal,
    unmeasured,
)
from med_cam.audit.removals import EVERY, IN_TURN, answers_of, by_chance, figures_of, subjects_of
from med_cam.case.counting import predictor
from med_cam.case.references import References, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.baselines import BASELINES, INSIDE
from med_cam.images.image import Image

SIDE = 32
LABELS = ("red", "green", "blue")


class Colour(nn.Module):
    """The channel that is brightest where anything is seen at all; else `blank`.

    Seen is what is not grey on the mean of `blurred` pixels; it counts from `needed`, a share of
    the input. Noise is not seen through a blur.
    """

    def __init__(self, *, needed=0.0, blank=None, blurred=1):
        super().__init__()
        self.needed, self.blank, self.blurred = needed, blank, blurred

    def forward(self, x):
        smooth = nn.functional.avg_pool2d(x, self.blurred).abs().amax(dim=1)
        seen = (smooth > 0.5 * (self.blurred > 1)).flatten(1).float().mean(dim=1) > self.needed
        bright = 4 * (x.clamp(min=0) ** 2).mean(dim=(2, 3))
        answer = 8.0 * nn.functional.one_hot(bright.argmax(dim=1), 3)
        none = torch.zeros_like(answer)
        if self.blank is not None:
            none[:, self.blank] = 8.0
        return torch.where(seen[:, None], answer, none)


def classifier(module):
    return Classifier(module, LABELS, (SIDE, SIDE), mean=(0.5,) * 3, std=(0.5,) * 3)


def picture(label, number=0):
    """Dark, and bright in one channel."""
    generator = torch.Generator().manual_seed(10 * number + label)
    pixels = 0.1 + 0.1 * torch.rand(3, SIDE, SIDE, generator=generator)
    pixels[label] += 0.75
    return Image(pixels)


def references_of(model, each=4):
    return prepare_references(model, [picture(i, n) for i in range(3) for n in range(each)])


def measured(module, name, *, each=4, whole=True):
    model = classifier(module)
    subjects = subjects_of(model, references_of(model, each), whole=whole, seed=0)
    with hooks_attached(model) as forward:
        found = answers_of(name, predictor(forward, model, 8), subjects)
        return figures_of(name, found, labels_of(model), 0.2)


# -- figures --------------------------------------------------------------------------------------


def test_the_figures_of_a_network_that_calls_what_it_cannot_see_red():
    """It needs 40% of the image: under grey it takes all less for red, with confidence."""
    found = measured(Colour(needed=0.4, blank=0), "grey")
    assert (found.references, found.masked) == (12, 12 * len(EVERY))
    assert (found.blank_confident, found.blank_own) == (1.0, 1 / 3)
    assert found.effect == 2 / 3  # all but the red ones, which score as high on nothing
    assert (found.pull, found.pull_label) == (2 / 3, "red")  # at 10 and 30% shown, not at 50
    assert (found.retained_25, found.retained_50, found.retained_75) == (1 / 3, 1.0, 1.0)


def test_the_figures_of_a_network_that_says_nothing_where_it_sees_nothing():
    found = measured(Colour(), "grey")
    certain = math.exp(8) / (math.exp(8) + 2)
    assert (found.blank_confident, found.blank_own, found.effect) == (0.0, 0.0, 1.0)
    assert found.mean_effect == pytest.approx(certain - 1 / 3, abs=1e-6)
    assert (found.pull, found.retained_25, found.retained_75) == (0.0, 1.0, 1.0)


def of_two(module, *names):
    """The figures of a network of the labels dark and lit, on five dark and five bright images."""
    model = Classifier(module, ("dark", "lit"), (SIDE, SIDE), mean=(0.5,) * 3, std=(0.5,) * 3)
    dark, lit = torch.full((3, SIDE, SIDE), 0.2), torch.full((3, SIDE, SIDE), 0.9)
    seen = prepare_references(model, [Image(p + 0.01 * n) for p in (dark, lit) for n in range(5)])
    subjects = subjects_of(model, seen, whole=True, seed=0)
    with hooks_attached(model) as forward:
        predict = predictor(forward, model, 8)
        found = [(name, answers_of(name, predict, subjects)) for name in names]
        return [figures_of(name, answers, labels_of(model), 0.2) for name, answers in found]


def dark_unless(lit):
    return torch.stack([4.0 * torch.ones_like(lit), 8.0 * lit], dim=1)


class Bright(nn.Module):
    """Of two labels: lit where anything is brighter than grey, and dark of all else."""

    def forward(self, x):
        return dark_unless((x.amax(dim=(1, 2, 3)) > 0.2).float())


class Edged(nn.Module):
    """The same, but also where neighbouring pixels differ much, as along a mask."""

    def forward(self, x):
        steps = (x[..., 1:] - x[..., :-1]).abs().amax(dim=(1, 2, 3))
        return dark_unless(((x.amax(dim=(1, 2, 3)) > 0.2) | (steps > 0.3)).float())


def test_of_two_labels_the_images_of_the_other_one_are_asked():
    """Dark is given to every blank input: that says nothing against a removal."""
    grey, white = of_two(Bright(), "grey", "white")
    assert (grey.blank_confident, grey.blank_own, grey.effect) == (0.0, 0.0, 1.0)
    assert (white.blank_confident, white.blank_own, white.effect) == (0.0, 0.0, 1.0)
    assert (grey.pull, white.pull) == (0.0, 0.0)
    assert (grey.chance, grey.retained_50, grey.retained_75) == (0.5, 1.0, 1.0)
    assert (white.chance, white.retained_50, white.retained_75) == (0.5, 0.5, 0.5)  # all are lit


def test_of_two_labels_masks_may_bring_none_to_the_one_that_blank_input_does_not_get():
    """Over grey blank input is dark, and a dark image behind any mask is lit."""
    (grey,) = of_two(Edged(), "grey")
    assert (grey.blank_confident, grey.blank_own, grey.effect) == (0.0, 0.0, 1.0)
    assert (grey.pull, grey.pull_label) == (1.0, "lit")


def test_chance_is_what_the_same_answers_would_keep_among_any_masked_inputs():
    """Plain counting: of three images and three masks each, two of these masks are asked."""
    model = classifier(Colour())
    subjects = subjects_of(model, references_of(model, 1), whole=False, seed=0)
    trials = [(subject, share) for subject in subjects for share in (0.1, 0.5, 0.75)]
    given = torch.tensor([0, 0, 0, 1, 0, 1, 2, 1, 2])  # a label for each trial
    p = nn.functional.one_hot(given, 3).double()
    asked = [i for i, (_, share) in enumerate(trials) if share != 0.1]
    own = [subject.target.index for subject, _ in trials]
    among = [own[i] == int(given[j]) for i in asked for j in asked]
    assert by_chance(p, trials) == pytest.approx(sum(among) / 36)
    assert math.isnan(by_chance(p[:1], trials[:1]))


class Faint(Colour):
    """Sure of what is bright; of the rest it says a little more than nothing."""

    def forward(self, x):
        return super().forward(x) * torch.where(x.amax(dim=(1, 2, 3)) > 0.6, 1.0, 0.05)[:, None]


def test_an_effect_is_asked_of_images_that_can_leave_one():
    """Half of the images score 0.43 among three labels: 0.1 above an even answer."""
    model = classifier(Faint())
    faint = [Image(0.75 * picture(i, n).pixels) for i in range(3) for n in range(4)]
    seen = prepare_references(model, [picture(i, n) for i in range(3) for n in range(4)] + faint)
    subjects = subjects_of(model, seen, whole=True, seed=0)
    sure, unsure = ([s for s in subjects if (s.target.p_image > 0.5) == is_] for is_ in (1, 0))
    assert len(sure) == len(unsure) == 12
    with hooks_attached(model) as forward:
        predict = predictor(forward, model, 8)
        answers = [answers_of("grey", predict, tuple(some)) for some in (sure, unsure)]
    every, no_sure_one = (
        figures_of("grey", some, labels_of(model), 0.2)
        for some in (answers[0] + answers[1], answers[1])
    )
    assert (every.references, every.masked, every.effect) == (24, 24 * len(EVERY), 1.0)
    assert (no_sure_one.references, no_sure_one.effect) == (12, 0.0)


def test_a_third_of_the_images_each_show_two_shares_where_not_all_is_measured():
    model = classifier(Colour())
    subjects = subjects_of(model, references_of(model, 3), whole=False, seed=0)
    assert [s.target.index for s in subjects] == [0, 1, 2] * 3  # all labels alike from the first
    for label in range(3):
        shown = [s.shown for s in subjects if s.target.index == label]
        assert sorted(shown) == sorted(IN_TURN)
    part = measured(Colour(needed=0.4, blank=0), "grey", each=3, whole=False)
    assert (part.masked, part.retained_50, part.retained_75) == (18, 1.0, 1.0)
    assert math.isnan(part.retained_25)


# -- the choice -----------------------------------------------------------------------------------


def test_a_network_that_says_nothing_where_it_sees_nothing_keeps_the_usual_set():
    model = classifier(Colour(blurred=8))
    found = recommended_removal(model, references_of(model))
    assert (found.removal, found.choice.source, found.choice.fails) == (USUAL, "measured", ())
    assert [f.name for f in found.figures] == list(USUAL)  # the rule is settled, nothing more
    assert found.config == med_cam.PRESETS["default"]


class Averaged(nn.Module):
    """Convolution and mean: layer masking can follow it. Grey and noise are red for it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.conv.weight = nn.Parameter(torch.eye(3)[:, :, None, None])
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        mean = self.pool(self.conv(x)).flatten(1)
        return 30 * mean + mean.new_tensor([6.0, 0.0, 0.0]) * (mean.amax(1, keepdim=True) < 0.4)


def test_a_network_that_calls_grey_and_noise_red_gets_another_removal():
    model = classifier(Averaged())
    found = recommended_removal(model, references_of(model))
    assert found.removal != USUAL
    assert {f.name for f in found.figures} >= set(USUAL)
    assert "grey and gaussian miss blank 100% (at most 20%)" in found.choice.reason
    assert found.config.verification.baselines == found.removal
    assert set(USUAL) <= set(found.config.verification.unseen)


class Cropped(Averaged):
    """It looks at a part cut out of the image, which no removal inside the network can follow."""

    def forward(self, x):
        return super().forward(x[..., 8:24, 8:24])


@pytest.mark.parametrize("module", [Colour(), Colour(needed=0.4, blank=0), Averaged()])
@pytest.mark.parametrize("each", [3, 4, 8])
def test_no_more_passes_than_ten_an_image_of_references_and_all_are_counted(module, each):
    passes = 0

    def count(_, given, __):
        nonlocal passes
        passes += len(given[0])

    model = classifier(module)
    references = references_of(model, each)
    with_hook = module.register_forward_hook(count)
    try:
        choice = choice_of(model, references)
    finally:
        with_hook.remove()
    assert 0 < choice.passes == passes <= PASSES * 3 * each


@given(st.integers(8, 200), st.lists(st.sampled_from([*BASELINES]), unique=True))
@settings(deadline=None)
def test_what_comes_first_takes_half_of_the_passes_but_for_a_first_look(images, names):
    names = list(dict.fromkeys([*USUAL, *names]))
    each = most(PASSES * images, names)
    front = 3 * each * (len(USUAL) + bool({*names} & INSIDE)) + 1 + 5 * len(INSIDE)
    assert each >= FIRST
    assert each == FIRST or front <= PASSES * images // 2


def test_a_removal_that_fails_by_far_is_looked_at_on_a_few_images_only():
    """Whatever is blank is red to it; other images are not, and it keeps half of its answers."""
    model = classifier(Averaged())
    choice = choice_of(model, references_of(model, 8))
    looked = {f.name: f.references for f in choice.figures}
    assert looked["grey"] == looked["gaussian"] == looked["layer_masking"] == FIRST
    assert looked["others"] > FIRST


def test_all_is_measured_where_that_is_asked_for():
    model = classifier(Colour())
    choice = choice_of(model, references_of(model, 3), whole=True)
    names = {f.name for f in choice.figures} | set(choice.refused)
    assert names == set(BASELINES)
    assert {f.masked for f in choice.figures} == {9 * len(EVERY)}


@pytest.mark.parametrize(("each", "said"), [(0, "there are no reference"), (2, "only 6 ref")])
def test_with_too_few_references_what_works_inside_the_network_comes_first(each, said):
    """None can be measured, and an ordinary classifier stands that best; what to give is said."""
    for module, removal in ((Averaged(), ("layer_masking",)), (Cropped(), USUAL)):
        model = classifier(module)
        references = references_of(model, each) if each else None
        found = recommended_removal(model, references)
        assert (found.removal, found.choice.source) == (removal, "default")
        assert 0 < found.choice.passes <= 12
        assert said in found.choice.reason
        assert "at least 8" in found.choice.reason
        assert found.config.verification.baselines == removal
        again = unmeasured(found.choice.references, found.choice.refused)
        assert again == replace(found.choice, passes=0)


def test_of_one_label_alone_nothing_is_chosen():
    model = classifier(Colour())
    alike = prepare_references(model, [picture(0, n) for n in range(9)])
    assert choice_of(model, alike).source == "default"


def test_a_removal_on_which_the_answer_is_no_number_is_refused_and_the_others_are_measured():
    class NotOnNoise(Colour):
        def forward(self, x):
            rough = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3))
            return torch.where(rough[:, None] > 0.8, math.nan, super().forward(x))

    model = classifier(NotOnNoise())
    choice = choice_of(model, references_of(model), whole=True)
    assert "gaussian" in choice.refused
    assert "is not a number" in choice.refused["gaussian"]
    assert "grey" in {f.name for f in choice.figures}
    assert "gaussian" not in choice.removal


def test_same_references_and_seed_same_choice_and_the_batch_decides_nothing():
    model = classifier(Averaged())
    references = references_of(model)
    assert choice_of(model, references) == choice_of(model, references)
    order = torch.arange(12).flip(0)
    other = References(
        references.x[order],
        references.probabilities[order],
        tuple(references.digests[i] for i in order.tolist()),
    )
    assert choice_of(model, other).removal == choice_of(model, references).removal
