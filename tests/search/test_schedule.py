"""In which order the paper's terms come in, and what an emptied mask is followed by."""

import dataclasses
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from torch import nn

from med_cam.case.case import observed, reference_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import PRESETS, grouped
from med_cam.config.settings import Config, Objective, Search
from med_cam.errors import ConfigError
from med_cam.images.image import Image
from med_cam.search import train
from med_cam.search.schedule import learning_rate, sharpness, so_far
from med_cam.search.starts import best_of_starts, cut_loss

PAPER = PRESETS["paper-histology"].search
SIDE, PLACE = 32, (slice(8, 16), slice(16, 24))


class Bright(nn.Module):
    """Class 1 by how bright one 8 x 8 place is, and nothing else."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(12.0), requires_grad=False)

    def forward(self, x):
        level = self.gain * (x[:, 0, *PLACE].mean(dim=(1, 2)) - 0.5)
        return torch.stack([-level, level], dim=1)


@contextmanager
def the_case(search):
    pixels = torch.full((1, SIDE, SIDE), 0.4)
    pixels[0, *PLACE] = 1.0
    model = Classifier(Bright(), ("dark", "bright"), (SIDE, SIDE), 1, (0.0,), (1.0,))
    objective = Objective(weights=grouped(10.0, 100.0, 10.0), distance="mse")
    with hooks_attached(model) as forward:
        yield observed(forward, model, Image(pixels), Config(objective=objective, search=search))


def small(**changes):
    """The paper's search with a smaller net and fewer steps."""
    given = {"steps": 80, "widths": (8, 16), "learning_rate": 1e-2, "maps": 4} | changes
    return dataclasses.replace(PAPER, **given)


def found(search, seed=0):
    with the_case(search) as case:
        reference = reference_of(case, 0.5)
        generator = torch.Generator().manual_seed(seed)
        looked = train.look_at_discs(case, generator)
        maps, steps = best_of_starts(case, reference, generator, looked)
        return maps, steps, [cut_loss(case, reference, scores > 0) for scores in maps.split(1)]


def test_the_sparse_terms_come_in_between_their_shares_and_no_other_changes():
    objective = Objective(weights=grouped(10.0, 100.0, 10.0))
    search = dataclasses.replace(PAPER, steps=100, sparse_from=0.2, sparse_until=0.6)
    for step, part in ((0, 0.0), (20, 0.0), (30, 0.25), (50, 0.75), (60, 1.0), (99, 1.0)):
        weights = so_far(objective, search, step).weights
        sparse = (weights.area, weights.binarization, weights.total_variation)
        assert sparse == pytest.approx((100 * part,) * 3)
        rest = (weights.activation, weights.kl, weights.cross_entropy, weights.robustness)
        assert rest == (10.0,) * 4


def test_without_a_schedule_nothing_changes():
    search = Search()
    for step in range(search.steps):
        assert so_far(Objective(), search, step) is not None
        assert so_far(Objective(), search, step).weights == Objective().weights
        assert sharpness(search, step) == 1.0
        assert learning_rate(search, step) == search.learning_rate


def test_masks_sharpen_by_the_same_factor_in_each_step_and_steps_become_smaller():
    search = dataclasses.replace(
        PAPER, steps=100, sharper_from=0.5, sharpness=16.0, slower_from=0.5
    )
    assert [sharpness(search, step) for step in (0, 50, 75)] == pytest.approx([1, 1, 4])
    rates = [learning_rate(search, step) / search.learning_rate for step in range(100)]
    assert rates[:51] == [1.0] * 51
    assert rates[75] == pytest.approx(0.525)  # the middle of 1 and a twentieth
    assert all(later < earlier for earlier, later in pairwise(rates[50:]))
    assert rates[-1] == pytest.approx(0.05, abs=0.01)


def test_the_papers_weights_do_not_empty_a_mask_whose_evidence_is_planted():
    search = small(steps=160)
    maps, _, losses = found(search, seed=4)  # three of eight seeds leave more beside the place
    mask, truth = maps[0, 0] > 0, torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    truth[0, 0, *PLACE] = True
    assert (mask & truth[0, 0]).sum() > 0.9 * mask.sum() > 0
    with the_case(search) as case:
        reference = reference_of(case, 0.5)
        empty = cut_loss(case, reference, torch.zeros_like(truth))
        assert losses[0] <= cut_loss(case, reference, truth)  # a part of the place is enough
        assert losses[0] < 0.5 * empty


def test_the_map_whose_cut_mask_costs_least_comes_first():
    *_, losses = found(small())
    assert losses == sorted(losses)
    assert len(losses) == 5  # four on the way, and the disc map


def test_an_emptied_mask_is_followed_by_another_start_and_a_good_one_is_not():
    emptied = small(
        steps=6, learning_rate=3.0, sparse_until=0.0, sparse_from=0.0, places=0, starts=3
    )
    _, steps, _ = found(emptied)
    assert [step.index for step in steps] == list(range(18))
    _, steps, _ = found(small())
    assert len(steps) == 80


def test_one_start_takes_the_last_map_first():
    search = small(starts=1, steps=8)
    maps, _, _ = found(search)
    with the_case(search) as case:
        generator = torch.Generator().manual_seed(0)
        looked = train.look_at_discs(case, generator)
        alone, _ = train.search(case, reference_of(case, 0.5), generator, looked)
    assert torch.equal(maps, alone)


def test_the_sparse_terms_cannot_end_before_they_begin():
    with pytest.raises(ConfigError, match="sparse_from must not be above"):
        dataclasses.replace(PAPER, sparse_from=0.8, sparse_until=0.2)
