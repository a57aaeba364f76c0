"""The check of shifts at its limit, before a classifier that is given its answers."""

import pytest
import torch

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.decision import Decision, Target, share
from med_cam.verify.shift_stability import shift_stability

DECISION = Decision(Target(1, ("a", "b"), "softmax", 0.5, 0.9), 0.1, 0.6)
RULES = Verification(shifts=(1, 2, 3, 4, 5), stability_rate=0.9)


@pytest.mark.parametrize(("retained", "passed"), [(40, True), (36, True), (35, False)])
def test_the_share_that_is_required_is_enough_and_one_shift_less_is_not(retained, passed):
    def answers(x):
        lit = torch.full((len(x),), 0.9)
        lit[retained:] = 0.2
        return torch.stack([1 - lit, lit], dim=1)

    x, one = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 1, 1)
    scene = Scene(x, x > 0, -one, one, x[:0], None)
    found = shift_stability(View(answers, scene), x > 0, torch.zeros_like(x), DECISION, RULES)
    assert (found.trials, found.passed) == (40, passed)


@pytest.mark.parametrize("trials", range(1, 41))
def test_a_share_is_the_quotient_of_two_counts(trials):
    for count in range(trials + 1):
        assert share(torch.arange(trials) < count) == count / trials
