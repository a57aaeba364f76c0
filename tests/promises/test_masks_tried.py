"""Every mask put to a certificate pays for those before it, and the best of them is reported."""

from dataclasses import replace
from itertools import combinations, product

import pytest
import torch
from hypothesis import given, settings, strategies as st
from recording import (
    FAST,
    Watch,
    certificates,
    evidence,
    exact,
    found_on,
    hides,
    losing,
    noise,
    patches_mask,
    predicting,
    risk_for,
    samples_asked,
    samples_needed,
    shared,
    the_case,
)

from med_cam.case.round_trip import exported
from med_cam.certification.certificate import certificate_of, claim_on, response_of, samples_of
from med_cam.config.settings import Verification
from med_cam.pipeline.certify import certified

PLAIN = replace(FAST, certification=replace(FAST.certification, patch=0))  # start, then grown
START = patches_mask((0, 0))
WIDE = patches_mask((0, 0), (0, 1), (1, 0))
WANTED = FAST.verification.certified


def run(failures, config=PLAIN, start=START, stable=()):
    """A mask certified, so many samples lost by the n-th; and the claims as they were asked."""
    with the_case(config=config) as case:
        found = found_on(case, start)
        watch = Watch(losing(case, failures, stable=stable))
        done = certified(watch.case, found)
        asked, _ = certificates(watch.take("claims"), done.draws)
        return done, [samples_asked(calls) for calls in asked], case.scene.x


def refuse(certificate, tried, failures):
    """That this is the n-th certificate, by scipy."""
    samples, risk = samples_needed(tried, WANTED), risk_for(tried)
    assert (certificate.tried, certificate.samples) == (tried, samples)
    assert certificate.retained == samples - failures
    assert certificate.risk == pytest.approx(risk, rel=1e-9)
    assert certificate.bound == pytest.approx(exact(samples - failures, samples, risk), abs=1e-9)


@pytest.mark.parametrize("lost", [0, 1])
def test_the_first_mask_has_four_fifths_of_the_risk_and_may_lose_one(lost):
    done, asked, _ = run([lost])
    assert (done.tried, len(asked)) == (1, 1)
    refuse(done.claim.certificate, 1, lost)
    assert done.claim.holds


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_the_second_mask_has_a_fifth_of_that_more_samples_and_may_lose_two(lost):
    done, asked, _ = run([2, lost])
    assert done.tried == len(asked) == 2
    refuse(done.claim.certificate, 2, lost)
    assert done.claim.certificate.risk == pytest.approx(0.05 * 0.16)
    assert done.claim.holds


def test_the_third_mask_may_lose_four():
    done, _, _ = run([2, 3, 4])
    assert done.tried == 3
    refuse(done.claim.certificate, 3, 4)
    assert done.claim.holds


@pytest.mark.parametrize("failures", [[2, 3, 5], [9, 3, 30], [9, 30, 5], [2, 30, 60]])
def test_where_all_are_given_up_the_last_one_is_reported_on_all_of_its_samples(failures):
    done, asked, x = run(failures)
    assert done.tried == 3
    assert not done.claim.holds
    refuse(done.claim.certificate, 3, failures[2])
    assert torch.equal(done.mask, evidence(asked[2][0], x)[0, 0])
    assert done.area == pytest.approx(done.mask.float().mean().item())


def test_a_mask_that_fails_another_check_costs_no_risk_and_its_samples_are_left_unseen():
    done, asked, _ = run([0, 0], stable=[False])
    assert (done.tried, done.draws, asked[0]) == (1, 2, [])
    refuse(done.claim.certificate, 1, 0)
    assert done.claim.certificate.draw == 2
    assert done.claim.holds


def test_where_all_fail_another_check_the_last_one_is_reported_on_all_of_its_samples():
    done, asked, x = run([0, 2, 2], stable=[False, False, False])
    assert (done.tried, done.draws, asked[:2]) == (1, 3, [[], []])
    refuse(done.claim.certificate, 1, 2)
    assert torch.equal(done.mask, evidence(asked[2][0], x)[0, 0])
    assert [c.name for c in done.claim.checks if not c.passed] == [
        "sufficiency",
        "shift_stability",
    ]


def test_one_that_failed_another_check_does_not_lower_the_risk_of_those_that_lose_samples():
    done, _, _ = run([9, 0, 1], stable=[True, False])
    assert (done.tried, done.draws) == (2, 3)
    refuse(done.claim.certificate, 2, 1)


@pytest.mark.parametrize("lost", [2, 4, 15])
def test_a_certificate_is_given_up_at_the_eighth_sample_that_follows_at_the_latest(lost):
    done, asked, _ = run([lost, 0])
    samples = samples_needed(1, WANTED)
    assert done.claim.holds
    refused = samples - lost + 2  # after those retained the second one lost
    grey, *noise = (len(call.x) for call in asked[0])
    assert grey == 1
    assert noise[:-1] == [8] * ((refused - 1) // 8)  # none is asked for after that
    assert refused <= sum(noise) <= samples


def test_a_certificate_is_given_up_at_once_where_grey_is_lost():
    with the_case(config=PLAIN) as case:
        found = found_on(case, START)
        grey_lost = [0]

        def predict_one(x):
            p = case.claims.classifier(x)
            if hides(x) == "grey" and len(x) == 1 and not grey_lost[0]:
                grey_lost[0] = 1
                p[:] = p.new_tensor([1.0, 0.0])
            return p

        watch = Watch(predicting(case, predict_one))
        done = certified(watch.case, found)
        asked, _ = certificates(watch.take("claims"), done.draws)
    assert len(samples_asked(asked[0])) == 1
    assert done.tried == 2
    assert done.claim.holds


@pytest.mark.parametrize("fates", list(product(["unstable", "loses"], repeat=2)))
def test_every_mask_of_which_a_sample_was_looked_at_is_paid_for_and_no_other(fates):
    lost = [9 if fate == "loses" else 0 for fate in fates]
    done, asked, x = run([*lost, 0], stable=[fate == "loses" for fate in fates])
    looked = [bool(calls) for calls in asked]
    assert looked == [*(fate == "loses" for fate in fates), True]
    refuse(done.claim.certificate, sum(looked), 0)
    prints = [noise(calls, x) for calls in asked if calls]
    assert all(shared(*two) == 0 for two in combinations(prints, 2))


def test_each_mask_is_certified_on_samples_of_its_own():
    _, asked, x = run([2, 3, 5])
    prints = [noise(calls, x) for calls in asked]
    assert len(asked) == 3
    for i, mine in enumerate(prints):
        assert len(mine) > 1000 * i
        assert all(shared(mine, other) == 0 for other in prints[:i])


def test_masks_are_tried_from_the_smallest_on_and_the_last_one_asked_is_the_one_reported():
    done, asked, x = run([2, 0])
    shown = [evidence(calls[0], x) for calls in asked]
    assert torch.equal(shown[0], START)
    assert bool((shown[1] & ~shown[0]).any())
    assert torch.equal(done.mask, shown[1][0, 0])


def test_a_reduced_mask_that_is_refused_is_paid_for_by_the_one_it_was_cut_from():
    done, asked, x = run([2, 2], FAST, WIDE)
    shown = [evidence(calls[0], x) for calls in asked]
    assert done.tried == len(asked) == 2
    assert torch.equal(shown[0], START)  # every other patch can be spared
    assert torch.equal(shown[1], WIDE)  # one step back, for no further sample breaks it
    refuse(done.claim.certificate, 2, 2)


def test_no_more_masks_are_tried_than_the_settings_allow():
    done, asked, _ = run([99] * 9)
    assert done.tried == len(asked) == 1 + PLAIN.certification.grown
    fewer = replace(PLAIN, certification=replace(PLAIN.certification, grown=0))
    assert run([99] * 9, fewer)[0].tried == 1


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_samples_of_the_nth_certificate_are_the_fewest_that_are_enough(wanted, confidence):
    rules = Verification(certified=wanted, confidence=confidence)
    for tried in (1, 2, 3):
        assert samples_of(tried, rules) == samples_needed(tried, wanted, confidence)


# "verified" and the certificate: two random baselines and a fixed one, scripted.

MIXED = replace(
    FAST,
    verification=replace(
        FAST.verification, baselines=("gaussian", "uniform", "grey"), certified=0.8
    ),
)


@pytest.fixture(scope="module")
def ready():
    with the_case(config=MIXED) as case:
        yield case, exported(case, START), response_of(case)


def scripted(case, retained, grey):
    """Retained are the first samples of both random baselines together, and grey if so told."""
    state = {"part": 0, "left": retained}

    def predict_one(x):
        part, p = state["part"], case.claims.classifier(x)
        state["part"] += 1
        if part < 2:
            ours = min(state["left"], len(p))
            state["left"] -= ours
            p[:ours], p[ours:] = p.new_tensor([0.0, 1.0]), p.new_tensor([1.0, 0.0])
        elif part == 2:
            p[:] = p.new_tensor([0.0, 1.0] if grey else [1.0, 0.0])
        return p

    return predicting(case, predict_one)


def claim_of(ready, retained, samples, *, tried=1, grey=True, wanted=0.8):
    case, mask, response = ready
    config = replace(MIXED, verification=replace(MIXED.verification, certified=wanted))
    case = replace(scripted(case, retained, grey), config=config)
    return claim_on(case, mask, response, tried=tried, samples=samples)


@settings(max_examples=40, deadline=None)
@given(
    tried=st.integers(1, 4),
    more=st.integers(0, 20),
    lost=st.one_of(st.integers(0, 12), st.integers(0, 100)),
    grey=st.booleans(),
    wanted=st.sampled_from([0.05, 0.3, 0.6, 0.8, 0.9]),
)
def test_verified_means_certified_whatever_is_retained(ready, tried, more, lost, grey, wanted):
    samples = 2 * -(-(samples_needed(tried, wanted) + more) // 2)
    retained = max(0, samples - lost)
    claim = claim_of(ready, retained, samples, tried=tried, grey=grey, wanted=wanted)
    bound, got = exact(retained, samples, risk_for(tried)), claim.certificate
    assert (got.retained, got.samples, got.fixed, got.tried) == (retained, samples, 1, tried)
    assert got.bound == pytest.approx(min(bound, (grey + 2 * bound) / 3), abs=1e-9)
    assert claim.holds == got.holds == (grey and bound >= wanted)


@pytest.mark.parametrize("tried", [1, 2, 3])
def test_one_sample_fewer_than_the_bound_needs_is_not_verified(ready, tried):
    samples = 2 * -(-samples_needed(tried, 0.8) // 2)
    enough = [k for k in range(samples + 1) if exact(k, samples, risk_for(tried)) >= 0.8]
    least, fewer = (claim_of(ready, min(enough) - d, samples, tried=tried) for d in (0, 1))
    assert least.holds
    assert least.certificate.holds
    assert not fewer.holds
    assert not fewer.certificate.holds
    check = least.checks[0]
    assert (check.name, check.trials) == ("sufficiency", samples + 1)
    assert check.threshold == pytest.approx((min(enough) + 1) / (samples + 1))


def test_too_few_samples_to_certify_anything_do_not_verify(ready):
    claim = claim_of(ready, 6, 6)
    assert not claim.certificate.holds
    assert not claim.holds


def test_the_bound_of_just_enough_samples_is_not_lost_to_rounding():
    confidence, wanted = 1 - 1.25 / 2**4, 0.5  # at most one of 7 is lost in 8 of 2 ** 7 cases
    rules = Verification(confidence=confidence, certified=wanted)
    assert samples_of(1, rules) == samples_needed(1, wanted, confidence) == 7
    told = replace(FAST.verification, confidence=confidence, certified=wanted)
    with the_case(config=replace(FAST, verification=told)) as case:

        def predict_one(x):
            p = case.claims.classifier(x)
            if len(x) == 7:
                p[3] = p.new_tensor([1.0, 0.0])
            return p

        losing_one = predicting(case, predict_one)
        claim = certificate_of(losing_one, exported(case, START), response_of(case), 1)
    certificate, check = claim.certificate, claim.checks[0]
    assert (certificate.retained, certificate.samples) == (6, 7)
    assert certificate.bound == pytest.approx(wanted, abs=1e-9)
    assert certificate.holds
    assert check.passed
    assert claim.holds


def test_samples_are_even_over_the_random_baselines_and_never_fewer_than_asked_for(ready):
    case, mask, response = ready
    for samples in (1, 2, 15, 16):
        claim = claim_on(case, mask, response, tried=1, samples=samples)
        drawn = {b.name: b.samples for b in claim.baselines if b.searched}
        assert drawn == {"gaussian": -(-samples // 2), "uniform": -(-samples // 2), "grey": 1}


@pytest.mark.parametrize("failed", ["shape_leakage", "shift_stability"])
def test_a_certificate_does_not_excuse_another_check(ready, failed):
    case, mask, response = ready
    which = {"shape_leakage": 4, "shift_stability": 5}[failed]  # after three baselines, one unseen
    asked = [0]

    def predict_one(x):
        p, part = case.claims.classifier(x), asked[0]
        asked[0] += 1
        if part == which:
            p[:] = p.new_tensor([0.0, 1.0] if failed == "shape_leakage" else [1.0, 0.0])
        return p

    claim = certificate_of(predicting(case, predict_one), mask, response, 1)
    assert claim.certificate.holds
    assert [check.name for check in claim.checks if not check.passed] == [failed]
    assert not claim.holds
