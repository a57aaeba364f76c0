"""What one stage hands to the next: masks that grow, are disjoint, smaller, or not looked for."""

from dataclasses import replace

import pytest
import torch
from recording import (
    FAST,
    FIRST,
    IN_PICTURES,
    SECOND,
    SIDE,
    THIRD,
    WIDER,
    Toy,
    Watch,
    bright,
    chunks,
    classifier_of,
    evidence,
    found_on,
    image_of,
    noise,
    of,
    patches_mask,
    predicting,
    risk_for,
    samples_needed,
    scores_around,
    shared,
    the_case,
)

from med_cam.case.round_trip import exported
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.settings import settings
from med_cam.errors import ConfigError
from med_cam.pipeline.alternatives import alternatives
from med_cam.pipeline.certify import certified
from med_cam.pipeline.explain import as_certified, explain, worth_certifying
from med_cam.pipeline.necessary_superset import larger, superset
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.restricted_claim import restricted_claim
from med_cam.verify.status import no_decision


def certifying(config=FAST, **rules):
    return replace(config, certification=replace(config.certification, **rules))


def claiming(config=FAST, **rules):
    return replace(config, verification=replace(config.verification, **rules))


# Nothing to retain


def test_where_the_classifier_predicts_another_label_nothing_is_searched():
    with the_case(target="dark") as case:
        watch = Watch(case)
        found = smallest_mask(watch.case)
        assert not of(watch.take(), "outputs")
        assert found.mask.all()
        assert not worth_certifying(case, found)
        said = no_decision(case.target, case.before)
        assert said.endswith("predicts lit (1.00) for the whole image, not dark (0.00)")


def test_a_target_that_is_not_predicted_is_not_searched_however_far_it_lies_above_the_baselines():
    with the_case() as case:
        undecided = replace(case, before=case.before.new_tensor([[0.6, 0.4]]))
        watch = Watch(undecided)
        found = smallest_mask(watch.case)
        assert not of(watch.take(), "outputs")
        assert found.mask.all()
        assert not found.claim.baseline_suffices
        assert worth_certifying(case, found)
        assert not worth_certifying(undecided, found)


@pytest.mark.parametrize("enough", [True, False])
def test_where_the_baseline_response_is_too_near_to_the_whole_image_nothing_is_searched(enough):
    with the_case() as case:
        p_baseline = found_on(case, patches_mask((0, 0))).response.decision.p_baseline
        gap = case.target.p_image - p_baseline  # of another few samples of noise: the same to 1e-3
        config = claiming(minimum_effect=gap - 1e-2 if enough else min(1.0, gap + 5e-4))
        watch = Watch(replace(case, config=config))
        found = smallest_mask(watch.case)
        assert bool(of(watch.take(), "outputs")) == enough
        assert found.mask.all() != enough
        assert found.claim.baseline_suffices != enough
        assert worth_certifying(case, found) == enough
        assert found.claim.holds == enough


def test_a_mask_is_verified_by_its_last_claim_alone():
    with the_case() as case:
        found = found_on(case, patches_mask((0, 0)))
        watch = Watch(case)
        done = certified(watch.case, found)
        broken = replace(done.claim.checks[0], passed=False)
        refused = replace(done, claim=replace(done.claim, checks=(broken, *done.claim.checks[1:])))
        assert found.claim.holds
        assert as_certified(found, done).claim == done.claim
        assert as_certified(found, done).claim.holds
        assert not as_certified(found, refused).claim.holds
        assert torch.equal(as_certified(found, done).mask, done.mask)


class Shaky(Toy):
    """Loses one sample of noise in sixteen: too many for a certificate, few enough for a claim."""

    def __init__(self):
        super().__init__()
        self.limit = 1.53  # of a standard normal deviate


def test_an_explanation_whose_certificate_is_refused_is_not_verified():
    toy, rules = Shaky(), claiming(IN_PICTURES, certified=0.95, samples=2)
    explained = [
        explain(classifier_of(toy), image_of(toy), config=replace(rules, seed=seed))
        for seed in range(3)
    ]
    refused = [found for found in explained if not found.claim.certificate.holds]
    assert refused
    assert not any(found.verified for found in refused)
    assert {found.claim.certificate.confidence for found in explained} == {0.95}


@pytest.mark.parametrize("seed", [0, 1])
def test_an_explanation_that_is_verified_is_certified_on_the_mask_that_is_exported(seed):
    toy = Toy()
    config = replace(IN_PICTURES, seed=seed)
    found = explain(classifier_of(toy), image_of(toy), config=config)
    assert found.verified
    assert found.claim.certificate.holds
    x = classifier_of(toy).prepare(image_of(toy))
    shown = [(row == x).view(SIDE, SIDE) for batch in toy.seen for row in batch]
    assert sum(torch.equal(mask, found.mask) for mask in shown) >= found.claim.certificate.samples


# Other masks


def first_mask(case):
    found = smallest_mask(case)
    return as_certified(found, certified(case, found))


def test_alternatives_are_disjoint_and_each_holds_a_square_of_its_own():
    with the_case(Toy((FIRST, SECOND, THIRD)), certifying(alternatives=2)) as case:
        found = first_mask(case)
        others, remainder_sufficient = alternatives(case, found)
        masks = [found.mask, *(other.mask for other in others)]
        held = [
            {s for s in (FIRST, SECOND, THIRD) if bright(case.scene.x * mask, s) > 0.6}
            for mask in masks
        ]
    assert int(torch.stack(masks).sum(dim=0).max()) == 1
    assert [len(squares) for squares in held] == [1, 1, 1]
    assert set.union(*held) == {FIRST, SECOND, THIRD}
    assert remainder_sufficient is False
    assert all(other.claim.holds and other.claim.certificate.tried >= 1 for other in others)


def test_the_remainder_is_sufficient_unless_it_loses_the_prediction():
    for squares, asked, there, sufficient in (
        ((FIRST,), 1, 0, False),
        ((FIRST, SECOND), 2, 1, False),
        ((FIRST, SECOND), 1, 1, False),
        ((FIRST, SECOND, THIRD), 1, 1, True),
    ):
        with the_case(Toy(squares), certifying(alternatives=asked)) as case:
            others, remainder_sufficient = alternatives(case, first_mask(case))
        assert (len(others), remainder_sufficient) == (there, sufficient), squares


def test_supersets_to_try_hold_the_first_mask_and_grow_by_the_factor():
    config = certifying(rounds=3)
    with the_case(Toy((FIRST, SECOND)), config) as case:
        inner = patches_mask((0, 0))
        found = replace(found_on(case, inner), scores=scores_around(SECOND))
        masks = list(larger(case, found, inner))
    shares = [int((mask & ~inner).sum()) / SIDE**2 for mask in masks]
    assert len(masks) == 3
    assert all(bool((inner & mask == inner).all()) for mask in masks)
    assert shares[0] < shares[1] < shares[2] < 1
    around = [int((scores_around(SECOND) >= s).sum()) for s in smallest_scores(masks, inner)]
    assert around[1] / around[0] == pytest.approx(config.refinement.growth, rel=0.03)
    assert around[2] / around[1] == pytest.approx(config.refinement.growth, rel=0.03)
    for mask in masks:  # without it the prediction is lost: both squares have to be in it
        assert bright(case.scene.x * mask, SECOND) > 0.4


def smallest_scores(masks, inner):
    return [scores_around(SECOND)[mask & ~inner].min().item() for mask in masks]


def test_the_necessary_superset_is_sufficient_too_and_pays_for_those_before_it():
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, patches_mask((0, 0))), scores=scores_around(SECOND))
        watch = Watch(case)
        more = superset(watch.case, found, 2, 2)
        tries = chunks(of(watch.take(), "claims"), WIDER + 1)
        x = case.scene.x
    certificate = more.claim.certificate
    assert bool((more.mask & found.mask == found.mask).all())
    assert more.area > found.area
    assert more.claim.holds
    assert more.necessity.changed == more.necessity.samples
    assert certificate.tried == 2 + len(tries)
    assert certificate.risk == pytest.approx(risk_for(certificate.tried))
    assert certificate.samples == samples_needed(certificate.tried, FAST.verification.certified)
    assert torch.equal(evidence(tries[-1][0], x)[0, 0], more.mask)
    for i, mine in enumerate(tries):
        others = [noise(calls[:WIDER], x) for calls in tries[:i]]
        assert all(shared(noise(mine[:WIDER], x), other) == 0 for other in others)


def spoiling(case, part, prediction):
    """The first superset gets another prediction in one part of its trial."""
    asked = [0]

    def predict_one(x):
        p = case.claims.classifier(x)
        if asked[0] == part:
            p[:] = p.new_tensor(prediction)
        asked[0] += 1
        return p

    return predicting(case, predict_one)


@pytest.mark.parametrize(
    ("part", "prediction"), [(0, [1.0, 0.0]), (WIDER, [0.0, 1.0])], ids=["sufficient", "necessary"]
)
def test_a_mask_that_is_only_one_of_both_is_refused_and_paid_for_by_a_larger_one(part, prediction):
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, patches_mask((0, 0))), scores=scores_around(SECOND))
        once = superset(case, found, 2, 2)
        watch = Watch(spoiling(case, part, prediction))
        more = superset(watch.case, found, 2, 2)
        tries = chunks(of(watch.take(), "claims"), WIDER + 1)
        prints = [noise(calls[:WIDER], case.scene.x) for calls in tries]
    assert once.claim.certificate.tried == 3
    assert len(tries) == 2
    assert more.area > once.area
    assert more.claim.holds
    assert more.necessity.holds
    assert more.claim.certificate.tried == 4
    assert more.claim.certificate.risk == pytest.approx(risk_for(4))
    assert shared(*prints) == 0


def test_without_the_necessary_superset_what_is_shown_is_all_the_rest():
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, patches_mask((0, 0))), scores=scores_around(SECOND))
        watch = Watch(case)
        more = superset(watch.case, found, 1, 1)
        *_, last = of(watch.take(), "claims")
        rest = (last.x[1:] == case.scene.x).all(dim=0)[0]  # over noise; grey comes first
    assert torch.equal(rest, ~more.mask)


# What holds without a baseline that the classifier is not robust to


CANNOT = claiming(baselines=("gaussian", "black"), unseen=())


@pytest.fixture
def frail():
    toy = Toy()
    toy.bears_black = False
    with the_case(toy, CANNOT) as case:
        yield case


def test_the_restricted_claim_is_smaller_and_on_what_the_classifier_is_robust_to(frail):
    found = smallest_mask(frail)
    watch = Watch(frail)
    broken, restricted = restricted_claim(watch.case, found)[:2]
    shown = of(watch.take(), "claims")
    assert [result.name for result in broken] == ["black"]
    assert restricted.area < found.area
    assert restricted.claim.searched == ("gaussian",)
    assert restricted.dropped == ("black",)
    assert restricted.claim.holds
    assert restricted.claim.certificate.fixed == 0
    assert {b.name for b in restricted.claim.baselines if b.searched} == {"gaussian"}
    masks = [(row == frail.scene.x)[0, 0] for call in shown for row in call.x]
    same = sum(torch.equal(each, restricted.mask) for each in masks)
    assert same >= restricted.claim.certificate.samples


@pytest.mark.parametrize("times", [0.5, 1.0])
def test_a_restricted_claim_that_is_not_smaller_than_the_mask_is_none(frail, times):
    whole = smallest_mask(frail)
    _, restricted = restricted_claim(frail, whole)[:2]
    failed = replace(whole.claim, checks=(replace(whole.claim.checks[0], passed=False),))
    small = replace(whole, area=restricted.area * times, claims=(failed,))
    broken, none = restricted_claim(frail, small)[:2]
    assert [result.name for result in broken] == ["black"]
    assert none is None


def test_the_full_claim_is_not_verified_by_the_restricted_one():
    toy = Toy()
    toy.bears_black = False
    rules = claiming(CANNOT, consistency=0.05)  # below the floor nothing is verified
    config = replace(rules, refinement=replace(rules.refinement, cut="smallest"))
    found = explain(classifier_of(toy), image_of(toy), config=config)
    assert set(found.claim.searched) == {"gaussian", "black"}
    assert found.restricted is not None
    assert found.restricted.claim.searched == ("gaussian",)
    assert found.restricted.area < found.area
    assert found.verified == (found.claim.holds and found.claim.certificate.holds)


# The command line


def test_a_patch_that_is_asked_for_stays_however_many_there_are():
    usual, asked = settings(ExplainOptions()), settings(ExplainOptions(patch=4))
    assert usual.certification.most_patches > 0
    assert (asked.certification.patch, asked.certification.most_patches) == (4, 0)
    capped = certifying(patch=4, most_patches=2)
    lifted = replace(
        FAST,
        certification=replace(
            FAST.certification, patch=4, most_patches=asked.certification.most_patches
        ),
    )
    with the_case() as case:
        found = found_on(case, patches_mask((0, 0), (0, 1)))
        cases = [replace(case, config=config) for config in (capped, lifted)]
        sides = [certified(case, found).minimality.patch for case in cases]
        assert torch.equal(exported(case, found.mask[None, None]), found.mask)
    assert sides == [8, 4]


def test_regions_are_made_where_they_are_asked_for_and_squares_where_a_patch_is():
    regions = settings(ExplainOptions(region_size=10, budget=900)).certification
    assert (regions.units, regions.patch, regions.budget) == ("regions", 10, 900)
    assert settings(ExplainOptions(patch=8)).certification.units == "squares"
    with pytest.raises(ConfigError, match="give one of them"):
        settings(ExplainOptions(patch=8, region_size=10))


def test_what_is_asked_for_besides_is_tested():
    rules = settings(ExplainOptions(alternatives=2, necessary_superset=True, seeds=3, seed=7))
    assert rules.seed == 7
    assert rules.certification.alternatives == 2
    assert rules.certification.necessary_superset is True
    assert rules.certification.seeds == 3
    assert settings(ExplainOptions()).certification.most_patches == 40
