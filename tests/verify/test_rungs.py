"""Bounds of weaker claims, and views of an image that is only moved toward its removal."""

import pytest
import torch
from scipy.stats import binomtest

from med_cam.masking.samplers import painting
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target
from med_cam.verify.rungs import (
    MILDER,
    STRENGTHS,
    Tally,
    bound_of,
    changed_by,
    faded,
    graded_over,
    retained_by,
    tally,
)

X = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(0))
SCENE = Scene(X, torch.ones(1, 1, 6, 6, dtype=torch.bool), X[..., :1, :1], X[..., :1, :1], X[:0])
MASK = torch.zeros(1, 1, 6, 6, dtype=torch.bool)
MASK[..., 1:3, 2:5] = True
TARGET = Target(1, ("a", "b"), "softmax", 0.0, 0.9)
DECISION = Decision(TARGET, 0.1, 0.5)


def seen(inputs):
    """What a view shows, instead of what it answers."""
    return inputs


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 1.0])
def test_what_is_hidden_is_moved_so_far_and_what_is_shown_stays(strength):
    infill = torch.randn(2, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    shown = faded(View(seen, SCENE), strength).over(MASK, infill)
    for one, painted in zip(shown, infill, strict=True):
        for row, column in torch.cartesian_prod(torch.arange(6), torch.arange(6)).tolist():
            pixel, there = X[0, :, row, column], painted[:, row, column]
            if not MASK[0, 0, row, column]:
                pixel = (1 - strength) * pixel + strength * there
            torch.testing.assert_close(one[:, row, column], pixel)


def test_an_inpainted_surround_is_painted_before_it_is_faded():
    infill = painting("inpainted", SCENE, torch.Generator())
    whole = View(seen, SCENE).over(MASK, infill)
    half = faded(View(seen, SCENE), 0.5).over(MASK, infill)
    torch.testing.assert_close(half, (X + whole) / 2)


def test_removals_inside_the_network_cannot_be_faded():
    """The image's own blur takes their place: another removal, at full strength too."""
    assert graded_over(("grey", "layer_masking", "black")) == (("grey", "black"), STRENGTHS)
    assert graded_over(("layer_masking",)) == (MILDER, (1.0, *STRENGTHS))


def test_outcomes_of_random_removals_are_counted_apart_from_those_that_are_always_the_same():
    yes, no = torch.tensor([True]), torch.tensor([False])
    outcomes = {
        "grey": yes,
        "black": no,
        "gaussian": torch.tensor([True, True, False]),
        "uniform": torch.tensor([True, False, False]),
    }
    assert tally(outcomes) == Tally(samples=6, hits=3, fixed=2, fixed_hits=1)


@pytest.mark.parametrize(("hits", "samples", "risk"), [(104, 104, 0.005), (145, 146, 0.005)])
def test_the_bound_is_that_of_clopper_and_pearson(hits, samples, risk):
    exact = binomtest(hits, samples, alternative="greater").proportion_ci(1 - risk, "exact").low
    assert bound_of(Tally(samples, hits, 1, 1), risk) == pytest.approx(exact, abs=1e-9)


def test_without_random_removals_the_bound_is_a_share():
    assert bound_of(Tally(0, 0, 4, 3), 0.005) == 0.75


def test_retained_is_asked_of_what_is_shown_and_changed_of_what_is_hidden():
    """A network that sees the first pixel of the mask: its own colour, or that around it."""

    def classifier(inputs):
        p = inputs[:, 0, 1, 2]
        return torch.stack([1 - p, p], dim=1)

    white, none = torch.ones_like(X), torch.zeros_like(X)
    scene = Scene(0.8 * white, SCENE.valid, SCENE.black, SCENE.white, X[:0])
    view = View(classifier, scene)
    assert retained_by(view, DECISION, MASK, none).item() == pytest.approx(0.3)  # over 0.5
    assert retained_by(view, DECISION, ~MASK, none).item() < 0
    assert changed_by(view, DECISION, MASK, none).item() == pytest.approx(1.0)  # 1 against 0
    assert changed_by(view, DECISION, ~MASK, none).item() == pytest.approx(-0.6)  # 0.2 and 0.8
