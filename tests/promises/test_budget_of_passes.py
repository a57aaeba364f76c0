"""One budget for an image: the full claim, weaker ones, tests and contrast together."""

from dataclasses import replace

import pytest
import torch

import ladders
from drowned import CONFIG as NOISY, SIDE, Fragile, classifier, picture
from ladders import READ, with_rules
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.images.image import Image
from med_cam.pipeline import restricted_claim
from med_cam.pipeline.budget import left_over
from med_cam.pipeline.explain import explain
from med_cam.pipeline.robustness import robustness


def noisy(budget):
    return explain(classifier(Fragile()), picture(), config=with_rules(NOISY, budget=budget))


def passes(found):
    return sum(stage.forward + stage.backward for stage in found.timeline)


def outcomes(found):
    return {attempt.name: attempt.outcome for attempt in found.ladder.tried}


@pytest.mark.parametrize("budget", [700, 900, 1200, 1500])
@pytest.mark.parametrize("name", READ)
def test_all_claims_and_tests_of_an_image_together_take_no_more_than_its_budget(name, budget):
    config = with_rules(ladders.CONFIG, units="regions", budget=budget)
    found = explain(ladders.classifier(name), ladders.picture(), target="lit", config=config)
    assert found.ladder is not None
    assert passes(found) <= budget


@pytest.mark.parametrize("budget", [900, 1100, 1300, 1500])
def test_a_restricted_claim_is_part_of_the_budget_too(budget):
    found = noisy(budget)
    assert passes(found) <= budget
    assert found.restricted is not None
    assert found.restricted.area < 0.5


def test_where_no_second_search_is_affordable_masks_are_cut_from_the_first_ones_scores():
    searched, cut, none = noisy(1500), noisy(750), noisy(480)
    assert searched.restricted is not None
    assert cut.restricted is not None
    backward = [sum(stage.backward for stage in found.timeline) for found in (searched, cut)]
    assert backward[0] == 2 * backward[1] > 0
    assert cut.restricted.claim.holds
    assert none.restricted is None
    assert outcomes(none)["restricted"] == "no_passes"
    assert "restricted" in none.status.split("want of passes")[1]


def test_no_budget_is_no_limit():
    free, held = noisy(0), noisy(100_000)
    assert torch.equal(free.mask, held.mask)
    assert torch.equal(free.restricted.mask, held.restricted.mask)
    assert passes(free) == passes(held)


def test_the_explanation_the_other_way_round_is_part_of_the_budget_too():
    labels = ("dark", "normal", "noisy")
    rules = replace(NOISY.verification, baselines=("grey",), consistency=0.0)
    config = replace(NOISY, verification=rules)
    model = classifier(Fragile(), labels)
    free = explain(model, picture(), config=with_rules(config, budget=0))
    assert free.contrast is not None
    budget = passes(free) - 20
    short = explain(model, picture(), config=with_rules(config, budget=budget))
    assert short.contrast is not None
    assert passes(short) <= budget


def test_where_no_mask_of_regions_has_the_margin_none_of_squares_is_looked_for():
    found = noisy(1500)
    assert found.area == 1
    assert found.claim.holds
    assert found.tests.minimality is None
    assert next(s.forward for s in found.timeline if s.name == "reduction") == 0


def test_to_what_a_classifier_is_robust_is_looked_into_once(monkeypatch):
    looks = []

    def counted(case, scores):
        looks.append(1)
        return robustness(case, scores)

    monkeypatch.setattr(restricted_claim, "robustness", counted)
    assert noisy(1500).restricted is not None
    assert len(looks) == 1


@pytest.mark.parametrize("budget", [700, 1000, 1500])
def test_so_it_is_where_a_baseline_gives_the_label_by_itself(budget):
    model = classifier(Fragile())
    pixels = torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    found = explain(model, Image(pixels), config=with_rules(NOISY, budget=budget))
    assert found.claim.given_by == ("gaussian",)
    assert found.contrast is not None
    assert passes(found) <= budget


@pytest.mark.parametrize(
    ("labels", "given_by", "kept"),
    [
        (("dark", "lit", "noisy"), (), 0),
        (("dark", "normal", "noisy"), (), 175),
        (("dark", "lit", "noisy"), ("grey",), 225),
    ],
)
def test_what_is_left_over_keeps_back_the_explanation_the_other_way_round(labels, given_by, kept):
    model = classifier(Fragile(), labels)
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(), NOISY)
        left = left_over(case, given_by)
    # deletion and re-insertion, the fixed baseline, four fills over one fixed and two random ones,
    # random regions
    assert left == 1500 - 1 - (4 + 8 + 1 + 4 * 3 + 19) - kept
