"""The ladder of claims on classifiers whose strongest rung is known, and on those that mislead."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ladders import (
    CONFIG,
    MASKED,
    READ,
    SIDE,
    SQUARE,
    Inside,
    classifier,
    ground,
    inside,
    one_square,
    picture,
    with_rules,
)
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.floor import weak_rules
from med_cam.config.rules import confidence as allowed_confidence
from med_cam.pipeline.explain import explain
from med_cam.pipeline.ladder import regions_for, restricted_confidence
from med_cam.pipeline.parts import PARTS, parts_of
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.rung import Now, clearly, smallest_share
from med_cam.verify.claim import judged

ORDER = ["sufficient", "restricted", "graded", "necessary", "ranked"]


def explained(name, config=CONFIG):
    return explain(classifier(name), picture(), target="lit", config=config)


@pytest.fixture(scope="module", params=READ)
def found(request):
    return request.param, explained(request.param)


def test_the_strongest_rung_that_holds_is_the_one_that_was_planted(found):
    name, explanation = found
    ladder = explanation.ladder
    assert ladder.name == name
    assert (ladder.rung is None) == (name == "nothing")
    assert ladder.sentence in explanation.status


def test_the_mask_stays_that_of_the_claim(found):
    _, explanation = found
    assert explanation.area == explanation.mask.float().mean().item()


@pytest.mark.parametrize("name", ["graded", "necessary", "nothing"])
def test_a_result_is_verified_by_its_own_claim_and_not_by_a_rung(name, monkeypatch):
    rules = replace(CONFIG.verification, consistency=0.05)  # below the floor nothing would be
    config = replace(CONFIG, verification=rules)
    assert not weak_rules(config)
    found = explained(name, config)
    assert found.verified == found.claim.holds
    if name == "nothing":
        return
    assert found.ladder.rung is not None
    assert found.claim.holds  # on most of the image, which is no use

    def failing(claim):
        told = judged(claim)
        *others, last = told.checks
        return replace(told, checks=(*others, replace(last, passed=False)))

    monkeypatch.setattr("med_cam.certification.certificate.judged", failing)
    failed = explained(name, config)
    assert failed.ladder.rung is not None
    assert not failed.verified


def test_the_rungs_are_tried_in_order_down_to_the_one_that_holds(found):
    name, explanation = found
    tried = explanation.ladder.tried
    assert [attempt.name for attempt in tried] == ORDER[: len(tried)]
    holding = [attempt.name for attempt in tried if attempt.outcome == "holds"]
    assert holding == ([] if name == "nothing" else [tried[-1].name])
    assert all(bool(a.why) == (a.outcome != "holds") for a in tried)


def test_all_rungs_together_take_no_more_than_the_risk(found):
    _, explanation = found
    tried = explanation.ladder.tried
    assert sum(attempt.risk for attempt in tried) <= 0.05 + 1e-12
    assert all((attempt.risk > 0) == (attempt.bounds > 0) for attempt in tried)
    if (rung := explanation.ladder.rung) is not None:
        assert rung.risk == tried[-1].risk


def test_a_rung_has_its_bound_and_is_below_half():
    rung = explained("necessary").ladder.rung
    assert rung.area < 0.2
    assert rung.mask[SQUARE].float().mean() > 0.5
    assert rung.bound >= rung.wanted == 0.8
    assert rung.control.hits == 0
    assert rung.strength == 1
    assert rung.searched == ("grey", "gaussian")


def test_without_the_necessary_region_the_answer_is_another_on_noise_never_seen():
    """On samples of a generator of our own, by the network itself."""
    rung, net = explained("necessary").ladder.rung, classifier("necessary").module
    x = (picture().pixels - 0.5) / 0.5
    noise = torch.randn(400, 1, *x.shape[1:], generator=torch.Generator().manual_seed(99))
    changed = net(torch.where(rung.mask, noise, x)).argmax(dim=1) == 0
    assert changed.float().mean() > rung.bound


def test_a_graded_mask_holds_at_its_strength_and_nothing_does_without_it():
    rung, net = explained("graded").ladder.rung, classifier("graded").module
    x = (picture().pixels - 0.5) / 0.5
    assert 0.3 <= rung.strength < 1
    noise = torch.randn(200, 1, *x.shape[1:], generator=torch.Generator().manual_seed(99))
    moved = (1 - rung.strength) * x + rung.strength * noise
    held = net(torch.where(rung.mask, x, moved)).argmax(dim=1) == 1
    alone = net(moved).argmax(dim=1) == 1
    assert held.float().mean() > rung.bound
    assert alone.float().mean() < 0.05


def test_where_nothing_is_painted_the_rest_of_the_image_is_blurred():
    """Judged here by a blur and an edge of our own, and the network itself."""
    found = explain(inside(), one_square(), target="lit", config=MASKED)
    rung, net = found.ladder.rung, inside().module
    assert (rung.name, rung.strength, rung.searched) == ("graded", 1.0, ("feathered_blur",))
    assert (rung.fixed, rung.fixed_hits, rung.samples) == (1, 1, 0)
    assert rung.area < 0.5 <= found.area
    assert rung.control.hits == 0
    assert rung.mask[SQUARE].float().mean() > 0.9
    x = (one_square().pixels - 0.5) / 0.5
    rest = F.interpolate(x[None], (3, 3), mode="area")
    rest = F.interpolate(rest, x.shape[1:], mode="bilinear")[0]
    held = net(torch.where(rung.mask, x, rest)[None]).argmax(dim=1)
    alone = net(rest[None]).argmax(dim=1)
    assert (held.item(), alone.item()) == (1, 0)


def test_where_masks_are_made_of_regions_so_are_those_of_the_ladder():
    """Whole ones, and no more of the image than a mask may hold."""
    config = with_rules(MASKED, units="regions")
    rung = explain(inside(), one_square(), target="lit", config=config).ladder.rung
    with hooks_attached(inside()) as forward:
        case = observed(forward, inside(), one_square(), config, target="lit")
    regions = regions_for(case)[0, 0]
    shown = {int(label) for label in regions[rung.mask].unique()}
    assert rung.name == "graded"
    assert 0 < rung.area <= 0.5
    assert torch.equal(rung.mask, torch.isin(regions, torch.tensor(sorted(shown))))


def test_a_necessary_region_is_made_of_whole_regions_of_the_image():
    config = with_rules(CONFIG, units="regions")
    net, image = classifier("necessary"), picture()
    rung = explain(net, image, target="lit", config=config).ladder.rung
    with hooks_attached(net) as forward:
        case = observed(forward, net, image, config, target="lit")
    regions = regions_for(case)[0, 0]
    assert rung.name == "necessary"
    assert torch.equal(rung.mask, torch.isin(regions, regions[rung.mask].unique()))
    assert rung.mask[SQUARE].any()
    assert rung.area < 0.2


@pytest.mark.parametrize("wide", [3, 7])
def test_the_parts_that_a_necessary_region_is_pruned_by_divide_it_in_few_whole_regions(wide):
    """Slanted stripes, cut across: no square is made of these."""
    rows, columns = torch.arange(SIDE)[:, None], torch.arange(SIDE)[None]
    across = -(-2 * SIDE // wide)
    stripes = ((rows + columns) // wide + across * (rows // 5) + 1)[None, None]
    region = torch.isin(stripes, torch.arange(1, 300, 2))
    net, image = classifier("necessary"), picture()
    with hooks_attached(net) as forward:
        case = observed(forward, net, image, CONFIG, target="lit")
        now = Now(case, smallest_mask(case), 0.05, 1000, (), stripes)
    parts = parts_of(now, region)
    assert 1 < len(parts) <= PARTS
    assert torch.equal(sum(part.int() for part in parts), region.int())
    for part in parts:
        assert torch.equal(part, torch.isin(stripes, stripes[part].unique()))


def test_where_nothing_is_reduced_there_are_no_regions():
    """Of a side of 0 pixels no number is few enough: it went on for ever."""
    config = with_rules(MASKED, units="regions", patch=0)
    assert explain(inside(), one_square(), target="lit", config=config).ladder.name == "graded"


def test_a_blur_that_gives_the_label_by_itself_makes_no_claim():
    """The threshold of the declared removal would let it pass: nothing shown is dark there."""

    class Calm(Inside):
        def forward(self, x):
            z = super().forward(x)[:, 1]
            some = 4 * F.avg_pool2d(ground(x, 0.3), SIDE).flatten(1)[:, 0] - 1
            return torch.stack([torch.zeros_like(z), torch.maximum(z, some)], dim=1)

    found = explain(replace(inside(), module=Calm()), one_square(), target="lit", config=MASKED)
    said = {one.name: one for one in found.ladder.tried}
    assert said["graded"].outcome == "refused"  # grey and noise are no ground at any strength
    assert found.ladder.rung is None or found.ladder.rung.searched != ("feathered_blur",)


def test_where_a_small_mask_is_sufficient_there_is_no_ladder_and_no_pass_for_it():
    rules = with_rules(CONFIG, units="squares")  # of two samples a margin tells nothing
    generous = replace(rules, refinement=replace(CONFIG.refinement, large=1.0))
    found = explained("graded", generous)
    assert found.claim.holds
    assert found.ladder is None
    assert "ladder" not in [stage.name for stage in found.timeline]


def test_it_can_be_turned_off():
    found = explained("necessary", with_rules(CONFIG, ladder_passes=0))
    assert found.ladder is None
    assert "necessary" not in found.status


@pytest.mark.parametrize("most", [50, 120, 200, 300])
def test_all_rungs_together_take_no_more_passes_than_are_allowed(most):
    for name in ("necessary", "ranked"):
        found = explained(name, with_rules(CONFIG, ladder_passes=most))
        assert found.ladder.passes <= most
        spent = next(stage for stage in found.timeline if stage.name == "ladder")
        assert spent.forward == found.ladder.passes
        assert spent.backward == 0


@pytest.mark.parametrize("most", range(230, 330, 7))
def test_pictures_that_a_rung_is_laid_into_are_among_its_passes(most):
    rules = replace(CONFIG.verification, consistency=0.01)
    found = explained(
        "ranked", with_rules(replace(CONFIG, verification=rules), ladder_passes=most)
    )
    assert found.ladder.passes <= most


def test_what_was_not_tried_for_want_of_passes_is_said():
    found = explained("ranked", with_rules(CONFIG, ladder_passes=220))
    assert found.ladder.name == "nothing"
    assert found.ladder.tried[-1].outcome == "no_passes"
    assert "not tried, for want of passes: necessary, ranked" in found.status


def test_a_target_that_is_not_predicted_has_no_ladder():
    found = explain(classifier("necessary"), picture(), target="dark", config=CONFIG)
    assert found.ladder is None


@pytest.mark.parametrize("certificates", [0, 1, 2, 5])
def test_a_restricted_claim_has_half_of_what_is_left_of_the_risk(certificates):
    with hooks_attached(classifier("graded")) as forward:
        case = observed(forward, classifier("graded"), picture(), CONFIG, target="lit")
        left = 0.05 * 0.2**certificates
        confidence = restricted_confidence(case, certificates)
        assert confidence == pytest.approx(1 - left / 2)
        assert allowed_confidence.fits(confidence)


def test_the_smallest_share_is_found_by_its_logarithm():
    asked = []

    def passes(share):
        asked.append(share)
        return share >= 0.123

    share = smallest_share(passes, 0.01, 0.5)
    assert 0.123 <= share <= 0.123 * 50 ** (1 / 32)
    assert len(asked) == 6
    assert smallest_share(lambda _: False, 0.01, 0.5) is None


@pytest.mark.parametrize(
    ("margins", "clear"),
    [([0.3] * 12, True), ([0.5, -0.01] + [0.5] * 10, False), ([0.01, 0.5] * 6, False)],
)
def test_what_just_holds_on_a_dozen_samples_is_not_clear(margins, clear):
    assert clearly(torch.tensor(margins)) == clear
