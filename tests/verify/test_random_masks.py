"""Random masks beside a claim: alike in area, smooth, and counted without flattery."""

from itertools import islice

import pytest
import torch

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.results.ladder import Control
from med_cam.verify.decision import Target
from med_cam.verify.random_masks import control, masks_for, mean_score, random_masks, rank

VALID = torch.ones(1, 1, 40, 30, dtype=torch.bool)
VALID[..., :6, :] = False
MASK = torch.zeros(1, 1, 40, 30, dtype=torch.bool)
MASK[..., 10:20, 5:18] = True


def some(count, seed=0):
    return torch.cat(
        [*islice(random_masks(MASK, VALID, torch.Generator().manual_seed(seed)), count)]
    )


def test_random_masks_have_as_many_pixels_and_lie_in_the_image():
    masks = some(30)
    assert masks.sum(dim=(1, 2, 3)).tolist() == [130] * 30
    assert not (masks & ~VALID).any()


def test_random_masks_differ_and_lie_everywhere():
    masks = some(200)
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == 200
    often = masks.float().mean(dim=0)[VALID[0]]
    assert often.min() > 0.02
    assert often.max() < 0.4  # 0.13 on average


def test_random_masks_are_smooth():
    """Of pixels at a mask's edge there are few: in a mask of single pixels nearly all are."""
    for mask in some(20):
        inner = mask[0, 1:-1, 1:-1]
        sides = mask[0, :-2, 1:-1] & mask[0, 2:, 1:-1] & mask[0, 1:-1, :-2] & mask[0, 1:-1, 2:]
        assert (inner & sides).sum() > 0.3 * mask.sum()


@pytest.mark.parametrize(
    ("hits", "masks", "chance"), [(0, 19, 0.05), (1, 39, 0.05), (2, 39, 0.075)]
)
def test_chance_counts_the_mask_itself(hits, masks, chance):
    assert rank(hits, masks) == pytest.approx(chance)
    assert Control(masks, hits, rank(hits, masks)).holds == (chance <= 0.05)


@pytest.mark.parametrize("risk", [0.05, 0.01, 0.005, 0.002, 0.0004])
@pytest.mark.parametrize("hits", [0, 1, 3])
def test_so_many_random_masks_are_needed_and_no_fewer(risk, hits):
    masks = masks_for(risk, hits)
    assert (1 + hits) / (1 + masks) <= risk + 1e-12
    assert masks == 1 or (1 + hits) / masks > risk


def test_each_random_mask_has_its_own_sample_and_one_on_the_line_counts_as_a_hit():
    margins = torch.linspace(-1, 1, 75)
    margins[10] = 0.0
    masks, infill = some(75), torch.arange(75.0).view(75, 1, 1, 1)

    def margin(part, samples):
        assert torch.equal(part, masks[samples.flatten().long()])
        return margins[samples.flatten().long()]

    found = control(masks, infill, margin)
    assert (found.masks, found.hits) == (75, int((margins >= 0).sum()))
    assert found.chance == (1 + found.hits) / 76
    assert found.edge.within == 2  # at 0 twice


def test_a_score_is_the_mean_of_logarithms():
    p = torch.tensor([[0.9, 0.1], [0.5, 0.5], [1.0, 0.0]])
    scene = Scene(torch.zeros(1, 1, 40, 30), VALID, p[:1, :1, None, None], p[:1, :1, None, None],
                  torch.zeros(0, 1, 40, 30))  # fmt: skip
    target = Target(1, ("a", "b"), "softmax", 0.0, 0.9)
    score = mean_score(View(lambda _: p, scene), MASK, torch.zeros(3, 1, 40, 30), target)
    logs = torch.tensor([0.1, 0.5, 1e-6], dtype=torch.double).log()
    assert score == pytest.approx(logs.mean().item(), rel=1e-5)
