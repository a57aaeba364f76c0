"""Random views: what they leave as it is, and what they must never do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam_studies.training.augment import (
    baselines,
    batch_of_views,
    blobs,
    coloured,
    jittered,
    normalised,
    shares,
    turned,
)
from med_cam_studies.training.recipes import Recipe

SIDE = 32
HALF = Recipe(mean=(0.5,) * 3, std=(0.5,) * 3)  # normalised values are those in [-1, 1]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=30, deadline=None)
@given(share=st.floats(0.01, 0.95), seed=st.integers(0, 10**6))
def test_a_blob_shows_its_share_to_the_pixel(share, seed):
    x = torch.zeros(2, 3, SIDE, SIDE)
    mask = blobs(x, torch.tensor([share, 0.5]), generator(seed))
    assert mask.shape == (2, 1, SIDE, SIDE)
    assert set(mask.unique().tolist()) <= {0.0, 1.0}
    visible = mask.mean(dim=(1, 2, 3)) * SIDE**2
    # The quantile lies between two neighbours in order, so the count is off by less than one.
    assert abs(visible[0].item() - share * SIDE**2) <= 1
    assert abs(visible[1].item() - SIDE**2 / 2) <= 1


def test_jitter_never_flips():
    """A bright patch stays in its quarter, whichever quarter and whatever the sample."""
    for row, column in ((4, 4), (4, 20), (20, 4), (20, 20)):
        x = torch.full((64, 1, SIDE, SIDE), -1.0)
        x[:, :, row : row + 8, column : column + 8] = 1.0
        seen = jittered(x, generator(7))
        quarters = seen.view(64, 2, SIDE // 2, 2, SIDE // 2).sum(dim=(2, 4)).flatten(1)
        assert set(quarters.argmax(dim=1).tolist()) == {2 * (row >= 16) + (column >= 16)}


def test_jitter_stays_in_range_and_moves_a_little_only():
    x = torch.rand(16, 1, SIDE, SIDE, generator=generator()) * 2 - 1
    seen = jittered(x, generator(1))
    assert seen.min() >= -1
    assert seen.max() <= 1
    assert not torch.equal(seen, x)
    blurred = [torch.nn.functional.avg_pool2d(v, 8) for v in (x, seen)]
    assert (blurred[0] - blurred[1]).abs().mean() < 0.4


@pytest.mark.parametrize("seed", range(4))
def test_baselines_know_nothing_of_places(seed):
    """None shows the bright half of the image where it is: mean by half, over many samples."""
    x = torch.full((100, 3, SIDE, SIDE), -1.0)
    x[..., SIDE // 2 :] = 1.0
    seen = baselines(x, HALF, generator(seed))
    left, right = seen[..., : SIDE // 2].mean(), seen[..., SIDE // 2 :].mean()
    assert seen.shape == x.shape
    assert abs(left - right) < 0.05


FIELDS = st.fixed_dictionaries(
    {
        "masked": st.integers(0, 6),
        "empty": st.integers(0, 3),
        "smallest_share": st.floats(0.03, 0.3),
        "largest_share": st.floats(0.4, 0.9),
        "uniform_share": st.booleans(),
    }
)


def batch(seed):
    x = torch.rand(12, 3, SIDE, SIDE, generator=generator(seed)) * 2 - 1
    labels = torch.randint(0, 4, (12,), generator=generator(seed + 1))
    return x, torch.nn.functional.one_hot(labels, 4).float()


@settings(max_examples=25, deadline=None)
@given(fields=FIELDS, seed=st.integers(0, 10**6))
def test_labels_of_masked_images_stay_and_empty_ones_are_uniform(fields, seed):
    recipe = Recipe(**fields)
    x, target = batch(seed)
    seen, wanted = batch_of_views(x, target, recipe, generator(seed))
    labelled = len(x) - recipe.empty
    assert torch.equal(wanted[:labelled], target[:labelled])
    assert torch.equal(wanted[labelled:], torch.full((recipe.empty, 4), 0.25))
    whole = labelled - recipe.masked
    assert torch.equal(seen[:whole], x[:whole])


@settings(max_examples=25, deadline=None)
@given(fields=FIELDS, seed=st.integers(0, 10**6))
def test_a_masked_image_shows_a_share_in_range_and_an_empty_one_nothing(fields, seed):
    recipe = Recipe(**fields)
    x = torch.full((12, 3, SIDE, SIDE), 7.0)  # a value that no constant or noise takes
    x[:, :, ::2] = 9.0
    target = torch.eye(4)[torch.zeros(12, dtype=torch.long)]
    seen, _ = batch_of_views(x, target, recipe, generator(seed))
    shown = (seen == x).all(dim=1).float().mean(dim=(1, 2))
    whole = 12 - recipe.empty - recipe.masked
    masked, empty = shown[whole : 12 - recipe.empty], shown[12 - recipe.empty :]
    assert (shown[:whole] == 1).all()
    assert (masked >= recipe.smallest_share - 1 / SIDE**2).all()
    # Shuffled pixels are in place by chance half of the time, so only the lower bound is sharp.
    assert (masked <= recipe.largest_share + 0.5 * (1 - recipe.largest_share) + 0.1).all()
    assert (empty < 0.6).all()


def test_the_batch_given_is_not_written_into():
    x, target = batch(3)
    before = x.clone(), target.clone()
    batch_of_views(x, target, Recipe(masked=4, empty=2), generator())
    assert torch.equal(x, before[0])
    assert torch.equal(target, before[1])


@pytest.mark.parametrize("uniform", [True, False])
def test_shares_are_uniform_or_their_logarithms_are(uniform):
    recipe = Recipe(smallest_share=0.04, largest_share=0.64, uniform_share=uniform)
    drawn = shares(4000, recipe, generator())
    assert drawn.min() >= 0.04
    assert drawn.max() <= 0.64 + 1e-6
    middle = 0.34 if uniform else 0.16  # the arithmetic or the geometric mean of the bounds
    assert abs((drawn < middle).float().mean().item() - 0.5) < 0.03


def test_constant_and_uniform_baselines_lie_between_black_and_white():
    """In the space of any mean and std; only Gaussian noise leaves it."""
    recipe = Recipe()
    black, white = (
        (level - torch.tensor(recipe.mean)) / torch.tensor(recipe.std) for level in (0.0, 1.0)
    )
    x = black.view(1, 3, 1, 1).expand(200, 3, 8, 8).contiguous()
    flat = baselines(x, recipe, generator(5)).flatten(2)
    inside = (flat >= black[:, None] - 1e-4) & (flat <= white[:, None] + 1e-4)
    gaussian = ~inside.flatten(1).all(dim=1)
    assert 0.1 < gaussian.float().mean() < 0.5  # two of eight kinds
    still = flat.amax(dim=2) - flat.amin(dim=2) < 1e-6
    assert still.all(dim=1).float().mean() > 0.3  # grey, black, white, constants, shuffled black


EIGHT = [
    np.rot90(m, turns).tolist()
    for m in (np.arange(9).reshape(3, 3), np.arange(9).reshape(3, 3)[:, ::-1])
    for turns in range(4)
]


@pytest.mark.parametrize(("turns", "wanted"), [("none", 1), ("mirror", 2), ("dihedral", 8)])
def test_turns_are_all_of_their_group_and_nothing_else(turns, wanted):
    x = torch.arange(9.0).view(1, 1, 3, 3).expand(200, -1, -1, -1)
    seen = {tuple(map(tuple, item.tolist())) for item in turned(x, turns, generator())[:, 0]}
    assert len(seen) == wanted
    assert seen <= {tuple(map(tuple, item)) for item in EIGHT}
    mirrored = {(2.0, 1.0, 0.0), (0.0, 1.0, 2.0)}
    assert turns == "dihedral" or {item[0] for item in seen} <= mirrored


def test_colour_changes_the_gain_of_each_channel_by_at_most_its_share():
    x = torch.zeros(500, 3, 2, 2)  # mid grey: half of white
    seen = (coloured(x, 0.2, generator()) + 1).flatten(2)
    assert (seen.amax(dim=2) == seen.amin(dim=2)).all()
    gains = seen[..., 0]
    assert 0.8 - 1e-6 <= gains.min() < 0.82
    assert 1.18 < gains.max() <= 1.2 + 1e-6
    assert (gains[:, 0] - gains[:, 1]).abs().mean() > 0.05  # channels on their own
    assert coloured(x, 0.0, generator()) is x


def test_normalised_is_mean_and_std_of_pixels_between_0_and_1():
    pixels = torch.rand(2, 3, 4, 4, generator=generator())
    recipe = Recipe()
    seen = normalised(pixels * 2 - 1, recipe)
    for channel in range(3):
        wanted = (pixels[:, channel] - recipe.mean[channel]) / recipe.std[channel]
        assert torch.allclose(seen[:, channel], wanted, atol=1e-6)
