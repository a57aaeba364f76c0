"""What one stage hands to the next: masks that grow, are disjoint, smaller, or not looked for."""

from dataclasses import replace

import pytest
import torch
from med_cam.cli.request import Request
from recording import (
    EACH,
    FAST,
    FIRST,
    SECOND,
    SIDE,
    THIRD,
    Toy,
    Watch,
    bright,
    cells_mask,
    chunks,
    classifier_of,
    draws_needed,
    evidence,
    found_on,
    image_of,
    noise,
    of,
    risk_for,
    scores_around,
    shared,
    the_case,
)

from med_cam.case.round_trip import exported
from med_cam.cli.settings import settings
from med_cam.pipeline.alternatives import alternatives
from med_cam.pipeline.certify import certified
from med_cam.pipeline.explain import as_certified, explain, worth_proving
from med_cam.pipeline.necessary_superset import enlarged, larger
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.restricted_claim import restricted_claim


def proving(config=FAST, **rules):
    return replace(config, certification=replace(config.certification, **rules))


def claiming(config=FAST, **rules):
    return replace(config, verification=replace(config.verification, **rules))


# Nothing to keep


def test_where_the_classifier_gives_another_answer_nothing_is_searched():
    with the_case(target="dark") as case:
        watch = Watch(case)
        found = smallest_mask(watch.case, FAST)
        assert not of(watch.take(), "forward")
        assert found.mask.all()
        assert not worth_proving(case, found)


def test_a_target_that_is_not_the_answer_is_not_searched_however_far_it_lies_above_emptiness():
    with the_case() as case:
        undecided = replace(case, before=case.before.new_tensor([[0.6, 0.4]]))
        watch = Watch(undecided)
        found = smallest_mask(watch.case, FAST)
        assert not of(watch.take(), "forward")
        assert found.mask.all()
        assert not found.claim.baseline_suffices
        assert worth_proving(case, found)
        assert not worth_proving(undecided, found)


@pytest.mark.parametrize("enough", [True, False])
def test_where_emptiness_is_too_near_to_the_whole_image_nothing_is_searched(enough):
    with the_case() as case:
        alone = found_on(case, cells_mask((0, 0)), FAST).response.decision.response
        gap = case.target.p_image - alone  # of another few draws of noise: the same to 1e-3
        watch = Watch(case)
        config = claiming(minimum_effect=gap - 1e-2 if enough else min(1.0, gap + 5e-4))
        found = smallest_mask(watch.case, config)
        assert bool(of(watch.take(), "forward")) == enough
        assert found.mask.all() != enough
        assert found.claim.baseline_suffices != enough
        assert worth_proving(case, found) == enough
        assert found.claim.holds == enough


def test_a_mask_is_verified_by_its_last_claim_alone():
    with the_case() as case:
        found = found_on(case, cells_mask((0, 0)), FAST)
        watch = Watch(case)
        done = certified(watch.case, found, FAST)
        broken = replace(done.claim.checks[0], passed=False)
        refused = replace(done, claim=replace(done.claim, checks=(broken, *done.claim.checks[1:])))
        assert found.claim.holds
        assert as_certified(found, done).claim == done.claim
        assert as_certified(found, done).claim.holds
        assert not as_certified(found, refused).claim.holds
        assert torch.equal(as_certified(found, done).mask, done.mask)


class Shaky(Toy):
    """Loses one draw of noise in sixteen: too many for a certificate, few enough for a claim."""

    def __init__(self):
        super().__init__()
        self.limit = 1.53  # of a standard normal deviate


def test_an_explanation_whose_certificate_is_refused_is_not_verified():
    toy, rules = Shaky(), claiming(certified=0.95, samples=2)
    told = [
        explain(classifier_of(toy), image_of(toy), config=replace(rules, seed=seed))
        for seed in range(3)
    ]
    refused = [found for found in told if not found.claim.certificate.holds]
    assert refused
    assert not any(found.verified for found in refused)
    assert {found.claim.certificate.confidence for found in told} == {0.95}


@pytest.mark.parametrize("seed", [0, 1])
def test_an_explanation_that_is_verified_is_certified_on_the_mask_that_is_exported(seed):
    toy = Toy()
    config = replace(FAST, seed=seed)
    found = explain(classifier_of(toy), image_of(toy), config=config)
    assert found.verified
    assert found.claim.certificate.holds
    x = classifier_of(toy).prepare(image_of(toy))
    shown = [(a == x).view(SIDE, SIDE) for a in toy.seen if len(a) == 1]
    assert sum(torch.equal(mask, found.mask) for mask in shown) >= found.claim.certificate.samples


# Other masks


def first_mask(case, config):
    found = smallest_mask(case, config)
    return as_certified(found, certified(case, found, config))


def test_alternatives_are_disjoint_and_each_holds_a_square_of_its_own():
    config = proving(alternatives=2)
    with the_case(Toy((FIRST, SECOND, THIRD))) as case:
        found = first_mask(case, config)
        others, remainder_sufficient = alternatives(case, found, config)
        masks = [found.mask, *(other.mask for other in others)]
        held = [
            {s for s in (FIRST, SECOND, THIRD) if bright(case.scene.x * mask, s) > 0.6}
            for mask in masks
        ]
    assert int(torch.stack(masks).sum(dim=0).max()) == 1
    assert [len(squares) for squares in held] == [1, 1, 1]
    assert set.union(*held) == {FIRST, SECOND, THIRD}
    assert remainder_sufficient is True
    assert all(other.claim.holds and other.claim.certificate.tried >= 1 for other in others)


def test_there_are_no_others_only_where_what_is_left_loses_the_decision():
    for squares, asked, there, told in (
        ((FIRST,), 1, 0, True),
        ((FIRST, SECOND), 2, 1, True),
        ((FIRST, SECOND), 1, 1, True),
        ((FIRST, SECOND, THIRD), 1, 1, None),
    ):
        config = proving(alternatives=asked)
        with the_case(Toy(squares)) as case:
            others, remainder_sufficient = alternatives(case, first_mask(case, config), config)
        assert (len(others), remainder_sufficient) == (there, told), squares


def test_masks_to_enlarge_to_hold_the_first_and_grow_by_the_factor():
    config = proving(rounds=3)
    with the_case(Toy((FIRST, SECOND))) as case:
        inner = cells_mask((0, 0))
        found = replace(found_on(case, inner, config), scores=scores_around(SECOND))
        masks = list(larger(case, found, inner, config))
    shares = [int((mask & ~inner).sum()) / SIDE**2 for mask in masks]
    assert len(masks) == 3
    assert all(bool((inner & mask == inner).all()) for mask in masks)
    assert shares[0] < shares[1] < shares[2] < 1
    around = [int((scores_around(SECOND) >= s).sum()) for s in smallest_scores(masks, inner)]
    assert around[1] / around[0] == pytest.approx(config.refinement.growth, rel=0.03)
    assert around[2] / around[1] == pytest.approx(config.refinement.growth, rel=0.03)
    for mask in masks:  # without it the answer is lost: both squares have to be in it
        assert bright(case.scene.x * mask, SECOND) > 0.4


def smallest_scores(masks, inner):
    return [scores_around(SECOND)[mask & ~inner].min().item() for mask in masks]


def test_the_enlarged_mask_is_sufficient_and_necessary_and_pays_for_those_before_it():
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, cells_mask((0, 0)), FAST), scores=scores_around(SECOND))
        watch = Watch(case)
        more = enlarged(watch.case, found, FAST, 2)
        tries = chunks(of(watch.take(), "singly"), EACH + 1)
        x = case.scene.x
    certificate = more.claim.certificate
    assert bool((more.mask & found.mask == found.mask).all())
    assert more.area > found.area
    assert more.claim.holds
    assert more.necessity.changed == more.necessity.samples
    assert certificate.tried == 2 + len(tries)
    assert certificate.risk == pytest.approx(risk_for(certificate.tried))
    assert certificate.samples == draws_needed(certificate.tried, FAST.verification.certified)
    assert torch.equal(evidence(tries[-1][0], x)[0, 0], more.mask)
    for i, mine in enumerate(tries):
        others = [noise(calls[:EACH], x) for calls in tries[:i]]
        assert all(shared(noise(mine[:EACH], x), other) == 0 for other in others)


def spoiling(case, part, predict):
    """The first mask to enlarge to gets another answer in one part of its trial."""
    asked = [0]

    def predict_one(x):
        p = case.predict_one(x)
        if asked[0] == part:
            p[:] = p.new_tensor(predict)
        asked[0] += 1
        return p

    return replace(case, predict_one=predict_one)


@pytest.mark.parametrize(
    ("part", "answer"), [(0, [1.0, 0.0]), (EACH, [0.0, 1.0])], ids=["sufficient", "necessary"]
)
def test_a_mask_that_is_only_one_of_both_is_refused_and_paid_for_by_a_larger_one(part, predict):
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, cells_mask((0, 0)), FAST), scores=scores_around(SECOND))
        once = enlarged(case, found, FAST, 2)
        watch = Watch(spoiling(case, part, predict))
        more = enlarged(watch.case, found, FAST, 2)
        tries = chunks(of(watch.take(), "singly"), EACH + 1)
        prints = [noise(calls[:EACH], case.scene.x) for calls in tries]
    assert once.claim.certificate.tried == 3
    assert len(tries) == 2
    assert more.area > once.area
    assert more.claim.holds
    assert more.necessity.holds
    assert more.claim.certificate.tried == 4
    assert more.claim.certificate.risk == pytest.approx(risk_for(4))
    assert shared(*prints) == 0


def test_without_the_enlarged_mask_what_is_shown_is_all_the_rest():
    with the_case(Toy((FIRST, SECOND))) as case:
        found = replace(found_on(case, cells_mask((0, 0)), FAST), scores=scores_around(SECOND))
        watch = Watch(case)
        more = enlarged(watch.case, found, FAST, 1)
        *_, last = of(watch.take(), "singly")
        rest = (last.x[1:] == case.scene.x).all(dim=0)[0]  # over noise; grey comes first
    assert torch.equal(rest, ~more.mask)


# What holds without a background that the classifier cannot stand


CANNOT = claiming(baselines=("gaussian", "black"), unseen=())


@pytest.fixture
def frail():
    toy = Toy()
    toy.bears_black = False
    with the_case(toy) as case:
        yield case


def test_the_fallback_is_smaller_and_claimed_on_what_the_classifier_can_stand(frail):
    found = smallest_mask(frail, CANNOT)
    watch = Watch(frail)
    broken, promise = restricted_claim(watch.case, found, CANNOT)
    shown = of(watch.take(), "singly")
    assert [result.name for result in broken] == ["black"]
    assert promise.area < found.area
    assert promise.claim.searched == ("gaussian",)
    assert promise.dropped == ("black",)
    assert promise.claim.holds
    assert promise.claim.certificate.fixed == 0
    assert {b.name for b in promise.claim.baselines if b.searched} == {"gaussian"}
    certificate = [call for call in shown if len(call.x) == promise.claim.certificate.samples]
    assert any(torch.equal(evidence(c, frail.scene.x)[0, 0], promise.mask) for c in certificate)


@pytest.mark.parametrize("times", [0.5, 1.0])
def test_a_promise_that_is_not_smaller_than_the_mask_is_none(frail, times):
    whole = smallest_mask(frail, CANNOT)
    _, promise = restricted_claim(frail, whole, CANNOT)
    failed = replace(whole.claim, checks=(replace(whole.claim.checks[0], passed=False),))
    small = replace(whole, area=promise.area * times, claims=(failed,))
    broken, none = restricted_claim(frail, small, CANNOT)
    assert [result.name for result in broken] == ["black"]
    assert none is None


def test_the_full_claim_is_not_verified_by_its_fallback():
    toy = Toy()
    toy.bears_black = False
    config = replace(CANNOT, refinement=replace(CANNOT.refinement, cut="smallest"))
    found = explain(classifier_of(toy), image_of(toy), config=config)
    assert set(found.claim.searched) == {"gaussian", "black"}
    assert found.restricted is not None
    assert found.restricted.claim.searched == ("gaussian",)
    assert found.restricted.area < found.area
    assert found.verified == (found.claim.holds and found.claim.certificate.holds)


# The command line


def test_a_cell_that_is_asked_for_is_kept_however_many_there_are():
    usual, asked = settings(Request()), settings(Request(patch=4))
    assert usual.certification.most_patches > 0
    assert (asked.certification.patch, asked.certification.most_patches) == (4, 0)
    capped = proving(patch=4, most_patches=2)
    lifted = replace(
        FAST,
        certification=replace(
            FAST.certification, patch=4, most_patches=asked.certification.most_patches
        ),
    )
    with the_case() as case:
        found = found_on(case, cells_mask((0, 0), (0, 1)), FAST)
        cells = [certified(case, found, c).minimality.patch for c in (capped, lifted)]
        assert torch.equal(exported(case, found.mask[None, None]), found.mask)
    assert cells == [8, 4]


def test_what_is_asked_for_besides_is_proved():
    rules = settings(Request(alternatives=2, necessary=True, seeds=3, seed=7))
    assert rules.seed == 7
    assert rules.certification.alternatives == 2
    assert rules.certification.necessary_superset is True
    assert rules.certification.seeds == 3
    assert settings(Request()).certification.most_patches == 40
