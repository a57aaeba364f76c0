"""The search on a classifier whose needed region is known; its masks, and what it leaves alone."""

import dataclasses
from contextlib import contextmanager
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.case.case import observed, reference_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config, Search
from med_cam.errors import ConfigError
from med_cam.images.image import Image
from med_cam.search.train import Scores, infill, look_at_discs, nested_masks, search, soft_mask
from med_cam.search.unet import UNet

SIDE = 40
QUICK = Search(steps=12, grid=8, widths=(8, 16), places=3, radii=(0.6,), jitter=1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Bright(nn.Module):
    """Class 1 where the best 8 x 8 window is bright."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 2, 4, stride=4, bias=False)
        nn.init.constant_(self.patches.weight, 1 / 16)
        self.act = nn.ReLU()
        self.window = nn.AvgPool2d(2, 1)
        self.head = nn.Linear(1, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[-3.0], [3.0]]))
            self.head.bias.copy_(torch.tensor([1.5, -1.5]))

    def forward(self, x):
        patches = self.act(self.patches(x))
        return self.head(self.window(patches).amax(dim=(2, 3))[:, :1])


@contextmanager
def the_case(place=(8, 20), module=None):
    pixels = torch.rand(1, SIDE, SIDE, generator=generator(5)) * 0.3 + 0.2
    pixels[:, place[0] : place[0] + 8, place[1] : place[1] + 8] = 1.0
    model = Classifier(
        module or Bright(),
        ("dark", "bright"),
        (SIDE, SIDE),
        1,
        (0.5,),
        (0.5,),
        hooked_layers=("act",),
    )
    with hooks_attached(model) as forward:
        yield observed(forward, model, Image(pixels), Config())


def maps_of(case, config, seed=0, on_step=None):
    case = dataclasses.replace(case, config=config)
    drawn = generator(seed)
    looked = look_at_discs(case, drawn)
    return search(case, reference_of(case, 0.8), drawn, looked, on_step)


@pytest.mark.parametrize("place", [(8, 20), (20, 4)])
@pytest.mark.parametrize("places", [0, 3])
def test_scores_are_higher_on_what_is_needed_than_elsewhere(place, places):
    config = Config(search=dataclasses.replace(QUICK, steps=24, places=places))
    needed = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    needed[place[0] : place[0] + 8, place[1] : place[1] + 8] = True
    with the_case(place) as case:
        assert case.target.index == 1
        maps, _ = maps_of(case, config)
    last = maps[0, 0]
    assert last[needed].mean() > last[~needed].mean() + last[~needed].std()


@given(
    st.integers(1, 6),
    st.floats(0.02, 0.3),
    st.floats(1.2, 3.0),
    st.integers(0, 10**6),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_nested_masks_have_the_areas_drawn_and_are_nested(masks, smallest, factor, seed, tied):
    s = Search(masks=masks, smallest=smallest, largest=smallest * factor, jitter=0)
    scores = torch.randn(1, 1, 32, 32, generator=generator(1))
    hard = nested_masks(scores, s, generator(seed), hard=True)
    areas = (hard > 0.5).float().mean(dim=(1, 2, 3))
    assert hard.shape == (masks, 1, 32, 32)
    edges = [smallest * factor ** (i / masks) for i in range(masks + 1)]
    for area, low, high in zip(areas.tolist(), edges[:-1], edges[1:], strict=True):
        assert low - 1 / 1024 <= area <= high + 1 / 1024  # one sample from each equal part
    for small, large in pairwise(hard):
        assert not ((small > 0.5) & ~(large > 0.5)).any()


def test_a_hard_mask_is_binary_and_its_gradient_that_of_the_soft_one():
    s = Search(masks=3, jitter=0)
    scores = torch.randn(1, 1, 16, 16, generator=generator(1))
    weights = torch.randn(3, 1, 16, 16, generator=generator(2))
    slopes = {}
    for hard in (False, True):
        leaf = scores.clone().requires_grad_()
        mask = nested_masks(leaf, s, generator(7), hard=hard)
        (slopes[hard],) = torch.autograd.grad((mask * weights).sum(), leaf)
        assert ((mask.round() - mask).abs().max() < 1e-6) == hard
    torch.testing.assert_close(slopes[True], slopes[False])
    assert slopes[True].abs().max() > 0


def test_jitter_moves_all_masks_of_a_step_alike_and_no_further_than_it_may():
    s = Search(masks=2, smallest=0.2, largest=0.4, jitter=2)
    still = dataclasses.replace(s, jitter=0)
    scores = torch.randn(1, 1, 24, 24, generator=generator(1))
    moves = set()
    for seed in range(30):
        mask = nested_masks(scores, s, generator(seed), hard=True)[..., 2:-2, 2:-2]
        base = nested_masks(scores, still, generator(seed), hard=True)
        found = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if torch.equal(mask, base[..., 2 - dy : 22 - dy, 2 - dx : 22 - dx])
        ]
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) > 10
    assert {abs(v) for move in moves for v in move} == {0, 1, 2}


def test_the_papers_mask_is_the_sigmoid_of_the_scores():
    scores = torch.tensor([[[[0.0, 2.0], [-1.0, 30.0]]]])
    got = soft_mask(scores, Search(form="sigmoid"), generator(), hard=True)
    expected = [1 / (1 + 2.718281828459045**-v) for v in (0.0, 2.0, -1.0, 30.0)]
    assert got.flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("form", ["sigmoid", "quantile"])
def test_the_search_asks_for_its_form(form):
    """The sigmoid starts at one half everywhere; a quantile mask at the area drawn."""
    with the_case() as case:
        config = Config(search=dataclasses.replace(QUICK, form=form, steps=1, places=0))
        _, (step,) = maps_of(case, config)
    assert (step.area == pytest.approx(0.5)) == (form == "sigmoid")


@pytest.mark.parametrize("widths", [(8, 16), ()])
@pytest.mark.parametrize("grid", [0, 8])
def test_every_weight_of_the_scores_gets_a_gradient(widths, grid):
    x = torch.randn(1, 1, SIDE, SIDE, generator=generator(1))
    scores = Scores(x, dataclasses.replace(QUICK, widths=widths, grid=grid), generator())
    for part in scores.modules():
        if isinstance(part, UNet):
            nn.init.normal_(part.exit.weight, generator=generator(2))
    got = scores()
    assert got.shape == (1, 1, SIDE, SIDE)
    (got * torch.randn(got.shape, generator=generator(3))).sum().backward()
    named = dict(scores.named_parameters())
    assert named
    assert [n for n, p in named.items() if p.grad is None or not p.grad.any()] == []


def test_the_u_net_moves_in_the_first_step_already():
    with the_case() as case:
        maps, _ = maps_of(case, Config(search=dataclasses.replace(QUICK, steps=1, maps=1)))
    last, first = maps
    assert not torch.equal(last, first)


@pytest.mark.parametrize(
    ("steps", "count", "places", "expected"),
    [(12, 4, 3, 5), (12, 1, 3, 2), (12, 4, 0, 4), (3, 4, 3, 4), (0, 4, 3, 1), (0, 4, 0, 1)],
)
def test_maps_are_the_last_first_and_the_disc_map_last(steps, count, places, expected):
    s = dataclasses.replace(QUICK, steps=steps, maps=count, places=places)
    with the_case() as case:
        maps, course = maps_of(case, Config(search=s))
        (only, *_), _ = maps_of(case, Config(search=dataclasses.replace(s, maps=1)))
        disc_map = maps_of(case, Config(search=dataclasses.replace(s, steps=0)))[0]
    assert maps.shape == (expected, 1, SIDE, SIDE)
    assert torch.equal(maps[0], only)  # the last step's
    assert not maps.requires_grad
    assert [step.index for step in course] == list(range(steps))
    if places:
        assert torch.equal(maps[-1:], disc_map)
        assert disc_map.std().item() == pytest.approx(s.look_weight, rel=1e-3)
    if steps == 12 and count == 4:  # evenly: after steps 3, 6, 9 and 12; half of them is after 6
        short = dataclasses.replace(s, steps=6, maps=1, straight_from=1.0)
        full = dataclasses.replace(s, straight_from=1.0)
        with the_case() as case:
            assert torch.equal(
                maps_of(case, Config(search=short))[0][0], maps_of(case, Config(search=full))[0][2]
            )


def test_each_step_is_reported_as_it_is_done():
    reported = []
    with the_case() as case:
        _, course = maps_of(case, Config(search=QUICK), on_step=reported.append)
    assert tuple(reported) == course
    assert all(0 < step.area < 1 for step in course)
    first = course[0].terms  # on the evidence, and over noise
    assert first["cross_entropy"] != first["robustness"]


def test_a_loss_that_is_no_number_ends_the_search_in_a_sentence():
    class Broken(Bright):
        def forward(self, x):
            return super().forward(x) + (torch.nan if torch.is_grad_enabled() else 0.0)

    with (
        the_case(module=Broken()) as case,
        pytest.raises(ConfigError, match=r"loss of the search is nan in step 1; .*learning_rate"),
    ):
        maps_of(case, Config(search=QUICK))


def test_the_classifier_gets_no_gradient():
    module = Bright()
    with the_case(module=module) as case:
        maps_of(case, Config(search=QUICK))
    assert all(p.grad is None for p in module.parameters())


def test_the_same_generator_gives_the_same_maps_whatever_the_global_one():
    with the_case() as case:
        first = maps_of(case, Config(search=QUICK), seed=3)[0]
        torch.rand(5)
        before = torch.get_rng_state()
        again = maps_of(case, Config(search=QUICK), seed=3)[0]
        assert torch.equal(torch.get_rng_state(), before)
        other = maps_of(case, Config(search=QUICK), seed=4)[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_robustness_is_asked_over_the_random_baselines_where_there_are_any():
    with the_case() as case:
        mask = torch.zeros(4, 1, SIDE, SIDE)
        drawn = infill(case.scene, ("grey", "gaussian", "uniform"), mask, generator())
        assert not any(torch.equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])
        assert drawn[0].std().item() == pytest.approx(1, abs=0.1)  # gaussian and uniform in turn
        assert drawn[1].abs().max() <= 1
        fixed = infill(case.scene, ("grey", "black"), mask, generator())
        assert fixed.flatten(1)[:, 0].tolist() == [0, -1, 0, -1]
