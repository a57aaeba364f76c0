"""What is tested of a mask besides its claim: from the settings, the claim and its own noise."""

from dataclasses import replace

import pytest
import torch
from recording import (
    FAST,
    Toy,
    Watch,
    classifier_of,
    exact,
    noise,
    patches_mask,
    shared,
    the_case,
)
from scipy.stats import binomtest

from med_cam.case import seeds
from med_cam.case.case import observed
from med_cam.case.round_trip import exported, reread
from med_cam.certification import certificate as certifying
from med_cam.certification.certificate import claim_on, claimed, response_of, sufficiency_check
from med_cam.certification.mask_tests import (
    decision_of,
    infill_of,
    mask_tests,
    random_regions_of,
    reinsertion_of,
    shape_leakage_of,
    silhouette_of,
    suffices,
)
from med_cam.certification.minimality import SampleSet, as_exported, patches_of, sample_set
from med_cam.classifiers.forward import hooks_attached
from med_cam.images.image import Image
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import Check
from med_cam.results.claim import Claim
from med_cam.results.minimality import Patch
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision, Target

FLAT = Spread(0.0, 0.0, 0.0, 0.0, 0.0)
SQUARE = patches_mask((0, 0))
DECISION = Decision(Target(1, ("dark", "lit"), "softmax", 0.0, 0.9), 0.2, 0.6)


@pytest.fixture
def case():
    with the_case(Toy()) as found:
        yield found


def set_to(case, **rules):
    """The case under other rules of verification or certification."""
    config = case.config
    for section in ("verification", "certification"):
        own = getattr(config, section)
        some = {k: v for k, v in rules.items() if k in type(own).__dataclass_fields__}
        config = replace(config, **{section: replace(own, **some)})
    return replace(case, config=config)


# The check of a certificate


def counted(retained, samples, fixed_retained=1, fixed=1, wanted=0.8):
    return Certificate(
        samples, retained, fixed, fixed_retained, 0.95, 1, 1, 0.04, 0.0, wanted, "grey", 1.0,
        FLAT, FLAT,
    )  # fmt: skip


@pytest.mark.parametrize("retained", [29, 28, 27, 26, 20, 0])
@pytest.mark.parametrize(("fixed_retained", "fixed"), [(0, 0), (2, 2), (1, 2)])
def test_enough_samples_and_every_fixed_baseline_have_to_be_retained(
    retained, fixed_retained, fixed
):
    check = sufficiency_check(counted(retained, 29, fixed_retained, fixed))
    least = min(k for k in range(30) if exact(k, 29, 0.04) >= 0.8)
    assert 20 < least < 29
    assert check.passed == (retained >= least and fixed_retained == fixed)
    assert (check.name, check.at_least, check.trials) == ("sufficiency", True, 29 + fixed)
    assert check.value == pytest.approx((retained + fixed_retained) / (29 + fixed))
    assert check.threshold == pytest.approx((least + fixed) / (29 + fixed))


def test_where_no_number_of_samples_is_enough_all_are_asked_for_and_the_check_fails():
    check = sufficiency_check(counted(3, 3))
    assert (check.value, check.threshold, check.passed) == (1.0, 1.0, False)


@pytest.mark.parametrize(("fixed_retained", "passed"), [(2, True), (1, False), (0, False)])
def test_without_random_baselines_every_fixed_one_is_asked_for(fixed_retained, passed):
    check = sufficiency_check(counted(0, 0, fixed_retained, 2))
    assert (check.value, check.threshold) == (fixed_retained / 2, 1.0)
    assert (check.trials, check.passed) == (2, passed)


# Numbers of samples


def test_each_attempt_and_each_certificate_has_a_number_that_no_other_purpose_has(
    case, monkeypatch
):
    asked, fresh = [], certifying.fresh

    def recording(of, purpose):
        asked.append(purpose)
        return fresh(of, purpose)

    monkeypatch.setattr(certifying, "fresh", recording)
    response, mask = response_of(case), exported(case, SQUARE)
    for attempt in range(4):
        claimed(case, mask, response, attempt=attempt)
    for tried in range(1, 5):
        claim_on(case, mask, response, tried=tried, samples=2)
    others = {
        seeds.SEARCH, seeds.CANDIDATES, seeds.SENSITIVITY, seeds.AFTER, seeds.PATCHES,
        seeds.DELETION, seeds.REINSERTION, seeds.SILHOUETTE, seeds.SUPERSET,
    }  # fmt: skip
    assert len(set(asked)) == len(asked) == 9
    assert not others & set(asked)
    first = seeds.CERTIFY
    assert asked[0] == seeds.BASELINE
    assert asked[1:5] == [seeds.CLAIM + i for i in range(4)]
    assert asked[5:] == [first, first + 1, first + 2, first + 3]


# Tests of a mask


def claim_with(value, trials=20):
    checks = (
        Check("sufficiency", 1.0, 1.0, 9, at_least=True, passed=True),
        Check("shape_leakage", value, 0.3, trials, at_least=False, passed=True),
        Check("shift_stability", 0.5, 0.9, 8, at_least=True, passed=False),
    )
    return Claim(("grey",), checks, (), 0.9, 0.25, 0.625, "", ())


@pytest.mark.parametrize(("value", "trials", "hits"), [(0.0, 20, 0), (0.15, 20, 3), (0.7, 10, 7)])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_shape_leakage_is_that_of_the_claim_bounded_from_above(
    case, value, trials, hits, confidence
):
    found = shape_leakage_of(set_to(case, confidence=confidence), claim_with(value, trials))
    test = binomtest(hits, trials, alternative="less")
    high = test.proportion_ci(confidence, "exact").high
    assert (found.trials, found.hits, found.confidence) == (trials, hits, confidence)
    assert found.bound == pytest.approx(high, abs=1e-9)


def test_what_retaining_means_is_taken_from_the_claim(case):
    assert decision_of(case, claim_with(0.0)) == Decision(case.target, 0.25, 0.625)


@pytest.mark.parametrize(("label", "negative"), [("no finding", True), ("lit", False)])
def test_the_tests_of_a_mask_say_what_was_wanted_and_whether_the_label_is_an_absence(
    case, label, negative
):
    asked = set_to(case, reinsertion_wanted=0.625, deletion_samples=5, reinsertion_trials=7)
    asked = replace(asked, target=replace(case.target, labels=("dark", label)))
    found = mask_tests(asked, exported(case, SQUARE), claim_with(0.1), None)
    assert found.minimality is None
    assert (found.reinsertion_wanted, found.negative) == (0.625, negative)
    assert (found.shape_leakage.trials, found.shape_leakage.hits) == (20, 2)
    # Grey besides the noise; four fills over grey and as much noise as there are baselines.
    assert found.necessity.samples == 1 + 5
    assert found.reinsertion.trials == 7
    assert found.silhouette.trials == 4 * (1 + 2)


def test_patches_that_are_shown_again_are_shown_beside_the_evidence_and_some_stay_hidden(case):
    watch = Watch(case)
    found = reinsertion_of(watch.case, exported(case, SQUARE), Decision(case.target, 0.2, 0.6))
    shown, x = torch.cat([call.x for call in watch.take("claims")]), case.scene.x
    assert len(shown) == found.trials == FAST.certification.reinsertion_trials
    assert all(torch.equal(image[SQUARE[0]], x[0][SQUARE[0]]) for image in shown)
    again = (shown == x).float().mean(dim=(1, 2, 3))
    assert again.min() < 0.5 < again.max()
    # Patches of 16 pixels: what is shown of one is shown of all of it, but for the evidence.
    for image in shown:
        for row in (0, 16):
            for column in (0, 16):
                part = (slice(None), slice(row, row + 16), slice(column, column + 16))
                same = (image[part] == x[0][part])[~SQUARE[0][part]]
                assert same.all() or same.float().mean() < 0.05


HALF = patches_mask(*((row, column) for row in range(4) for column in range(2)))


@pytest.mark.parametrize(("mask", "often"), [(SQUARE, False), (HALF, True)])
@pytest.mark.parametrize("count", [19, 40])
def test_random_regions_have_the_masks_area_and_are_judged_as_it_is(case, mask, often, count):
    watch = Watch(set_to(case, random_regions=count))
    found = random_regions_of(watch.case, exported(case, mask), Decision(case.target, 0.2, 0.6))
    shown, x = torch.cat([call.x for call in watch.take("claims")]), case.scene.x
    regions = (shown == x).all(dim=1)
    assert len(shown) == found.trials == count
    assert {int(region.sum()) for region in regions} == {int(mask.sum())}
    assert len({region.numpy().tobytes() for region in regions}) > count / 2
    flat = [
        len(image[:, ~region].unique()) == 1 for image, region in zip(shown, regions, strict=True)
    ]
    names = case.config.verification.baselines
    assert flat == [names[i % 2] == "grey" for i in range(count)]  # they take turns
    p = Toy()(shown).softmax(dim=1)
    retained = int(((p.argmax(dim=1) == 1) & (p[:, 1] >= 0.6)).sum())
    assert found.hits == retained
    assert (retained > count / 5) == often
    high = binomtest(retained, count, alternative="less").proportion_ci(0.95, "exact").high
    assert found.bound == pytest.approx(high, abs=1e-9)


def test_what_random_regions_show_is_new_for_each_and_not_what_other_tests_show(case):
    watch, decision = Watch(case), Decision(case.target, 0.2, 0.6)
    random_regions_of(watch.case, exported(case, SQUARE), decision)
    own = noise(watch.take(), case.scene.x)
    mask_tests(
        replace(watch.case, config=without_regions(case)),
        exported(case, SQUARE),
        claim_with(0.1),
        None,
    )
    others = noise(watch.take(), case.scene.x)
    assert len(own) > 1000 < len(others)
    assert shared(own, others) == 0


def without_regions(case):
    return set_to(case, random_regions=0).config


def test_no_random_region_is_looked_at_where_none_is_wanted_or_there_is_no_other(case):
    decision, everything = Decision(case.target, 0.2, 0.6), torch.ones_like(SQUARE)
    none = replace(case, config=without_regions(case))
    for of, mask in ((none, SQUARE), (case, everything)):
        watch = Watch(of)
        assert random_regions_of(watch.case, exported(case, mask), decision) is None
        assert watch.take() == []


def test_the_silhouette_is_filled_over_the_baselines_of_the_claim(case):
    for names, samples in ((("gaussian",), 1), (("grey", "gaussian", "uniform"), 4)):
        found = silhouette_of(
            set_to(case, baselines=names), exported(case, SQUARE), Decision(case.target, 0.2, 0.6)
        )
        assert found.trials == 4 * samples
        assert found.hits == 4 // 4 * samples  # white alone lights the square
        assert found.confidence == 0.95


def test_where_nothing_is_open_nothing_suffices_and_nothing_is_asked(case):
    watch = Watch(replace(case, open=torch.zeros_like(case.open)))
    assert suffices(watch.case, response_of(case)) is False
    assert watch.take() == []


def test_all_that_is_open_has_to_be_retained_on_every_sample(case):
    response = response_of(case)
    assert suffices(case, response) is True
    for lost in range(9):
        asked = []

        def batched(x, lost=lost, asked=asked):
            p = case.batched.classifier(x)
            asked.append(len(x))
            p[lost] = p.new_tensor([1.0, 0.0])
            return p

        but_one = replace(case, batched=replace(case.batched, classifier=batched))
        assert suffices(but_one, response) is False
        assert asked == [1 + FAST.certification.reduction_samples]


@pytest.mark.parametrize(("p", "enough"), [(0.75, True), (0.71875, False)])
def test_a_remainder_at_the_threshold_suffices(case, p, enough):
    def batched(x):
        return torch.tensor([[1 - p, p]]).expand(len(x), 2)

    exact_p = replace(case, batched=replace(case.batched, classifier=batched))
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.75))
    assert suffices(exact_p, response) is enough


def test_samples_for_one_purpose_are_those_of_its_number(case):
    one, again, other = (infill_of(case, 3, purpose) for purpose in (64, 64, 65))
    assert torch.equal(one, again)
    assert len(one) == 4
    assert torch.equal(one[0], other[0])  # grey
    assert not (one[1:] == other[1:]).any()


# The samples of a reduction


@pytest.mark.parametrize(
    ("rate", "shifts", "tolerance"),
    [
        (0.75, (1, 2, 3), 3),
        (0.75, (1,), 1),
        (0.625, (1,), 1),
        (1.0, (1, 2), 0),
        (0.9, (1,), 0),  # 0.8 of a shift
        (0.5, (4, 2), 4),
        (0.9, tuple(range(1, 11)), 4),  # 8 of 80, to the last bit less
    ],
)
def test_half_of_the_shifts_that_a_claim_may_lose_may_be_lost(case, rate, shifts, tolerance):
    found = sample_set(set_to(case, stability_rate=rate, shifts=shifts), DECISION)
    assert found.tolerance == tolerance
    assert found.distance == max(shifts)


@pytest.mark.parametrize(
    ("names", "more", "first", "turn", "count"),
    [
        (("gaussian", "grey"), 0, 6, 13, 13),
        (("gaussian", "grey"), 4, 6, 13, 17),
        (("uniform", "gaussian"), 1, 5, 12, 13),
        (("grey", "black", "white"), 0, 3, 3, 3),
        (("grey", "black", "white"), 9, 3, 3, 3),
    ],
)
def test_fixed_baselines_come_first_then_those_of_the_start_then_the_pool(
    case, names, more, first, turn, count
):
    rules = set_to(case, baselines=names, reduction_samples=5, pool=7)
    found = sample_set(rules, DECISION, more=more)
    assert (found.first, found.turn, len(found.samples)) == (first, turn, count)
    assert found.decision is DECISION
    usual = sample_set(rules, DECISION).samples
    assert torch.equal(found.samples[: len(usual)], usual)


def test_a_trial_may_lose_no_shift_unless_said_otherwise():
    on = SampleSet(torch.zeros(2, 1, 4, 4), 1, 2, 3, DECISION, 5)
    assert on.trial([0], [1]).tolerance == 0
    assert on.trial([0], [1], tolerance=4).tolerance == 4
    assert on.trial([0, 1], [1]).steps == ((0, 0), (0, 0), (-3, 0))


def test_a_patch_that_is_not_needed_has_no_witness_and_no_number(case):
    on = sample_set(case, response_of(case).decision)
    trial = on.trial(range(on.first), range(8), tolerance=on.tolerance)
    needed, idle = patches_of(case, patches_mask((0, 0), (2, 1)), trial, 8)
    assert (needed.row, needed.column, needed.witness) == (0, 0, "sample")
    assert 0 <= needed.number < on.first
    assert idle == Patch(2, 1, "", -1)


def test_masks_come_back_from_a_file_as_they_are_unless_source_pixels_are_coarse(case):
    masks = torch.cat([patches_mask((0, 0)), patches_mask((1, 2), (3, 3))])
    masks[0, 0, 9, 9] = True
    assert torch.equal(as_exported(case, masks), masks)
    model = classifier_of(Toy())
    for shape, same in (((16, 16), False), ((16, 32), False), ((64, 48), True)):
        with hooks_attached(model) as forward:
            other = observed(forward, model, Image(torch.rand(1, *shape)), FAST)
        again = as_exported(other, masks)
        by_file = torch.cat([reread(other, exported(other, mask[None])) for mask in masks])
        assert torch.equal(again, by_file)
        assert torch.equal(again, masks) == same
