"""The other way round: random parts of an image, and what speaks for the second label."""

import pytest
import torch
from scipy.stats import binomtest, kstest

from med_cam.masking.masked_input import masked_input
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.contrast import limits, parts_shown, rises, smooth_parts

SIDE = 24
BOX = (..., slice(2, 10), slice(2, 10))


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def region(top=0):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top:, 3:] = True
    return mask


def view():
    """The second label as the mean of a box, the third never: 0, in between, 1."""

    def predict(x, hidden=None):
        second = x[BOX].mean(dim=(1, 2, 3)).clamp(0, 1)
        return torch.stack([1 - second, second, 0 * second], dim=1)

    x = torch.ones(1, 1, SIDE, SIDE)
    everywhere = torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool)
    return View(predict, Scene(x, everywhere, 0 * x[..., :1, :1], x[..., :1, :1], x[:0]))


def test_parts_lie_in_the_region_and_have_every_share_of_it():
    parts = smooth_parts(region(8), 200, fresh())
    assert not (parts & ~region(8)).any()
    shares = parts.sum(dim=(1, 2, 3)) / region(8).sum()
    assert kstest(shares.numpy(), "uniform").pvalue > 0.01


def test_parts_of_one_area_have_it_exactly_and_differ():
    parts = smooth_parts(region(), 9, fresh(), share=0.25)
    assert parts.sum(dim=(1, 2, 3)).tolist() == [round(0.25 * int(region().sum()))] * 9
    assert len({p.numpy().tobytes() for p in parts}) == 9


def test_parts_are_smooth():
    """Of neighbours far fewer differ than where every pixel is drawn by itself (one half)."""
    parts = smooth_parts(torch.ones_like(region()), 50, fresh(), share=0.5)
    assert (parts[..., 1:] != parts[..., :-1]).float().mean() < 0.2


def test_another_label_comes_up_above_its_limit_only_and_the_own_never():
    assert limits(1, (), 3).tolist() == [0.5, 2.0, 0.5]
    assert limits(0, (0.2, 0.7), 2).tolist() == [2.0, pytest.approx(0.7)]


def test_parts_without_another_label_are_counted_and_bounded():
    judge, grey = view(), torch.zeros(80, 1, SIDE, SIDE)
    masks = smooth_parts(torch.ones_like(region()), 80, fresh(3))
    found = parts_shown(judge, masks, grey, limits(0, (), 3), 0.9)
    by_hand = sum(m[BOX].float().mean().item() <= 0.5 for m in masks)
    assert 20 < by_hand < 70
    assert (found.trials, found.hits) == (80, by_hand)
    bound = binomtest(by_hand, 80, alternative="greater").proportion_ci(0.9, "exact").low
    assert found.bound == pytest.approx(bound)
    shown = [m[BOX].float().mean().item() - 0.5 for m in masks]
    assert found.edge.nearest == pytest.approx(min(map(abs, shown)), abs=1e-6)


def test_a_rise_is_the_mean_over_samples_of_what_each_region_adds_in_log_odds():
    judge = view()
    infill = torch.tensor([0.1, 0.3]).view(2, 1, 1, 1).expand(2, 1, SIDE, SIDE)
    masks = smooth_parts(torch.ones_like(region()), 3, fresh(1), share=0.4)
    rise, p, alone = rises(judge, masks, infill, 1)
    for i, mask in enumerate(masks):
        gained = []
        for j, baseline in enumerate(infill):
            shown = masked_input(judge.scene.x, mask[None].float(), baseline[None])
            before, after = baseline.mean().double(), judge.classifier(shown)[0, 1].double()
            assert p[i, j, 1] == pytest.approx(after.item())
            after = after.clamp(1e-6, 1 - 1e-6)
            gained.append((after / (1 - after)).log() - (before / (1 - before)).log())
        assert rise[i].item() == pytest.approx(float(sum(gained)) / 2, abs=1e-4)
    assert alone[:, 1].tolist() == pytest.approx([0.1, 0.3])
