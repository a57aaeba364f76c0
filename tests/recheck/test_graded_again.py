"""A graded claim again: over what it was made, today and by a former version."""

import pytest

from ladders import MASKED, inside, one_square
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.recheck.ladder import graded_again
from med_cam.verify.decision import Decision


@pytest.fixture
def case():
    with hooks_attached(inside()) as forward:
        yield observed(forward, inside(), one_square(), MASKED, target="lit")


@pytest.mark.parametrize(
    ("searched", "strength", "over", "passes"),
    [
        (["feathered_blur"], 1.0, (("feathered_blur",), 1.0), 1),
        (["feathered_blur"], 0.69, (("feathered_blur",), 0.7), 1),
        (["grey", "gaussian"], 0.7, (("grey", "gaussian"), 0.7), 0),  # as it was made once
        (["grey", "gaussian"], 1.0, (("grey", "gaussian"), 0.9), 0),  # never at full strength
        (["black"], 0.7, (("feathered_blur",), 0.7), 1),  # what no version made is not believed
    ],
)
def test_it_is_asked_over_what_a_version_made_it_over(case, searched, strength, over, passes):
    before = case.cost().forward
    decision = Decision(case.target, 0.1, 0.5)
    asked = graded_again(case, {"searched": searched, "strength": strength}, decision)
    assert (asked.searched, asked.strength) == over
    assert case.cost().forward == before + passes
