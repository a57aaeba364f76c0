"""Filling a rim place by place and going through the whole map are one operation."""

import pytest
import torch
import torch.nn.functional as F

from med_cam.removal.filling import CACHED, bits_of, kept, neighbours
from med_cam.removal.level import SMALL, Level
from removal.test_layer_masking import fresh, masks

LARGE = 17  # a side: more than SMALL places


def several():
    """A mask each: two random ones, one that shows all, one that shows nothing, one that does
    not reach the map's edge.
    """
    inner = torch.zeros(1, 1, LARGE, LARGE)
    inner[..., 5:9, 6:12] = 1
    whole = torch.ones_like(inner)
    return torch.cat([masks(1, LARGE, 1), whole, masks(1, LARGE, 2), 0 * whole, inner])


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_the_rim_alone_is_filled_as_the_whole_map_is(rounds, padded):
    assert LARGE * LARGE > SMALL
    shown, inside = several(), None
    if padded:
        inside = torch.zeros(1, 1, LARGE, LARGE, dtype=torch.bool)
        inside[..., 1:-2, 2:] = True
        shown = shown * inside
    x = torch.randn(len(shown), 3, LARGE, LARGE, generator=fresh())
    by_rim = Level(shown, inside).filled(x, rounds)
    whole_map = Level(shown, inside).filled(x.clone().requires_grad_(), rounds)
    torch.testing.assert_close(by_rim, whole_map.detach(), rtol=1e-6, atol=1e-6)
    pairs = zip(shown.split(1), x.split(1), strict=True)
    alone = [Level(mask, inside).filled(image, rounds) for mask, image in pairs]
    torch.testing.assert_close(by_rim, torch.cat(alone), rtol=1e-6, atol=1e-6)


def test_one_mask_serves_many_images():
    shown, x = masks(1, LARGE), torch.randn(3, 2, LARGE, LARGE, generator=fresh())
    one = Level(shown).filled(x, 2)
    each = Level(shown.expand(3, -1, -1, -1)).filled(x, 2)
    assert torch.equal(one, each)


@pytest.mark.parametrize("side", [8, LARGE])
@pytest.mark.parametrize("strange", [float("nan"), float("inf"), -1e30])
def test_what_stands_in_hidden_places_has_no_influence(side, strange):
    shown = masks(1, side)
    x = torch.randn(1, 2, side, side, generator=fresh())
    other = torch.where(shown > 0, x, strange)
    for rounds in (1, 2):
        assert torch.equal(Level(shown).filled(x, rounds), Level(shown).filled(other, rounds))
    assert torch.equal(Level(shown).weighted(x), Level(shown).weighted(other))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_hidden_places_are_zero_in_every_precision(dtype):
    shown = masks(1, 8)
    x = torch.randn(1, 2, 8, 8, generator=fresh()).to(dtype)
    assert torch.equal(kept(x, bits_of(shown)), x * shown.to(dtype))
    turned = x.to(memory_format=torch.channels_last)
    assert torch.equal(kept(turned, bits_of(shown)), x * shown.to(dtype))


def test_where_all_is_shown_nothing_is_computed():
    x = torch.randn(1, 2, 8, 8, generator=fresh())
    level = Level(torch.ones(1, 1, 8, 8))
    assert level.filled(x, 2) is x
    assert level.weighted(x) is x


def test_a_map_that_is_filled_is_not_changed_itself():
    x = torch.randn(1, 2, LARGE, LARGE, generator=fresh())
    before = x.clone()
    Level(masks(1, LARGE)).filled(x, 2)
    assert torch.equal(x, before)


@pytest.mark.parametrize("size", [(2, 3, 7, 5), (1, 1, 1, 1), (2, 1, 1, 6), (3, 10, 200, 200)])
def test_neighbours_are_the_sum_of_nine_places(size):
    x = torch.randn(size, generator=fresh(), dtype=torch.float64)
    assert size[0] == 1 or size[1] < 10 or x[:1].numel() * 3 > CACHED  # in several turns
    torch.testing.assert_close(neighbours(x), 9 * F.avg_pool2d(x, 3, 1, 1))


def test_the_gradient_of_neighbours_is_right():
    x = torch.randn(2, 2, 5, 4, generator=fresh(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(neighbours, x)
    assert torch.autograd.gradgradcheck(neighbours, x)


def test_the_gradient_of_filling_is_right():
    x = torch.randn(1, 2, 5, 5, generator=fresh(), dtype=torch.float64, requires_grad=True)
    soft = torch.rand(1, 1, 5, 5, generator=fresh(1), dtype=torch.float64) * 0.8 + 0.1
    soft.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, m: Level(m).filled(x, 2), (x, soft))
