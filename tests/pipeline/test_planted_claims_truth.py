"""What `planted_claims.py` says is provable, by plain masked inputs on the modules themselves."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from planted import MARGIN, POSITIONS, SIDE
from planted_claims import CASES, FIRST, MARK

SHIFTS = [
    (dy * n, dx * n) for n in (1, 2, 3) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx
]
EITHER, BOTH, CORNER = (
    [name for name in CASES if name.startswith(start)] for start in ("either", "both", "corner")
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def some(case, count, seed=0):
    """Truths at random positions."""
    g = generator(seed)
    chosen = torch.randperm(len(POSITIONS), generator=g)[:count].tolist()
    return [case.plant(POSITIONS[i], g) for i in chosen]


def z_of(case, x):
    """The second logit; the first is zero."""
    with torch.no_grad():
        logits = case.classifier.module(x)
    assert torch.equal(logits[:, 0], torch.zeros(len(x)))
    return logits[:, 1]


def around(seed=9, samples=8):
    """Grey once, then independent noise."""
    noise = torch.randn(samples, 3, SIDE, SIDE, generator=generator(seed))
    return torch.cat([torch.zeros(1, 3, SIDE, SIDE), noise])


def over(case, truth, mask, baselines):
    """z of what the mask keeps of the image, over each baseline."""
    x = (truth.image.pixels[None] - 0.5) / 0.25
    return z_of(case, torch.where(mask, x, baselines))


def threshold(case, truth):
    """What retains the prediction: half of the way from the baselines to the image."""
    baselines = around()
    p = z_of(case, baselines).sigmoid()
    p_baseline = (p[0] + p[1:].mean()) / 2  # each baseline counts once
    whole = torch.ones(SIDE, SIDE, dtype=torch.bool)
    p_image = over(case, truth, whole, baselines[:1]).sigmoid()[0]
    return (p_baseline + (p_image - p_baseline) / 2).item()


def retained(case, truth, mask, baselines):
    z = over(case, truth, mask, baselines)
    return (z > 0) & (z.sigmoid() >= threshold(case, truth))


def moved(mask, dy, dx):
    """Each true pixel moved; those that leave the frame are gone."""
    rows, columns = (mask.nonzero() + torch.tensor([dy, dx])).T
    inside = (rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE)
    result = torch.zeros_like(mask)
    result[rows[inside], columns[inside]] = True
    return result


def survived(case, truth, mask):
    """How many of the 24 shifts of the mask retain the prediction, over grey and over noise."""
    masks = torch.stack([moved(mask, dy, dx) for dy, dx in SHIFTS])[:, None]
    noise = torch.randn(24, 3, SIDE, SIDE, generator=generator(5))
    return [
        int(retained(case, truth, masks, baselines).sum())
        for baselines in (torch.zeros_like(noise), noise)
    ]


def without(region, share, seed=0):
    """The region less a share of its pixels, drawn at random."""
    places = region.nonzero()
    hidden = places[torch.randperm(len(places), generator=generator(seed))]
    rows, columns = hidden[: round(share * len(places))].T
    less = region.clone()
    less[rows, columns] = False
    return less


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_whole_images_are_called_what_was_planted_at_every_position(case):
    g = generator(3)
    x = torch.stack([case.plant(p, g).image.pixels for p in POSITIONS])
    assert z_of(case, (x - 0.5) / 0.25).numpy() == pytest.approx(3.8, abs=1e-3)


def test_nothing_wins_by_two_where_there_is_no_evidence(case):
    z = z_of(case, around(samples=64))
    assert z[0] == pytest.approx(-2, abs=1e-6)
    assert z[1:].numpy() == pytest.approx(-2, abs=0.1)


def test_each_way_with_its_margin_is_enough_and_survives_every_shift(case):
    for truth in some(case, 4):
        for way in truth.ways:
            assert retained(case, truth, way.enough, around()).all()
            assert survived(case, truth, way.enough) == [24, 24]


def test_each_way_without_its_margin_does_not_survive_the_shifts(case):
    for truth in some(case, 2):
        for way in truth.ways:
            assert max(survived(case, truth, way.needed)) < 0.9 * 24


@pytest.mark.parametrize("share", [0.5, 0.8, 0.96, 0.97, 0.99, 1.0])
def test_logits_are_those_of_the_formula(case, share):
    for truth in some(case, 2):
        for way in truth.ways:
            parts = [part for part in truth.parts if (part & way.needed).any()]
            masks = [without(part, 1 - share, seed) for seed, part in enumerate(parts)]
            seen = [m.sum().item() / p.sum().item() for m, p in zip(masks, parts, strict=True)]
            z = 0.8 * sum(seen) / len(seen) + 5 * max(0, min(seen) - 0.96) / 0.04 - 2
            found = over(case, truth, sum(masks) > 0, around()[:1])
            assert found.item() == pytest.approx(z, abs=2e-3)


@given(seed=st.integers(0, 9999), name=st.sampled_from(sorted(CASES)))
@settings(max_examples=40, deadline=None)
def test_no_mask_that_lacks_three_hundredths_of_every_way_retains_the_prediction(seed, name):
    case = CASES[name]
    (truth,) = some(case, 1, seed)
    mask = torch.ones(SIDE, SIDE, dtype=torch.bool)
    for way in truth.ways:
        part = truth.parts[seed % len(truth.parts)] & way.needed  # of two that are needed one
        region = part if part.any() else way.needed
        mask &= ~region | without(region, 0.03, seed)
    assert not retained(case, truth, mask, around()[:1]).any()


def test_more_than_that_of_one_way_retains_it(case):
    for truth in some(case, 4):
        for way in truth.ways:
            mask = without(way.needed, 0.025)
            assert retained(case, truth, mask, around()[:1]).all()


def test_any_half_of_a_part_fails_though_all_else_is_shown(case):
    stripes = (torch.arange(SIDE) % 2 == 0).expand(SIDE, SIDE)
    for truth in some(case, 3):
        for half in (stripes, ~stripes, stripes.T, ~stripes.T):
            for way in truth.ways:
                mask = ~truth.needed | way.needed & ~half
                assert not retained(case, truth, mask, around()).any()


def test_ways_are_as_many_as_alternatives_and_one_and_lie_apart(case):
    for truth in some(case, 64):
        assert len(truth.ways) == truth.alternatives + 1
        assert torch.equal(sum(way.enough.int() for way in truth.ways) > 0, truth.enough)
        assert sum(way.enough.int() for way in truth.ways).max() == 1


def test_without_all_ways_nothing_is_found(case):
    for truth in some(case, 8):
        assert (over(case, truth, ~truth.enough, around()) < -1.7).all()
        barely = sum(without(way.needed, 0.029) for way in truth.ways) > 0
        rest = ~truth.enough | truth.needed & ~barely
        assert (over(case, truth, rest, around()) < -1.7).all()


def test_evidence_is_necessary_where_it_is_said_to_be(case):
    for truth in some(case, 4):
        for way in truth.ways:
            left = over(case, truth, ~way.enough, around())
            assert truth.necessary == bool((left < 0).all())
            assert truth.necessary == bool((left < 3).any())


@pytest.mark.parametrize("name", EITHER)
def test_either_patch_alone_retains_the_prediction_in_full(name):
    case = CASES[name]
    for truth in some(case, 4):
        first, second = truth.parts
        assert (truth.alternatives, truth.necessary) == (1, False)
        for hidden in (first, second):
            assert (over(case, truth, ~hidden, around()) > 3.7).all()
        for share in (0.01, 0.02, 0.03, 0.1):  # the other half seen takes nothing away
            assert (over(case, truth, ~first | without(first, share), around()) > 3).all()


@pytest.mark.parametrize("name", BOTH)
def test_without_one_of_both_patches_nothing_is_found(name):
    case = CASES[name]
    for truth in some(case, 4):
        assert (truth.alternatives, truth.necessary) == (0, True)
        for part in truth.parts:
            assert (over(case, truth, ~part, around()) < -1.5).all()
            assert not retained(case, truth, part, around()).any()


@pytest.mark.parametrize("name", CORNER)
def test_the_mark_lies_in_the_corner_and_its_margin_fills_the_corner(name):
    for truth in some(CASES[name], 3):
        rows, columns = truth.needed.nonzero().T
        for places in (rows, columns):
            assert (places.min(), places.max()) == (FIRST, FIRST + MARK - 1)
        assert FIRST == MARGIN
        assert truth.enough[: FIRST + MARK, : FIRST + MARK].all()


@pytest.mark.parametrize("name", CORNER)
def test_no_mask_survives_the_shifts_without_touching_two_edges(name):
    """More pixels never hurt, so that it is shown of all masks by the largest."""
    for truth in some(CASES[name], 2):
        assert truth.border
        for edge in ((slice(0, 1), slice(None)), (slice(None), slice(0, 1))):
            mask = torch.ones(SIDE, SIDE, dtype=torch.bool)
            mask[edge] = False
            assert retained(CASES[name], truth, mask, around()).all()
            assert survived(CASES[name], truth, mask) == [21, 21]


@pytest.mark.parametrize("name", CORNER)
def test_what_is_not_the_mark_does_not_count(name):
    case = CASES[name]
    for truth in some(case, 3):
        hidden = over(case, truth, truth.needed, around())
        assert hidden.numpy() == pytest.approx(3.8, abs=1e-3)
        assert over(case, truth, ~truth.needed, around()[:1]).item() == -2


@pytest.mark.parametrize("name", CORNER)
def test_a_larger_disc_of_the_same_white_lies_elsewhere(name):
    for truth in some(CASES[name], 64):
        disc = (truth.image.pixels[0] == 1) & ~truth.needed
        assert disc.sum() > 1.5 * truth.needed.sum()
        assert not (disc & truth.enough).any()


def test_what_is_enough_lies_off_the_border_where_it_is_not_said_to_touch_it(case):
    for truth in some(case, 64):
        assert truth.border == bool(truth.enough[2:-2, 2:-2].sum() < truth.enough.sum())
