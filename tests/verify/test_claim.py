"""Every figure of a claim against sums by hand; the predictions are scripted."""

import pytest
import torch

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.baseline_response import (
    BaselineResponse,
    baseline_rate,
    baseline_response,
    can_draw,
)
from med_cam.verify.claim import verify
from med_cam.verify.decision import Decision, Target, decide
from med_cam.verify.shape_leakage import other_contents
from med_cam.verify.sufficiency import alternating, drawn

SIDE = 7
RULES = Verification(
    consistency=0.0,
    baselines=("grey", "gaussian"),
    unseen=("black",),
    samples=3,
    unseen_samples=2,
    shifts=(1, 2),
    stability_rate=0.75,
    leakage_trials=4,
    leakage_margin=0.25,
    certified=0.3,
    confidence=0.9,
    minimum_effect=0.125,
)
TARGET = Target(1, ("a", "b", "c"), "softmax", 0.0, 0.9)
DECISION = Decision(TARGET, 0.2, 0.6)
RETAINED, TOP, LOST = (0.1, 0.8, 0.1), (0.3, 0.5, 0.2), (0.7, 0.1, 0.2)
ALONE = BaselineResponse(
    {
        "grey": torch.tensor([LOST]),
        "gaussian": torch.tensor([LOST, RETAINED, LOST, LOST]),
        "black": torch.tensor([(0.1, 0.2, 0.7)]),
    },
    DECISION,
)


def scene(others=3):
    x = torch.arange(float(SIDE * SIDE)).view(1, 1, SIDE, SIDE) + 100
    return Scene(
        x,
        torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool),
        torch.full((1, 1, 1, 1), -1.0),
        torch.full((1, 1, 1, 1), 4.0),
        torch.stack([torch.full((1, SIDE, SIDE), 1000.0 + i) for i in range(others)])
        if others
        else x[:0],
    )


def mask():
    found = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    found[..., 2:4, 2:4] = True
    return found


def scripted(*predictions, others=3, rules=RULES, response=ALONE):
    """The claim, and what the classifier was shown, one batch a question."""
    shown, left = [], list(predictions)

    def predict(x):
        shown.append(x)
        rows = torch.tensor(left.pop(0))
        assert len(rows) == len(x)
        return rows

    generator = torch.Generator().manual_seed(1)
    found = verify(View(predict, scene(others)), mask(), response, rules, generator)
    assert not left
    return found, shown


GREY, NOISE, BLACK = [TOP], [RETAINED, RETAINED, LOST], [RETAINED]
LEAKS = [RETAINED, LOST, LOST, TOP]
SHIFTS = [RETAINED] * 12 + [LOST] * 4
WIDER = [RETAINED] * 2 + [LOST] * 2


def lines(claim):
    return {b.name: (b.searched, b.samples, b.retained, b.retained_top1) for b in claim.baselines}


def test_each_baseline_is_counted_on_its_own_samples():
    claim, _ = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS)
    assert lines(claim) == {
        "grey": (True, 1, 0, 1), "gaussian": (True, 3, 2, 2), "black": (False, 1, 1, 1),
    }  # fmt: skip
    grey, noise, black = claim.baselines
    assert (noise.lowest, noise.mean) == pytest.approx((0.1, (0.8 + 0.8 + 0.1) / 3))
    assert (grey.lowest, grey.mean) == pytest.approx((0.5, 0.5))
    assert [b.baseline_label for b in claim.baselines] == ["a", "a", "c"]
    assert (grey.baseline_probability, black.baseline_probability) == pytest.approx((0.1, 0.2))
    assert noise.baseline_probability == pytest.approx((0.1 * 3 + 0.8) / 4)
    assert [b.baseline_retained for b in claim.baselines] == [0.0, 0.25, 0.0]


def test_the_checks_have_the_shares_limits_and_trials_that_were_counted():
    claim, _ = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS)
    retained, leaks, shifts = claim.checks
    assert (retained.name, retained.value, retained.threshold) == ("sufficiency", 0.5, 1.0)
    assert (retained.trials, retained.at_least, retained.passed) == (4, True, False)
    # Of the searched baselines alone none and a quarter retain: an eighth, and the margin.
    assert (leaks.name, leaks.value, leaks.trials) == ("shape_leakage", 0.25, 4)
    assert leaks.threshold == pytest.approx((0 + 0.25) / 2 + 0.25)
    assert (leaks.at_least, leaks.passed) == (False, True)
    assert (shifts.name, shifts.value, shifts.threshold) == ("shift_stability", 0.75, 0.75)
    assert (shifts.trials, shifts.at_least, shifts.passed) == (16, True, True)


def test_every_searched_sample_has_to_be_retained_and_no_unseen_one():
    claim, _ = scripted([RETAINED], [RETAINED] * 3, [LOST], LEAKS, SHIFTS)
    assert (claim.checks[0].value, claim.checks[0].passed) == (1.0, True)
    assert claim.holds
    assert [notice.kind for notice in claim.notices] == ["unseen_baselines"]
    assert "black (0 of 1)" in claim.notices[0].text


@pytest.mark.parametrize(("leaks", "passed"), [(0, True), (1, True), (2, False), (4, False)])
def test_the_mask_may_leak_over_no_more_contents_than_the_limit(leaks, passed):
    over = [RETAINED] * leaks + [LOST] * (4 - leaks)
    claim, _ = scripted(GREY, NOISE, BLACK, over, SHIFTS)
    assert (claim.checks[1].value, claim.checks[1].passed) == (leaks / 4, passed)


def test_a_share_at_the_limit_passes():
    rules = Verification(**{**vars_of(RULES), "leakage_margin": 0.125})
    claim, _ = scripted(GREY, NOISE, BLACK, [RETAINED] + [LOST] * 3, SHIFTS, rules=rules)
    assert claim.checks[1].threshold == 0.25
    assert claim.checks[1].passed


def vars_of(rules):
    return {name: getattr(rules, name) for name in type(rules).__dataclass_fields__}


@pytest.mark.parametrize(("lost", "passed"), [(0, True), (4, True), (5, False), (16, False)])
def test_no_fewer_shifts_are_retained_than_the_settings_ask_for(lost, passed):
    shifts = [LOST] * lost + [RETAINED] * (16 - lost)
    claim, _ = scripted(GREY, NOISE, BLACK, LEAKS, shifts)
    assert (claim.checks[2].value, claim.checks[2].passed) == (1 - lost / 16, passed)


@pytest.mark.parametrize(
    ("retained", "rate", "passed"),
    [(0, 0.5, True), (2, 0.5, True), (3, 0.5, False), (3, 0.25, True), (4, 0.25, False)],
)
def test_no_fewer_random_masks_lose_the_prediction_than_the_settings_ask_for(
    retained, rate, passed
):
    rules = Verification(**{**vars_of(RULES), "specificity_rate": rate})
    wider = [RETAINED] * retained + [LOST] * (4 - retained)
    claim, _ = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS, wider, others=0, rules=rules)
    check = claim.checks[3]
    assert (check.name, check.value, check.passed) == ("specificity", 1 - retained / 4, passed)
    assert (check.threshold, check.trials, check.at_least) == (rate, 4, True)
    warned = [text for text in claim.warnings if "random regions" in text]
    assert bool(warned) == (passed and retained > 2)  # what failed is said by the status
    if warned:
        assert f"retain the prediction too, in {retained} of 4: any image might" in warned[0]


def test_random_masks_show_twice_the_area_of_the_image_itself_over_other_samples():
    _, shown = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS, WIDER, others=0)
    x, wider = scene(0).x, shown[5]
    images = [image == x[0] for image in wider]
    assert [int(image.sum()) for image in images] == [8] * 4  # the mask has 4 pixels
    assert len({tuple(image.flatten().tolist()) for image in images}) == 4
    assert (wider[0][~images[0]] == 0).all()  # grey and noise take turns
    noise = shown[1][0][~mask()[0]]
    around = wider[1][~images[1]]
    assert (around != 0).all()
    assert not torch.isin(around, noise).any()


def test_a_claim_has_its_settings_and_the_decision_beside_it():
    claim, _ = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS)
    assert claim.searched == ("grey", "gaussian")
    assert (claim.p_image, claim.p_baseline, claim.threshold) == (0.9, 0.2, 0.6)
    assert claim.minimum_effect == 0.125
    assert claim.reference_images == "3 reference images"
    assert claim.notices == ()
    found = claim.certificate
    assert (found.samples, found.retained, found.fixed, found.fixed_retained) == (3, 2, 1, 0)
    assert (found.wanted, found.confidence) == (0.3, 0.9)
    assert (found.worst, found.worst_retained) == ("grey", 0.0)


def test_without_reference_images_the_claim_says_what_it_used():
    claim, shown = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS, WIDER, others=0)
    assert claim.reference_images == "the image's own pixels, shuffled"
    assert "no_references" in [notice.kind for notice in claim.notices]
    own = set(scene(0).x.flatten().tolist())
    inside = shown[3][:, 0, 2:4, 2:4]
    assert set(inside.flatten().tolist()) <= own
    assert not torch.equal(inside[0], scene(0).x[0, 0, 2:4, 2:4])


def test_one_reference_image_is_enough_to_be_used():
    claim, shown = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS, others=1)
    assert claim.notices == ()
    assert (shown[3][:, 0, 2:4, 2:4] == 1000).all()


def test_evidence_is_shown_over_each_baseline_and_nothing_else_of_the_image():
    _, (grey, noise, black, leaks, shifts) = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS)
    inside, x = mask()[0, 0], scene().x[0, 0]
    for batch in (grey, noise, black):
        assert all(torch.equal(image[0][inside], x[inside]) for image in batch)
    assert (grey[:, :, ~inside] == 0).all()
    assert (black[:, :, ~inside] == -1).all()
    assert len(noise[:, 0, 0, 0].unique()) == 3
    # Each reference image once, in some order, before one comes again.
    contents = [set(image[0][inside].tolist()) for image in leaks]
    assert all(len(values) == 1 for values in contents)
    firsts = [values.pop() for values in contents]
    assert sorted(firsts[:3]) == [1000, 1001, 1002]
    assert firsts[3] == firsts[0]
    # Baselines take turns around: grey, a first sample, grey, a second, ...; of the same noise
    # around both, none of it that of the samples above.
    turns = [batch[:, 0, -1, -1] for batch in (leaks, shifts)]  # no shift reaches this corner
    for corners in turns:
        assert (corners[::2] == 0).all()
        assert len(corners[1::2].unique()) == len(corners) // 2
        assert not torch.isin(corners[1::2], noise[:, 0, -1, -1]).any()
    few = min(map(len, turns))
    assert torch.equal(turns[0][:few], turns[1][:few])


def test_masks_are_shifted_in_eight_directions_at_each_distance():
    *_, shifts = scripted(GREY, NOISE, BLACK, LEAKS, SHIFTS)[1]
    x = scene().x[0, 0]
    corners = []
    for image in shifts[:, 0]:
        rows, columns = torch.where(image == x)
        assert len(rows) == 4  # the content stays where it is
        corners.append((int(rows.min()) - 2, int(columns.min()) - 2))
    for far, some in ((1, corners[:8]), (2, corners[8:])):
        assert len(set(some)) == 8
        assert set(some) == {
            (dy, dx) for dy in (-far, 0, far) for dx in (-far, 0, far) if (dy, dx) != (0, 0)
        }


@pytest.mark.parametrize(("others", "trials"), [(9, 4), (3, 7), (0, 4)])
def test_other_contents_are_drawn_from_their_generator_alone(others, trials):
    s = scene(others)
    drawn_by = [
        other_contents(s, trials, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2, 3)
    ]
    assert all(len(contents) == trials for contents in drawn_by)
    assert torch.equal(drawn_by[0], drawn_by[1])
    assert not all(torch.equal(drawn_by[0], contents) for contents in drawn_by[2:])
    assert not (drawn_by[0] == s.x).flatten(1).all(dim=1).any()


# Baselines alone


def test_baselines_alone_are_predicted_and_only_searched_ones_decide():
    p = {"grey": [LOST], "gaussian": [TOP, LOST, LOST], "black": [RETAINED]}
    shown, left = [], list(p.values())

    def predict(x):
        shown.append(x)
        return torch.tensor(left.pop(0))

    rules = Verification(**{**vars_of(RULES), "share": 0.25})
    generator = torch.Generator().manual_seed(2)
    found = baseline_response(View(predict, scene()), TARGET, rules, generator)
    assert {name: rows.tolist() for name, rows in found.predictions.items()} == {
        name: torch.tensor(rows).tolist() for name, rows in p.items()
    }
    level = (0.1 + (0.5 + 0.1 + 0.1) / 3) / 2
    assert found.decision.p_baseline == pytest.approx(level)
    assert found.decision.threshold == pytest.approx(level + 0.25 * (0.9 - level))
    assert [len(batch) for batch in shown] == [1, 3, 1]
    assert (shown[0] == 0).all()
    assert (shown[2] == -1).all()


def test_a_baseline_that_is_searched_is_not_unseen_besides():
    def predict(x):
        return torch.tensor([LOST]).expand(len(x), 3)

    rules = Verification(**{**vars_of(RULES), "unseen": ("gaussian", "others", "uniform", "grey")})
    for others, unseen in ((2, ["others", "uniform"]), (0, ["uniform"])):
        generator = torch.Generator().manual_seed(2)
        found = baseline_response(View(predict, scene(others)), TARGET, rules, generator)
        assert list(found.predictions) == ["grey", "gaussian", *unseen]
        assert {name: len(p) for name, p in found.predictions.items()} == {
            "grey": 1, "gaussian": 3, **dict.fromkeys(unseen, 2),
        }  # fmt: skip


@pytest.mark.parametrize(("others", "drawable"), [(0, False), (1, True), (3, True)])
def test_reference_images_are_drawn_where_there_are_some(others, drawable):
    assert can_draw("others", scene(others)) == drawable
    assert can_draw("grey", scene(others))


def test_each_baseline_counts_once_in_how_often_baselines_alone_retain():
    assert baseline_rate(ALONE.predictions, DECISION) == pytest.approx((0 + 0.25 + 0) / 3)
    assert baseline_rate({"grey": torch.tensor([RETAINED])}, DECISION) == 1.0


def test_baselines_take_turns_each_sample_before_any_repeats():
    samples = {
        "grey": torch.zeros(1, 1, 1, 1),
        "two": torch.tensor([1.0, 2.0]).view(2, 1, 1, 1),
        "three": torch.tensor([3.0, 4.0, 5.0]).view(3, 1, 1, 1),
    }
    assert alternating(samples).flatten().tolist() == [0, 1, 3, 0, 2, 4, 0, 1, 5]


def test_so_many_samples_are_drawn_of_a_random_baseline_and_one_of_a_fixed_one():
    found = drawn(scene(), ("white", "uniform"), 4, torch.Generator().manual_seed(3))
    assert {name: len(samples) for name, samples in found.items()} == {"white": 1, "uniform": 4}
    assert (found["white"] == 4).all()
    assert len(found["uniform"].flatten(1).unique(dim=0)) == 4


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_threshold_lies_by_the_share_between_the_baselines_and_the_image(share):
    found = decide(TARGET, {"grey": torch.tensor([LOST]), "white": torch.tensor([TOP])}, share)
    assert found.target == TARGET
    assert found.p_baseline == pytest.approx(0.3)
    assert found.threshold == pytest.approx(0.3 + share * 0.6)
