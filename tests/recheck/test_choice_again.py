"""A saved choice of removals: what the rule gives from its figures, and what is claimed on."""

from dataclasses import replace

import pytest

from med_cam.audit.choice import RULE, USUAL
from med_cam.audit.recommended import unmeasured
from med_cam.config.settings import Config, relative_to
from med_cam.recheck.choice import choice_again, of_former_rule
from med_cam.report.document import fields_of
from recheck.kinds import choice_of

HONEST = choice_of(0.0)
REFUSED = {"dropped_tokens": "why", "layer_masking": "why"}
FEW = unmeasured(3, REFUSED)


def again(choice, *claimed):
    return choice_again(fields_of(choice), relative_to(Config(), claimed or USUAL))


def test_an_honest_choice_comes_out_as_it_was_saved():
    for choice in (HONEST, choice_of(0.5), FEW, unmeasured(0, REFUSED)):
        assert again(choice) == choice
    inside = unmeasured(5, {"dropped_tokens": "why"})
    assert again(inside, "layer_masking") == inside
    assert choice_again(None, Config()) is None


def test_another_set_than_the_figures_lead_to_comes_out_as_they_lead():
    assert again(replace(HONEST, removal=("black",)), "black").removal == USUAL
    assert again(replace(FEW, removal=("black",)), "black").removal == USUAL


def test_a_claim_on_another_set_than_the_chosen_one_is_noticed():
    assert again(HONEST, "black").removal == ("black",)
    assert again(FEW, "black").removal == ("black",)


def test_figures_that_fail_may_not_be_said_to_pass():
    found = again(replace(choice_of(0.5), fails=(), reason="all is well"))
    assert found.fails == ("blank",)
    assert "nothing passes" in found.reason


def test_another_rule_or_effect_is_noticed():
    found = again(replace(HONEST, rule="0", minimum_effect=0.01))
    assert (found.rule, found.minimum_effect) == (HONEST.rule, HONEST.minimum_effect)


@pytest.mark.parametrize("rule", ["3", "4"])
def test_a_choice_by_a_former_rule_stands_as_it_was_saved_and_is_said(rule):
    """Its figures need not lead to the same set by today's rule."""
    saved = replace(choice_of(0.5), rule=rule, fails=("pull",), reason="as it was then")
    assert again(saved, *saved.removal) == saved
    assert again(saved, "black").removal == ("black",)
    assert of_former_rule(fields_of(saved)) == (
        f"the removals were chosen by rule {rule}, not by today's rule {RULE}"
    )
    assert of_former_rule(fields_of(HONEST)) == of_former_rule(None) == ""
