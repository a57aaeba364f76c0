"""The judge on classifiers whose right verdict is known, and on masks that must fail."""

import pytest
import torch

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.baseline_response import baseline_response
from med_cam.verify.candidates import candidate_judge
from med_cam.verify.claim import CHECKS, verify
from med_cam.verify.decision import Decision, Target, decide, on_top, retains

SIDE = 32


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def box(top, left, size=8):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def bright(x):
    """How much of the brightest 6 x 6 window is above 2: noise and grey have next to none."""
    lit = (x > 2).float().mean(dim=1, keepdim=True)
    return torch.nn.functional.avg_pool2d(lit, 6, 1).amax(dim=(1, 2, 3))


def sees_brightness(x):
    z = 12 * (bright(x) - 0.5)
    return torch.stack([-z, z], dim=1).softmax(dim=1)


def sees_silhouette(x):
    """Reads its label off the mask's edge alone: any busy box at the left over flat grey."""
    flat = (x[..., :8, :8].std(dim=(1, 2, 3)) > 0.01).float()
    z = 12 * (flat - 0.5)
    return torch.stack([-z, z], dim=1).softmax(dim=1)


def image():
    x = torch.rand(1, 3, SIDE, SIDE, generator=fresh(5)) * 0.2
    x[..., 10:16, 20:26] = 3.0
    return x


def scene(x):
    return Scene(
        x,
        torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool),
        torch.full((1, 3, 1, 1), -1.0),
        torch.full((1, 3, 1, 1), 4.0),
        torch.rand(10, 3, SIDE, SIDE, generator=fresh(6)),
    )


def target(predict, x):
    return Target(1, ("dark", "bright"), "softmax", 0.0, predict(x)[0, 1].item())


def judged(predict, s, mask, rules, seed=0):
    g = fresh(seed)
    view = View(predict, s)
    response = baseline_response(view, target(predict, s.x), rules, g)
    return verify(view, mask, response, rules, g)


def claim_on(mask, predict=sees_brightness, rules=None, seed=0):
    return judged(predict, scene(image()), mask, rules or Verification(), seed)


def check(claim, name):
    return next(c for c in claim.checks if c.name == name)


def test_the_mask_over_what_the_classifier_looks_at_passes_every_check():
    claim = claim_on(box(6, 16, 14))
    assert claim.holds
    assert {c.name for c in claim.checks} == {*CHECKS} - {"specificity"}  # it has references
    assert check(claim, "sufficiency").trials == 9  # grey once, gaussian eight times


def test_a_mask_elsewhere_fails_sufficiency():
    claim = claim_on(box(0, 0, 14))
    assert not claim.holds
    assert check(claim, "sufficiency").value == 0


def test_random_masks_of_the_same_area_fail_far_more_often():
    area = box(6, 16, 14).sum().item()
    held = 0
    for seed in range(10):
        order = torch.randperm(SIDE * SIDE, generator=fresh(seed))[:area]
        mask = torch.zeros(SIDE * SIDE, dtype=torch.bool)
        mask[order] = True
        held += claim_on(mask.view(1, 1, SIDE, SIDE), seed=seed).holds
    assert held == 0


def test_a_mask_that_holds_only_in_place_fails_shift_stability():
    claim = claim_on(box(10, 20, 6))  # to the pixel
    assert check(claim, "sufficiency").passed
    assert not check(claim, "shift_stability").passed
    assert not claim.holds


def test_a_mask_that_leaks_the_label_through_its_outline_fails_shape_leakage():
    rules = Verification(baselines=("grey",))
    claim = judged(sees_silhouette, scene(image()), box(0, 0, 12), rules)
    assert check(claim, "sufficiency").passed
    assert check(claim, "shape_leakage").value == 1.0
    assert not check(claim, "shape_leakage").passed


def test_without_reference_images_the_shape_leakage_test_shuffles_the_image_and_says_so():
    s = scene(image())
    alone = Scene(s.x, s.valid, s.black, s.white, s.others[:0])
    claim = judged(sees_brightness, alone, box(6, 16, 14), Verification())
    assert check(claim, "shape_leakage").trials >= 20
    assert "shuffled" in claim.reference_images
    assert any("no reference images" in notice.text for notice in claim.notices)
    assert "others" not in {b.name for b in claim.baselines}


def test_baselines_that_already_give_the_label_leave_nothing_to_explain():
    def always(x):
        return torch.tensor([[0.01, 0.99]]).expand(len(x), 2)

    claim = claim_on(box(0, 0, 20), predict=always)
    assert claim.p_image <= claim.p_baseline
    assert not claim.holds
    assert any("predicted bright" in notice.text for notice in claim.notices)


def test_more_confidence_after_than_before_is_a_warning():
    def louder_when_masked(x):
        lit = bright(x)
        quiet = (x.mean(dim=(1, 2, 3)) > 0.16).float()
        z = 8 * (lit - 0.5) - 2 * quiet
        return torch.stack([-z, z], dim=1).softmax(dim=1)

    claim = claim_on(box(6, 16, 14), predict=louder_when_masked)
    assert any("more confident on the evidence" in notice.text for notice in claim.notices)


def test_unseen_baselines_are_reported_apart_and_do_not_decide():
    claim = claim_on(box(6, 16, 14))
    assert claim.searched == ("grey", "gaussian")
    assert {b.name for b in claim.baselines if b.searched} == {"grey", "gaussian"}
    assert {b.name for b in claim.baselines if not b.searched} == {
        "black", "mean", "uniform", "shuffled", "others",
    }  # fmt: skip


def test_the_threshold_is_half_way_from_p_baseline_to_p_image():
    explained = Target(0, ("a", "b"), "softmax", 0.0, 0.9)
    baseline_p = {
        "grey": torch.tensor([[0.3, 0.7]]),
        "noise": torch.tensor([[0.1, 0.9], [0.3, 0.7]]),
    }
    decision = decide(explained, baseline_p, 0.5)
    assert decision.p_baseline == pytest.approx(0.25)  # each baseline counts once
    assert decision.threshold == pytest.approx(0.575)


def test_top_1_alone_does_not_retain_the_prediction():
    explained = Target(0, ("a", "b", "c"), "softmax", 0.0, 0.9)
    decision = decide(explained, {"grey": torch.tensor([[0.34, 0.33, 0.33]])}, 0.5)
    weak = torch.tensor([[0.40, 0.30, 0.30]])
    assert on_top(weak, explained).all()
    assert not retains(weak, decision).any()


def test_sigmoid_heads_are_judged_by_their_threshold():
    explained = Target(1, ("a", "b"), "sigmoid", 0.7, 0.95)
    decision = decide(explained, {"grey": torch.tensor([[0.9, 0.1]])}, 0.5)
    p = torch.tensor([[0.99, 0.65], [0.99, 0.75]])
    assert retains(p, decision).tolist() == [False, True]  # both above 0.525, one above 0.7


@pytest.mark.parametrize(("head", "least"), [("sigmoid", 0.75), ("softmax", 0.0)])
def test_a_probability_at_the_threshold_is_enough_and_one_below_is_not(head, least):
    explained = Target(1, ("a", "b"), head, least, 0.95)
    p = torch.tensor([[0.0, 0.625], [0.0, 0.75]])
    for on in (decide(explained, {"grey": torch.tensor([[0.9, 0.25]])}, 0.0), at(explained, 0.75)):
        retained = [row >= max(least, on.threshold) for row in (0.625, 0.75)]
        assert retains(p, on).tolist() == retained
    assert on_top(p, explained).tolist() == [head == "softmax", True]


def at(explained, threshold):
    return Decision(explained, 0.25, threshold)


def test_candidates_are_judged_alike_and_large_enough_ones_pass():
    x = image()
    judge = candidate_judge(
        View(sees_brightness, scene(x)), target(sees_brightness, x), Verification(), fresh()
    )
    assert judge.passes(box(6, 16, 14))
    assert not judge.passes(box(0, 0, 14))


def test_a_claim_is_sampled_from_its_own_generator_only():
    torch.rand(3)
    first = claim_on(box(6, 16, 14), seed=4)
    torch.rand(5)
    assert first == claim_on(box(6, 16, 14), seed=4)
    assert first != claim_on(box(6, 16, 14), seed=5)
