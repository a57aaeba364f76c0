"""No draw of noise is used for two purposes: what decides on a mask never certifies it.

One image is taken through every stage; each stage's draws are read off the noise that the
classifier was shown. Two squares: either is enough, so that there is an alternative, the first
mask is not necessary, and one that is necessary too has to hold both.
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
    Toy,
    Watch,
    chunks,
    losing,
    noise,
    of,
    scores_around,
    shared,
    the_case,
)

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
from med_cam.pipeline.explain import as_certified
from med_cam.pipeline.necessary_superset import enlarged
from med_cam.pipeline.propose import proposed, smallest_mask
from med_cam.pipeline.restricted_claim import by_baseline
from med_cam.pipeline.result import explanation_of
from med_cam.verify.decision import Decision

MORE = replace(FAST, certification=replace(FAST.certification, alternatives=2, seeds=3))


def searched(calls):
    """The stages of `smallest_mask`: candidates are asked for first, claims last."""
    answers = of(calls, "answer")
    forward = [i for i, call in enumerate(calls) if call.channel == "forward"]
    disc_map = of(calls[1 : forward[0]], "answer")
    predict_one = of(calls, "singly")
    response, claims = predict_one[:3], chunks(predict_one[3:], EACH)
    return {
        "candidates": answers[:1],
        "search": [*disc_map, *of(calls, "forward")],
        "judged": of(calls[forward[-1] :], "answer"),
        "p_baseline": response,
        "first claim": claims[0],
        "later claims": [call for claim in claims[1:] for call in claim],
    }


def certifying(case, found):
    """The first certificate loses a draw: the mask is pruned, refused, and put back."""
    watch = Watch(losing(case, [1]))
    done = certified(watch.case, found, MORE)
    assert (done.tried, done.claim.holds) == (2, True)
    calls = watch.take()
    predict_one = of(calls, "singly")
    first, second = chunks(predict_one, EACH)[:2]
    told = {
        "patches": of(calls, "answer"),
        "first certificate": first,
        "second certificate": second,
    }
    return done, told | {"cells seen again": predict_one[2 * EACH :]}


def proving(watch, done):
    """What is told of a certified mask besides, and of all the rest: one hides what one shows."""
    case, told = watch.case, {}
    decision = Decision(case.target, done.claim.p_baseline, done.claim.threshold)
    rest = {"necessity": necessity_of, "reinsertion": reinsertion_of, "silhouette": silhouette_of}
    for name, prove in rest.items():
        for mask in (done.mask, ~done.mask):
            prove(case, mask, decision, MORE)
        told[name] = watch.take()
    return told


def asking_what_is_left(watch, found):
    """Whether a mask is enough, and whether all the rest is."""
    for mask in (found.mask, ~found.mask):
        suffices(replace(watch.case, open=mask[None, None]), found.response, MORE)
    return watch.take()


def going_on(watch, found, tried):
    """Other masks, and the composites of a report."""
    case = watch.case
    larger = enlarged(case, found, MORE, tried)
    calls = watch.take()
    tries = chunks(of(calls, "singly"), EACH + 1)  # a claim, then necessity
    told = {
        "enlarging": of(calls, "answer"),
        "enlarged certificate": [call for each in tries for call in each[:EACH]],
    }
    assert larger.claim.certificate.tried == tried + len(tries)
    by_baseline(case, found.scores, MORE)
    told["breaking"] = watch.take()
    begun = mark("begun", case.cost())
    explanation_of(case, found, ((), None), None, (begun,), MORE)
    told["after"] = watch.take()
    agreement_of(case, found, MORE)
    told["other seeds"] = watch.take()
    others, _ = alternatives(case, found, MORE)
    told["alternative"] = of_masks(watch.take(), case.scene.x)
    assert len(others) == 1
    return told


def of_masks(calls, x):
    """Without the questions whether what is left is enough: the first, and those alike.

    They are asked on draws that `enlarged` uses too, and certify nothing.
    """
    first, size = noise(calls[:1], x), len(calls[0].x)
    return [
        call
        for call in calls
        if call.channel != "answer" or len(call.x) != size or not shared(noise([call], x), first)
    ]


def stages_of_the_course():
    """The noise that was seen in each stage of one image."""
    with the_case(Toy((FIRST, SECOND))) as case:
        watch = Watch(case)
        found = smallest_mask(watch.case, MORE)
        told = searched(watch.take())
        done, more = certifying(case, found)
        told |= more | proving(watch, done) | {"left": asking_what_is_left(watch, found)}
        small = as_certified(found, certified(case, found, MORE))  # on one square
        told |= going_on(watch, small, done.tried)
        return {name: noise(calls, case.scene.x) for name, calls in told.items()}


@pytest.fixture(scope="module")
def course():
    return stages_of_the_course()


PURPOSES = (
    "candidates", "search", "p_baseline", "first claim", "patches", "first certificate",
    "second certificate", "enlarged certificate", "necessity", "reinsertion", "silhouette",
    "enlarging", "breaking", "after", "alternative", "other seeds",
)  # fmt: skip


@pytest.mark.parametrize("purpose", PURPOSES)
def test_noise_is_seen_in_every_stage(course, purpose):
    assert len(course[purpose]) > 20


@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_other_purpose_has_a_draw_of_this_one(course, purpose):
    others = [name for name in PURPOSES if name != purpose]
    assert {name: shared(course[purpose], course[name]) for name in others} == dict.fromkeys(
        others, 0
    )


def test_what_is_left_is_asked_on_draws_that_certify_nothing(course):
    certifying = [name for name in PURPOSES if name != "enlarging"]  # which looks for a mask too
    assert len(course["left"]) > 1000
    assert not any(shared(course["left"], course[name]) for name in certifying)


def within(part, whole):
    return len(part) == shared(part, whole)


def test_every_candidate_is_judged_on_the_same_draws_and_on_no_others(course):
    assert len(course["judged"])
    assert within(course["judged"], course["candidates"])


def test_cells_are_seen_again_on_the_draws_that_are_told_of(course):
    assert len(course["cells seen again"])
    assert within(course["cells seen again"], course["patches"])


def test_a_certificate_takes_as_much_noise_as_it_has_draws(course):
    first, second = course["first certificate"], course["second certificate"]
    assert len(second) > 2 * len(first) > 15 * 500  # 15 and 37 draws of a thousand pixels


def too_lenient(mask):
    return mask.float().mean().item() > 0.02


def test_each_attempt_at_a_claim_has_draws_of_its_own():
    with the_case() as case:
        watch = Watch(case)
        found = proposed(watch.case, scores_around(), too_lenient, FAST)
        predict_one = watch.take("singly")
        response, claims = predict_one[:3], chunks(predict_one[3:], EACH)
        prints = [noise(calls, case.scene.x) for calls in (response, *claims)]
    assert len(found.claims) == len(claims) >= 3
    assert not found.claims[0].holds
    for one, other in combinations(prints, 2):
        assert shared(one, other) == 0


def of_one_run(case, config):
    watch = Watch(case)
    smallest_certified(watch.case, config)
    return noise(watch.take(), case.scene.x)


def test_seeds_that_are_compared_share_no_draw():
    with the_case() as case:
        seeds = [of_one_run(case, replace(FAST, seed=seed)) for seed in (0, 1, 2)]
        watch = Watch(case)
        found = smallest_mask(case, MORE)
        found = as_certified(found, certified(case, found, MORE))
        agreed = agreement_of(watch.case, found, MORE)
        drawn = noise(watch.take(), case.scene.x)
    assert agreed.seeds == (0, 1, 2)
    assert all(shared(one, other) == 0 for one, other in combinations(seeds, 2))
    assert np.array_equal(drawn, np.union1d(seeds[1], seeds[2]))


def test_alternatives_share_no_draw_with_each_other_and_are_verified_one_by_one():
    three = Toy((FIRST, SECOND, THIRD))
    with the_case(three) as case:
        watch = Watch(case)
        found = smallest_mask(case, MORE)
        found = as_certified(found, certified(case, found, MORE))
        both, remainder_sufficient = alternatives(watch.case, found, MORE)
        calls = watch.take()
        one = replace(MORE, certification=replace(MORE.certification, alternatives=1))
        alternatives(watch.case, found, one)
        first = watch.take()
    parts = (first, calls[:1] + calls[len(first) - 1 :])  # ends with a question what is left
    drawn = [noise(of_masks(part, case.scene.x), case.scene.x) for part in parts]
    assert len(both) == 2
    assert remainder_sufficient is True
    assert all(len(part) > 1000 for part in drawn)
    assert shared(*drawn) == 0


def test_claims_are_made_one_composite_a_pass_and_never_on_the_batches_of_the_search():
    toy = Toy((FIRST, SECOND))
    with the_case(toy) as case:
        found = smallest_mask(case, FAST)
        done = certified(case, found, FAST)
        watch = Watch(case)
        toy.seen.clear()
        mask_tests(watch.case, done.mask, done.claim, done.minimality, FAST)
        calls = watch.take()
    assert {call.channel for call in calls} == {"singly"}
    assert {len(x) for x in toy.seen} == {1}
