"""A mask of regions: what is certified is whole regions, every part that is reported is needed."""

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
import torch
from recording import (
    FAST,
    Toy,
    Watch,
    certificates,
    classifier_of,
    evidence,
    image_of,
    losing,
    noise,
    of,
    predicting,
    samples_asked,
    shared,
    the_case,
)

from med_cam.case.round_trip import labels_exported, labels_reread, reread, settled
from med_cam.certification.certificate import response_of
from med_cam.pipeline import region_candidates
from med_cam.pipeline.budget import (
    MEASURED,
    PARTS,
    affordable,
    claim_passes,
    from_here,
    test_passes as passes_of_tests,
)
from med_cam.pipeline.certify import certified, smallest_certified
from med_cam.pipeline.explain import explain
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.region_candidates import by_regions, of_regions
from med_cam.reduction.ground import ground_of
from med_cam.reduction.regions import regions_of, within
from med_cam.results.passes import Passes

REGIONS = replace(
    FAST,
    certification=replace(FAST.certification, units="regions", patch=4, margin=2.0, budget=1500),
)


@pytest.fixture(scope="module")
def done():
    with the_case(config=REGIONS) as case:
        found = smallest_mask(case)
        yield case, found, certified(case, found)


def test_the_mask_is_certified_and_made_of_whole_regions_that_were_split_from_larger_ones(done):
    case, found, certificate = done
    assert certificate.claim.holds
    with the_case(config=REGIONS) as again:
        reached = next(by_regions(again, found, found.ground))
    mask, ground = reread(case, certificate.mask), reached.ground
    assert torch.equal(reached.mask, mask)
    assert torch.equal(ground.mask(within(mask, ground.regions)), mask)
    for unit in within(mask, ground.regions):
        assert found.ground.regions[ground.regions == unit].unique().numel() == 1


def test_the_parts_divide_the_mask_and_each_is_needed(done):
    case, found, certificate = done
    reported = certificate.minimality
    labels = reported.regions
    assert torch.equal(labels > 0, certificate.mask)
    assert len(reported.patches) == int(labels.max()) >= 1
    assert reported.holds
    on = found.ground.trial
    decision = found.response.decision
    for number, patch in enumerate(reported.patches, start=1):
        assert labels[patch.row, patch.column] == number
        assert not (labels.flatten()[: patch.row * labels.shape[1] + patch.column] == number).any()
        place = on.names.index((patch.witness, patch.number))
        less = certificate.mask & (labels != number)
        x = torch.where(less, case.scene.x, on.infill[place : place + 1])
        p = case.claims.classifier(x)[0]
        assert p[1] < decision.threshold or p.argmax() != 1


def test_no_claim_is_made_before_the_certificate(done):
    _, found, certificate = done
    assert found.claims == ()
    assert certificate.tried == 1


def test_after_a_refused_certificate_a_larger_mask_is_tried_and_pays_for_it(done):
    _, _, first = done
    with the_case(config=REGIONS) as case:
        found = smallest_mask(case)
        again = certified(losing(case, [3, 0]), found)
    assert again.tried == 2
    assert again.claim.certificate.risk == pytest.approx(0.05 * 0.16)
    assert again.claim.holds
    assert not (first.mask & ~again.mask).any()
    assert again.area > first.area


def test_no_sample_that_a_mask_was_made_on_certifies_it_and_no_two_certificates_share_one():
    with the_case(config=REGIONS) as case:
        watch = Watch(case)
        found = smallest_mask(watch.case)
        searched = watch.take()
        done = certified(losing(watch.case, [3, 0]), found)
        calls = watch.take()
        x = case.scene.x
    assert done.tried == 2
    claims, _ = certificates(of(calls, "claims"), 2)
    made_on = [*searched, *of(calls, "batched")]
    drawn = [noise(part, x) for part in (made_on, *claims)]
    assert all(len(part) > 1000 for part in drawn)
    assert all(shared(*two) == 0 for two in combinations(drawn, 2))


def test_where_the_budget_ends_what_is_there_is_certified_and_that_is_said(done):
    _, _, full = done
    with the_case(config=REGIONS) as case:
        found = smallest_mask(case)
        spent = replace(case, cost=lambda: Passes(REGIONS.certification.budget, 0))
        short = certified(spent, found)
        refused = certified(losing(spent, [3, 0]), found)
    assert short.claim.holds
    assert short.cut_short
    assert not full.cut_short
    assert torch.equal(short.mask, found.mask)
    assert (refused.tried, refused.claim.holds, refused.cut_short) == (1, False, True)


def test_after_a_refused_certificate_the_next_mask_is_larger_by_a_tenth_at_least():
    with the_case(config=REGIONS) as case:
        found = smallest_mask(case)
        watch = Watch(losing(case, [2, 3, 5, 7, 9]))
        done = certified(watch.case, found)
        asked, _ = certificates(watch.take("claims"), done.draws)
        areas = [int(evidence(samples_asked(calls)[0], case.scene.x).sum()) for calls in asked]
    assert done.tried >= 3
    assert all(b >= 1.1 * a for a, b in pairwise(areas))


@pytest.mark.parametrize(
    ("names", "times"), [(("grey",), 1), (("gaussian",), 2), (("grey", "gaussian"), 2)]
)
def test_every_shift_is_looked_at_over_two_samples_where_what_hides_is_drawn(names, times):
    rules = replace(REGIONS.verification, baselines=names)
    with the_case(config=replace(REGIONS, verification=rules)) as case:
        trial = ground_of(case, regions_of(case, 4), response_of(case).decision).trial
    places = [i for i, (kind, _) in enumerate(trial.names) if kind == "shift"]
    for step in {trial.steps[i] for i in places}:
        same = [i for i in places if trial.steps[i] == step]
        assert len(same) == times
        assert len({trial.infill[i].numpy().tobytes() for i in same}) == times


def leaking_up_to(most):
    """A judge of outlines by the pixels that a mask has."""
    return lambda *_: lambda mask: int(mask.sum()) > most


def test_after_a_refusal_a_mask_whose_outline_gives_the_label_is_not_put_to_a_certificate(
    done, monkeypatch
):
    """Of the first one the claim itself asks that before it looks at any sample."""
    _, found, first = done
    leaking = 2 * int(first.mask.sum())
    monkeypatch.setattr(region_candidates, "judged_by_shape", leaking_up_to(leaking))
    with the_case(config=REGIONS) as case:
        tried = by_regions(case, found, found.ground)
        assert torch.equal(reread(case, first.mask), next(tried).mask)
        assert leaking < int(next(tried).mask.sum()) < case.open.numel()


def test_a_large_mask_is_made_smaller_only_as_far_as_its_outline_is_silent(done, monkeypatch):
    """Not pruned first and then put together again in steps that double."""
    _, found, first = done
    large = replace(REGIONS, refinement=replace(REGIONS.refinement, large=found.area / 2))
    wary = region_candidates.pruned_twice

    def free(case, start, ground, enough, _):
        return wary(case, start, ground, enough, None)

    reached = []
    for leaking in range(int(first.mask.sum()), int(found.mask.sum()), 2):
        monkeypatch.setattr(region_candidates, "judged_by_shape", leaking_up_to(leaking))
        areas = []
        for pruning in (free, wary):
            monkeypatch.setattr(region_candidates, "pruned_twice", pruning)
            with the_case(config=large) as case:
                areas.append(int(next(by_regions(case, found, found.ground)).mask.sum()))
        assert leaking < areas[1] <= areas[0]
        reached.append(areas)
    assert any(wary < free for free, wary in reached)


@pytest.mark.parametrize("middle", [False, True])
def test_where_the_budget_holds_no_further_look_a_mask_before_or_in_the_pruning_is_tried(
    done, middle
):
    """That before the pruning, or, where the budget holds another after it, one in between."""
    _, found, first = done
    with the_case(config=REGIONS) as case:
        losers, asked = losing(case, [3, 0]), []

        def predict_one(x):
            asked.append(len(x))
            return losers.claims.classifier(x)

        left = claim_passes(case, 2) + passes_of_tests(REGIONS) + MEASURED // 2
        left += claim_passes(case, 3) if middle else 0
        spent = Passes(REGIONS.certification.budget - left, 0)
        late = replace(
            predicting(case, predict_one), cost=lambda: spent if asked else Passes(0, 0)
        )
        again = certified(late, found)
    assert (again.tried, again.claim.holds, again.cut_short) == (2, True, True)
    assert not (again.mask & ~found.mask).any()
    if middle:
        assert first.area < again.area < found.area
    else:
        assert torch.equal(again.mask, found.mask)


def test_where_the_budget_ends_or_the_mask_is_large_what_is_needed_is_one_part(done):
    _, found, _ = done
    used = REGIONS.certification.budget - passes_of_tests(REGIONS) + PARTS
    with the_case(config=REGIONS) as case:
        watch = Watch(case)
        ground = next(by_regions(watch.case, found, found.ground)).ground
        ground.rooms(within(reread(case, found.mask), ground.regions))  # as the reduction has
        spent = replace(watch.case, cost=lambda: Passes(used, 0))
        refinement = replace(REGIONS.refinement, large=found.area / 2)
        large = replace(watch.case, config=replace(REGIONS, refinement=refinement))
        asked = []
        for of_budget in (spent, large, watch.case):
            watch.take()
            reported = of_regions(of_budget, found.mask, 0, found.area, ground)
            asked.append(len(of(watch.take(), "batched")))
            assert reported.holds
            assert len(reported.patches) == 1 or of_budget is watch.case
    assert asked[0] == asked[1] == 0 < asked[2]


@pytest.mark.parametrize("names", [("grey",), ("gaussian",), ("gaussian", "uniform", "grey")])
def test_masks_of_regions_are_certified_on_other_baselines_too(names):
    rules = replace(REGIONS.verification, baselines=names, unseen=(), consistency=0.05)
    toy = Toy()
    found = explain(classifier_of(toy), image_of(toy), config=replace(REGIONS, verification=rules))
    assert found.verified
    assert found.tests.minimality.holds


@pytest.mark.parametrize("budget", [0, 1500])
def test_a_budget_that_is_not_used_up_changes_nothing(budget, done):
    config = replace(REGIONS, certification=replace(REGIONS.certification, budget=budget))
    toy = Toy()
    found = explain(classifier_of(toy), image_of(toy), config=config)
    assert torch.equal(found.mask, done[2].mask)
    assert not found.cut_short


def test_a_further_claim_has_a_budget_of_its_own(done):
    with the_case(config=REGIONS) as case:
        spent = replace(case, cost=lambda: Passes(REGIONS.certification.budget + 7, 9))
        assert not affordable(spent, 1)
        assert affordable(from_here(spent), 1)
        assert torch.equal(smallest_certified(spent).mask, done[2].mask)


def test_every_open_pixel_is_in_a_region_and_no_other():
    with the_case() as case:
        regions = regions_of(case, 8)
        assert torch.equal(regions > 0, case.open)
        closed = case.open.clone()
        closed[..., :10, :] = False
        assert torch.equal(torch.where(closed, regions, 0) > 0, closed)


def test_labels_come_back_from_the_sources_pixels_as_they_were():
    with the_case() as case:
        labels = torch.arange(case.open.numel()).view_as(case.open)
        assert torch.equal(labels_reread(case, labels_exported(case, labels)), labels)
        assert torch.equal(settled(case, labels), labels)
