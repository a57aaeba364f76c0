"""The soft edge inside a mask, and painted removals that have one."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.baselines import BASELINES, FEATHERED, FIXED, HARD, INSIDE, OF_REFERENCES, hard
from med_cam.masking.masked_input import masked_input
from med_cam.masking.samplers import SAMPLERS, baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.feather import feathered, radius_of
from med_cam.removal.samples import Samples, joined

SIDE = 18
PAINTED = sorted(SAMPLERS)


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(feather=2):
    x = torch.rand(1, 3, SIDE, SIDE, generator=fresh()) + 0.5
    colour = torch.zeros(1, 3, 1, 1)
    others = torch.rand(3, 3, SIDE, SIDE, generator=fresh(1))
    seen = torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool)
    return Scene(x, seen, colour - 2, colour + 2, others, feather=feather)


def box(top, left, size):
    mask = torch.zeros(1, 1, SIDE, SIDE)
    mask[..., top : top + size, left : left + size] = 1
    return mask


def seen_by(images):
    return images


def weight_at(mask, row, column, radius):
    """From the definition: two means over windows, the image's edge repeated, by plain sums."""
    last, reach = SIDE - 1, range(-radius, radius + 1)
    total = 0.0
    for a in reach:
        for b in reach:
            i, j = min(max(row + a, 0), last), min(max(column + b, 0), last)
            for c in reach:
                for d in reach:
                    total += mask[min(max(i + c, 0), last)][min(max(j + d, 0), last)]
    mean = total / (2 * radius + 1) ** 4
    return max(0.0, 2 * mean - 1) * mask[row][column]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 9), st.integers(1, 2))
def test_a_feathered_edge_is_that_of_plain_sums(top, left, size, radius):
    mask = box(top, left, size)
    plain = mask[0, 0].tolist()
    expected = [[weight_at(plain, i, j, radius) for j in range(SIDE)] for i in range(SIDE)]
    found = feathered(mask, radius)
    torch.testing.assert_close(found[0, 0], torch.tensor(expected), rtol=0, atol=1e-5)
    assert not found[mask == 0].any()


def test_without_a_radius_the_mask_stays_as_it_is():
    mask = box(3, 4, 6)
    assert torch.equal(feathered(mask, 0), mask)
    assert torch.equal(feathered(mask.bool(), 0), mask)


def test_the_edge_of_the_image_is_no_edge_of_the_mask():
    assert torch.equal(feathered(torch.ones(1, 1, 9, 9), 3), torch.ones(1, 1, 9, 9))


@pytest.mark.parametrize(
    ("share", "height", "width", "radius"),
    [(0.025, 224, 300, 3), (0.025, 32, 32, 1), (0.1, 300, 200, 10), (0.001, 224, 224, 1)],
)
def test_the_width_goes_with_the_shorter_side(share, height, width, radius):
    assert radius_of(share, height, width) == radius


def test_each_painted_baseline_has_a_name_with_a_feathered_edge():
    names = {name for name in BASELINES if name.startswith(FEATHERED)}
    assert {hard(name) for name in names} == set(HARD) - INSIDE
    for name in names:
        assert (name in FIXED) == (hard(name) in FIXED)
        assert BASELINES[name].content == BASELINES[hard(name)].content
        assert (name in OF_REFERENCES) == (hard(name) == "others")
        assert "feathered" in BASELINES[name].words


@pytest.mark.parametrize("name", PAINTED)
def test_what_is_painted_is_what_is_painted_without_a_feather(name):
    s = scene()
    soft, plain = baseline(FEATHERED + name, s, fresh(3)), baseline(name, s, fresh(3))
    assert isinstance(soft, Samples)
    assert soft.feathers == (2,)
    torch.testing.assert_close(soft.infill, plain, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", PAINTED)
def test_evidence_fades_into_the_baseline_inside_the_mask_only(name):
    s, mask = scene(), box(4, 3, 11)
    shown = View(seen_by, s).over(mask, baseline(FEATHERED + name, s, fresh(3)))
    weights = feathered(mask, 2)
    painted = baseline(name, s, fresh(3))
    expected = masked_input(s.x, weights, painted)
    torch.testing.assert_close(shown, expected)
    whole = (weights == 1).expand_as(shown)
    assert whole.any()
    assert torch.equal(shown[whole], s.x[whole])


@pytest.mark.parametrize("name", sorted(set(PAINTED) - {"blur", "mean", "shuffled"}))
def test_hidden_pixels_have_no_influence_bit_for_bit(name):
    s, mask = scene(), box(4, 3, 11)
    other = torch.where(mask > 0, s.x, torch.randn(s.x.shape, generator=fresh(9)) * 9)
    view, sample = View(seen_by, s), baseline(FEATHERED + name, s, fresh(3))
    assert torch.equal(view.over(mask, sample), view.over(mask, sample, content=other))


def test_both_edges_beside_each_other_keep_their_order():
    s, masks = scene(), torch.cat([box(2, 2, 12), box(4, 4, 9), box(1, 5, 10)])
    names = ("feathered_grey", "gaussian", "feathered_others")
    samples = [baseline(name, s, fresh(i)) for i, name in enumerate(names)]
    view = View(seen_by, s)
    together = view.over(masks, joined(samples))
    for i, sample in enumerate(samples):
        alone = view.over(masks[i : i + 1], sample)
        torch.testing.assert_close(together[i : i + 1], alone)


def test_a_search_sees_beyond_a_feathered_edge_what_it_sees_without():
    s = scene()
    soft = (box(4, 3, 11) * 0.8 + 0.1).requires_grad_()
    seen = View(seen_by, s).over(soft, baseline("feathered_black", s, fresh()))
    seen.sum().backward()
    plain = (s.x - s.black).sum(dim=1, keepdim=True)
    torch.testing.assert_close(soft.grad, plain)
