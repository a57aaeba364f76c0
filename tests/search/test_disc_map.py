"""The disc map, on a classifier that looks at one known place."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.search.disc_map import disc_map, discs, standardised

SIDE = 40
FLAT = torch.zeros(1, 3, 1, 1)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scene():
    x = torch.rand(1, 3, SIDE, SIDE, generator=generator(1)) + 1
    valid = torch.ones(1, 1, SIDE, SIDE, dtype=torch.bool)
    return Scene(x, valid, FLAT - 2, FLAT + 2, x[:0])


def sees(row, column, size=6):
    """The share of a square that is brighter than grey, as the probability of class 1."""
    asked = []

    def predict(x):
        asked.append(len(x))
        lit = (x[..., row : row + size, column : column + size] > 0.99).float()
        p = 0.02 + 0.96 * lit.mean(dim=(1, 2, 3))
        return torch.stack([1 - p, p], dim=1)

    return predict, asked


@pytest.mark.parametrize("place", [(4, 6), (28, 30), (17, 17), (2, 32)])
def test_the_disc_map_is_highest_where_the_classifier_looks(place):
    predict, _ = sees(*place)
    masks = discs(SIDE, SIDE, 5, (0.6, 0.35))
    found = disc_map(View(predict, scene()), 1, masks, ("grey",), generator())[0, 0]
    row, column = divmod(int(found.argmax()), SIDE)
    assert abs(row - place[0] - 3) <= 6
    assert abs(column - place[1] - 3) <= 6
    inside = found[place[0] : place[0] + 6, place[1] : place[1] + 6]
    assert inside.mean() > 1  # standard deviations above the mean


def test_the_disc_map_of_the_other_class_is_lowest_there():
    predict, _ = sees(28, 30)
    found = disc_map(
        View(predict, scene()), 0, discs(SIDE, SIDE, 5, (0.5,)), ("grey",), generator()
    )[0, 0]
    row, column = divmod(int(found.argmin()), SIDE)
    assert abs(row - 31) <= 6
    assert abs(column - 33) <= 6


@given(st.integers(1, 6), st.lists(st.floats(0.1, 1.5), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_the_disc_map_costs_one_pass_per_place_and_radius(places, radii):
    predict, asked = sees(10, 10)
    masks = discs(SIDE, SIDE, places, radii)
    disc_map(View(predict, scene()), 1, masks, ("grey", "gaussian"), generator())
    assert sum(asked) == len(masks) == places**2 * len(radii)


def test_a_disc_map_has_mean_zero_and_deviation_one():
    predict, _ = sees(10, 10)
    found = disc_map(
        View(predict, scene()), 1, discs(SIDE, SIDE, 5, (0.6,)), ("gaussian",), generator(2)
    )
    assert found.mean().item() == pytest.approx(0, abs=1e-5)
    assert found.std().item() == pytest.approx(1, abs=1e-4)


def test_a_classifier_without_a_preference_gives_next_to_nothing():
    found = disc_map(
        View(lambda x: torch.full((len(x), 2), 0.5), scene()),
        1,
        discs(SIDE, SIDE, 5, (2.0,)),  # every disc is the whole model input
        ("grey",),
        generator(),
    )
    assert found.std() < 0.2  # rounding; a map that found something has 1
    assert torch.equal(standardised(torch.zeros(1, 1, 4, 4)), torch.zeros(1, 1, 4, 4))


def test_baselines_take_turns():
    seen = []

    def predict(x):
        seen.append(x[:, 0, 0, 0])  # a corner that no disc holds
        return torch.full((len(x), 2), 0.5)

    disc_map(
        View(predict, scene()), 1, discs(SIDE, SIDE, 2, (0.3,)), ("black", "white"), generator()
    )
    assert torch.cat(seen).tolist() == [-2, 2, -2, 2]


def test_discs_are_round_and_where_they_are_said_to_be():
    masks = discs(30, 50, 3, (0.4, 0.8))
    assert set(masks.unique().tolist()) <= {0.0, 1.0}
    for index, mask in enumerate(masks):
        radius = (0.4, 0.8)[index // 9] * 15
        row, column = divmod(index % 9, 3)
        y, x = (row + 0.5) * 10, (column + 0.5) * 50 / 3
        for i in range(0, 30, 3):
            for j in range(0, 50, 3):
                away = (i + 0.5 - y) ** 2 + (j + 0.5 - x) ** 2
                if abs(away**0.5 - radius) > 1e-3:
                    assert mask[0, i, j].item() == float(away < radius**2)
