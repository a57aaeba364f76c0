"""A candidate is refused for any one thing a claim would be refused for; the script says which."""

from dataclasses import replace

import pytest
import torch

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.candidates import candidate_judge
from med_cam.verify.decision import Target

SIDE = 7
TARGET = Target(1, ("a", "b"), "softmax", 0.0, 0.9)
RULES = Verification(
    consistency=0.0,
    baselines=("grey", "gaussian"), samples=4, shifts=(1,), stability_rate=0.75,
    leakage_trials=4, leakage_margin=0.25, share=0.5,
)  # fmt: skip
KEPT, LOST = [0.1, 0.9], [0.9, 0.1]
ALONE = [LOST, LOST, KEPT, LOST, LOST]  # grey, and four of noise: 0.1 and 0.3 on average


def judged(samples=(), shifts=(), leaks=(), rules=RULES):
    """Whether a mask passes that loses these samples and shifts and leaks over these contents."""
    x = torch.arange(float(SIDE * SIDE)).view(1, 1, SIDE, SIDE) + 100
    scene = Scene(
        x, torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool), torch.full((1, 1, 1, 1), -1.0),
        torch.full((1, 1, 1, 1), 4.0), torch.full((5, 1, SIDE, SIDE), 1000.0),
    )  # fmt: skip
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., 2:4, 2:4] = True
    first = {}

    def predict(v):
        if not first:
            first["infill"] = v[:, 0, -1, -1].tolist()  # no shift reaches it
            return torch.tensor(ALONE)
        return torch.tensor([row_of(image) for image in v[:, 0]])

    def row_of(image):
        number = first["infill"].index(image[-1, -1].item())
        if (image == 1000).any():
            first["leaks"] = first.get("leaks", -1) + 1
            return KEPT if first["leaks"] in leaks else LOST
        if torch.equal(image == x[0, 0], mask[0, 0]):
            return LOST if number in samples else KEPT
        first["shifts"] = first.get("shifts", -1) + 1
        return LOST if first["shifts"] in shifts else KEPT

    generator = torch.Generator().manual_seed(3)
    judge = candidate_judge(View(predict, scene), TARGET, rules, generator)
    return judge.decision, judge.passes(mask)


def test_a_candidate_without_a_fault_passes():
    decision, passed = judged()
    assert passed
    assert decision.p_baseline == pytest.approx((0.1 + 0.3) / 2)
    assert decision.threshold == pytest.approx(0.2 + 0.5 * 0.7)


@pytest.mark.parametrize("sample", range(5))
def test_no_sample_may_be_lost(sample):
    assert not judged(samples=[sample])[1]


@pytest.mark.parametrize(("lost", "passed"), [(1, True), (2, True), (3, False), (8, False)])
def test_as_many_shifts_may_be_lost_as_the_rules_allow(lost, passed):
    assert judged(shifts=range(lost))[1] == passed


@pytest.mark.parametrize(("leaks", "passed"), [(0, True), (1, True), (2, False), (4, False)])
def test_the_mask_may_leak_as_often_as_baselines_alone_give_the_label_and_the_margin(
    leaks, passed
):
    # None of grey and a quarter of the noise: an eighth, and a quarter more.
    assert judged(leaks=range(leaks))[1] == passed


def test_the_margin_is_added_to_what_baselines_alone_give():
    assert judged(leaks=[0, 1], rules=replace(RULES, leakage_margin=0.375))[1]


def test_fixed_baselines_alone_have_no_further_samples():
    found = []

    def predict(v):
        found.append(len(v))
        return torch.tensor([LOST if len(found) == 1 else KEPT]).expand(len(v), 2)

    x = torch.ones(1, 1, SIDE, SIDE)
    scene = Scene(x, x.bool(), -x[..., :1, :1], x[..., :1, :1], x[:0])
    rules = replace(RULES, baselines=("grey", "black"), leakage_margin=1.0)
    judge = candidate_judge(View(predict, scene), TARGET, rules, torch.Generator().manual_seed(0))
    assert judge.passes(x.bool())
    assert found == [2, 2, 8, 4]
