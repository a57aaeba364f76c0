"""No sample of noise is used for two purposes: what decides on a mask never certifies it.

One image is taken through every stage; each stage's samples are read off the noise that the
classifier was shown. Two squares: either is enough, so that there is an alternative, the first
mask is not necessary, and a necessary superset has to hold both.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from recording import (
    EACH,
    FAST,
    FIRST,
    SECOND,
    THIRD,
    WIDER,
    Toy,
    Watch,
    certificates,
    chunks,
    losing,
    noise,
    of,
    samples_asked,
    scores_around,
    shared,
    the_case,
)

from med_cam.case.seeds import restricted_to, under_seed
from med_cam.case.timing import mark
from med_cam.certification.mask_tests import (
    mask_tests,
    necessity_of,
    reinsertion_of,
    silhouette_of,
    suffices,
)
from med_cam.pipeline.alternatives import agreement_of, alternatives
from med_cam.pipeline.certify import certified, smallest_certified
from med_cam.pipeline.contrast import contrast_of
from med_cam.pipeline.explain import as_certified
from med_cam.pipeline.necessary_superset import superset
from med_cam.pipeline.propose import proposed, smallest_mask
from med_cam.pipeline.restricted_claim import restricted_claim
from med_cam.pipeline.result import explanation_of
from med_cam.pipeline.robustness import by_baseline
from med_cam.verify.decision import Decision

MORE = replace(FAST, certification=replace(FAST.certification, alternatives=2, seeds=3))


def searched(calls):
    """The stages of `smallest_mask`: candidates are asked for first, claims last."""
    batches = of(calls, "batched")
    outputs = [i for i, call in enumerate(calls) if call.channel == "outputs"]
    disc_map = of(calls[1 : outputs[0]], "batched")
    single = of(calls, "claims")
    response, claims = single[:3], chunks(single[3:], EACH)
    return {
        "candidates": batches[:1],
        "search": [*disc_map, *of(calls, "outputs")],
        "judged": of(calls[outputs[-1] :], "batched"),
        "baseline response": response,
        "first claim": claims[0],
        "later claims": [call for claim in claims[1:] for call in claim],
    }


def certifying(case, found):
    """The first certificate loses two samples: the mask is reduced, refused, and put back."""
    watch = Watch(losing(case, [2]))
    done = certified(watch.case, found)
    assert (done.tried, done.claim.holds) == (2, True)
    calls = watch.take()
    single = of(calls, "claims")
    (first, second), after = certificates(single, 2)
    stages = {
        "reduction": of(calls, "batched"),
        "first certificate": sampled(first),
        "second certificate": sampled(second),
        "first checks": [call for call in first if not any(call is c for c in sampled(first))],
        "second checks": [call for call in second if not any(call is c for c in sampled(second))],
    }
    return done, stages | {"retested patches": after}


def sampled(calls):
    """What was asked of a mask about its samples; without the checks besides sufficiency."""
    trials = FAST.verification.leakage_trials
    return [call for call in samples_asked(calls) if len(call.x) != trials]


def its_tests(watch, done):
    """What is tested of a certified mask, and of all the rest: one hides what one shows."""
    case, stages = watch.case, {}
    decision = Decision(case.target, done.claim.p_baseline, done.claim.threshold)
    tests = {"necessity": necessity_of, "reinsertion": reinsertion_of, "silhouette": silhouette_of}
    for name, tested in tests.items():
        for mask in (done.mask, ~done.mask):
            tested(case, mask, decision)
        stages[name] = watch.take()
    return stages


def asking_for_the_remainder(watch, found):
    """Whether a mask is enough, and whether all the rest is."""
    for mask in (found.mask, ~found.mask):
        suffices(replace(watch.case, open=mask[None, None]), found.response)
    return watch.take()


def going_on(watch, found, tried, draws):
    """Other masks, and the masked inputs of a report."""
    case = watch.case
    larger = superset(case, found, tried, draws)
    calls = watch.take()
    tries = chunks(of(calls, "claims"), WIDER + 1)  # a claim, then necessity
    stages = {
        "superset": of(calls, "batched"),
        "superset's certificate": [call for each in tries for call in each[:WIDER]],
    }
    assert larger.claim.certificate.tried == tried + len(tries)
    by_baseline(case, found.scores)
    stages["sensitivity"] = watch.take()
    contrast_of(case, replace(found.claim, p_image=0.0))  # as if baselines gave the label
    calls = watch.take()
    stages["contrast search"] = of(calls, "batched")
    judged = of(calls, "claims")
    stages["quiet region"], stages["runner-up"] = judged[:1], judged[1:]
    begun = mark("begun", case.cost())
    explanation_of(case, found, ((), None), None, (begun,))
    stages["after"] = watch.take()
    agreement_of(case, found)
    stages["other seeds"] = watch.take()
    others, _ = alternatives(case, found)
    stages["alternative"] = of_masks(watch.take(), case.scene.x)
    assert len(others) == 1
    return stages


def of_masks(calls, x):
    """Without the questions whether the remainder is enough: the first, and those alike.

    They are asked on samples that `superset` uses too, and certify nothing.
    """
    first, size = noise(calls[:1], x), len(calls[0].x)
    return [
        call
        for call in calls
        if call.channel != "batched" or len(call.x) != size or not shared(noise([call], x), first)
    ]


def stages_of_one_image():
    """The noise that was seen in each stage of one image."""
    with the_case(Toy((FIRST, SECOND)), MORE) as case:
        watch = Watch(case)
        found = smallest_mask(watch.case)
        stages = searched(watch.take())
        done, more = certifying(case, found)
        stages |= more | its_tests(watch, done)
        stages["remainder"] = asking_for_the_remainder(watch, found)
        small = as_certified(found, certified(case, found))  # on one square
        stages |= going_on(watch, small, done.tried, done.draws)
        return {name: noise(calls, case.scene.x) for name, calls in stages.items()}


@pytest.fixture(scope="module")
def stages():
    return stages_of_one_image()


PURPOSES = (
    "candidates", "search", "baseline response", "first claim", "reduction", "first certificate",
    "second certificate", "first checks", "second checks", "superset's certificate",
    "necessity", "reinsertion", "silhouette",
    "superset", "sensitivity", "contrast search", "quiet region", "runner-up", "after",
    "alternative", "other seeds",
)  # fmt: skip


@pytest.mark.parametrize("purpose", PURPOSES)
def test_noise_is_seen_in_every_stage(stages, purpose):
    assert len(stages[purpose]) > 20


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_other_purpose_has_a_sample_of_this_one(stages, purpose):
    others = [name for name in PURPOSES if name != purpose]
    assert {name: shared(stages[purpose], stages[name]) for name in others} == dict.fromkeys(
        others, 0
    )


def test_the_remainder_is_asked_for_on_samples_that_certify_nothing(stages):
    certifying = [name for name in PURPOSES if name != "superset"]  # which looks for a mask too
    assert len(stages["remainder"]) > 1000
    assert not any(shared(stages["remainder"], stages[name]) for name in certifying)


def within(part, whole):
    return len(part) == shared(part, whole)


def test_every_candidate_is_judged_on_the_same_samples_and_on_no_others(stages):
    assert len(stages["judged"])
    assert within(stages["judged"], stages["candidates"])


def test_patches_are_retested_on_the_samples_that_are_reported(stages):
    assert len(stages["retested patches"])
    again, reduction = stages["retested patches"], stages["reduction"]
    # Every shift is tried again, where the reduction ends at the first that is lost: of the same
    # samples a few more pixels are seen.
    assert shared(again, reduction) > 0.95 * len(again)
    apart = [name for name in PURPOSES if name != "reduction"]
    assert {name: shared(again, stages[name]) for name in apart} == dict.fromkeys(apart, 0)


def test_a_certificate_takes_as_much_noise_as_it_has_samples(stages):
    first, second = stages["first certificate"], stages["second certificate"]
    assert len(second) > 1.6 * len(first) > 23 * 500  # 23 and 40 samples of a thousand pixels


def too_lenient(mask):
    return mask.float().mean().item() > 0.02


def test_each_attempt_at_a_claim_has_samples_of_its_own():
    with the_case() as case:
        watch = Watch(case)
        found = proposed(watch.case, scores_around(), too_lenient)
        single = watch.take("claims")
        response, claims = single[:3], chunks(single[3:], EACH)
        prints = [noise(calls, case.scene.x) for calls in (response, *claims)]
    assert len(found.claims) == len(claims) >= 3
    assert not found.claims[0].holds
    for one, other in combinations(prints, 2):
        assert shared(one, other) == 0


def of_one_run(case):
    watch = Watch(case)
    smallest_certified(watch.case)
    return noise(watch.take(), case.scene.x)


def test_seeds_that_are_compared_share_no_sample():
    with the_case(config=MORE) as case:
        seeds = [of_one_run(under_seed(case, seed)) for seed in (0, 1, 2)]
        watch = Watch(case)
        found = smallest_mask(case)
        found = as_certified(found, certified(case, found))
        agreed = agreement_of(watch.case, found)
        drawn = noise(watch.take(), case.scene.x)
    assert agreed.seeds == (0, 1, 2)
    assert all(shared(one, other) == 0 for one, other in combinations(seeds, 2))
    assert np.array_equal(drawn, np.union1d(seeds[1], seeds[2]))


def test_alternatives_share_no_sample_with_each_other_and_are_verified_one_by_one():
    three = Toy((FIRST, SECOND, THIRD))
    with the_case(three, MORE) as case:
        watch = Watch(case)
        found = smallest_mask(case)
        found = as_certified(found, certified(case, found))
        both, remainder_sufficient = alternatives(watch.case, found)
        calls = watch.take()
        one = replace(MORE, certification=replace(MORE.certification, alternatives=1))
        alternatives(replace(watch.case, config=one), found)
        first = watch.take()
    parts = (first, calls[:1] + calls[len(first) - 1 :])  # ends with a question for the remainder
    drawn = [noise(of_masks(part, case.scene.x), case.scene.x) for part in parts]
    assert len(both) == 2
    assert remainder_sufficient is False
    assert all(len(part) > 1000 for part in drawn)
    assert shared(*drawn) == 0


CANNOT = replace(
    MORE, verification=replace(MORE.verification, baselines=("gaussian", "black"), unseen=())
)


def test_a_restricted_claim_shares_no_sample_with_the_full_one():
    toy = Toy()
    toy.bears_black = False  # the claim has to do without it
    with the_case(toy, CANNOT) as case:
        watch = Watch(case)
        found = smallest_mask(watch.case)
        certified(watch.case, found)
        full = noise(watch.take(), case.scene.x)
        by_baseline(watch.case, found.scores)
        sensitivity = noise(watch.take(), case.scene.x)
        restricted = restricted_claim(watch.case, found).claim
        both = noise(watch.take(), case.scene.x)
        own = of_one_run(restricted_to(case, ("gaussian",)))
    assert restricted.claim.holds
    assert restricted.seed != case.config.seed
    assert min(len(full), len(sensitivity), len(own)) > 1000
    assert np.array_equal(both, np.union1d(sensitivity, own))
    assert shared(full, own) == shared(full, sensitivity) == shared(own, sensitivity) == 0


def test_what_is_asked_of_a_mask_is_asked_apart_from_the_search_and_never_one_by_one():
    toy = Toy((FIRST, SECOND))
    with the_case(toy) as case:
        found = smallest_mask(case)
        done = certified(case, found)
        watch = Watch(case)
        toy.seen.clear()
        mask_tests(watch.case, done.mask, done.claim, done.minimality)
        calls = watch.take()
    assert {call.channel for call in calls} == {"claims"}
    assert max(len(x) for x in toy.seen) >= FAST.certification.reinsertion_trials
