"""Pruning against predicates on sets of cells, whose answer is planted or found by brute force."""

import random
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.delta_debugging import despeckled, pruned

SIDE = 3
HARDEST = ("sample", 0)
GRID = 8


def mask_of(cells, grid=GRID):
    """One cell in two is full, of the others one pixel is evidence."""
    mask = torch.zeros(1, 1, grid * SIDE, grid * SIDE, dtype=torch.bool)
    for row, column in cells:
        top, left, size = row * SIDE, column * SIDE, SIDE if (row + column) % 2 else 1
        mask[..., top : top + size, left : left + size] = True
    return mask


def sufficiency_check(mask):
    """The cells that hold evidence, pixel by pixel."""
    return frozenset((y // SIDE, x // SIDE) for y, x in mask[0, 0].nonzero().tolist())


def all_cells(grid=GRID):
    return [(row, column) for row in range(grid) for column in range(grid)]


def pruned_by(cells, lost_on, weigh=lambda kept: 0.0, grid=GRID):
    """The result, and the sets of cells that were put to `lost` and to `weigh`, with the hints."""
    asked, weighed = [], []

    def lost(mask, hint):
        asked.append((sufficiency_check(mask), hint))
        return lost_on(sufficiency_check(mask))

    def weights(masks):
        weighed.extend(sufficiency_check(mask[None]) for mask in masks)
        return torch.tensor([float(weigh(sufficiency_check(mask[None]))) for mask in masks])

    found = pruned(mask_of(cells, grid), SIDE, weights, lost, HARDEST)
    return found, asked, weighed


def refuse(found, start, lost_on, weigh=lambda kept: 0.0):
    """Everything that has to be true of a pruned mask, by brute force."""
    kept = sufficiency_check(found.mask)
    assert kept
    assert lost_on(kept) is None
    way = [sufficiency_check(mask) for mask in found.trajectory]
    assert way[0] == frozenset(start)
    assert way[-1] == kept
    assert all(later < earlier for earlier, later in pairwise(way))
    assert all(lost_on(cells) is None for cells in way)
    assert torch.equal(found.mask, mask_of(start) & mask_of(kept))
    assert [(c.row, c.column) for c in found.patches] == sorted(kept)
    for cell in found.patches:
        rest = kept - {(cell.row, cell.column)}
        expected = HARDEST if weigh(rest) < 0 else lost_on(rest)
        assert expected == (cell.witness, cell.number) or (not rest and expected is None)


def needs_all(planted):
    """Lost on the draw whose number is that of the first cell that is missing."""
    order = sorted(planted)

    def lost_on(kept):
        gone = [i for i, cell in enumerate(order) if cell not in kept]
        return ("sample", gone[0]) if gone else None

    return lost_on


def random_cells(seed, count, grid=GRID):
    return sorted(random.Random(seed).sample(all_cells(grid), count))


@pytest.mark.parametrize("count", [1, 2, 5, 13])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_needed_altogether_is_what_is_left(count, seed):
    planted, lost_on = random_cells(seed, count), needs_all(random_cells(seed, count))
    start = all_cells()
    found, _, _ = pruned_by(start, lost_on)
    refuse(found, start, lost_on)
    assert sufficiency_check(found.mask) == frozenset(planted)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_cells_that_weigh_too_much_are_needed_and_not_tried_at_all(seed):
    planted = random_cells(seed, 6)
    lost_on = needs_all(planted)
    inner = set(planted[:3])  # what the hardest draw shows to be needed

    def weigh(kept):
        return 1.0 if inner <= kept else -1.0

    found, asked, weighed = pruned_by(all_cells(), lost_on, weigh)
    refuse(found, all_cells(), lost_on, weigh)
    assert sufficiency_check(found.mask) == frozenset(planted)
    assert all(inner <= kept for kept, _ in asked)
    assert found.tested == len(asked) + len(weighed)


@pytest.mark.parametrize("least", [1, 2, 4])
def test_of_cells_that_stand_in_for_each_other_as_few_are_left_as_are_needed(least):
    planted = frozenset(random_cells(3, 9))

    def lost_on(kept):
        return ("shift", -1) if len(kept & planted) < least else None

    found, _, _ = pruned_by(all_cells(), lost_on)
    refuse(found, all_cells(), lost_on)
    assert len(sufficiency_check(found.mask)) == least
    assert sufficiency_check(found.mask) <= planted


@pytest.mark.parametrize("seed", range(4))
def test_of_two_sets_that_suffice_one_is_left(seed):
    both = random_cells(seed, 9)
    one, other = frozenset(both[:4]), frozenset(both[4:])

    def lost_on(kept):
        return None if one <= kept or other <= kept else ("sample", 3)

    found, _, _ = pruned_by(all_cells(), lost_on)
    refuse(found, all_cells(), lost_on)
    assert sufficiency_check(found.mask) in (one, other)


def test_what_is_kept_best_without_goes_first():
    """Of two sets that suffice, the one whose cells weigh more is left."""
    left, right = frozenset({(0, 0), (1, 0)}), frozenset({(0, 7), (1, 7)})

    def lost_on(kept):
        return None if left <= kept or right <= kept else ("sample", 0)

    for best in (left, right):

        def weigh(kept, best=best):
            return 1.0 if best <= kept else 0.0

        found, _, _ = pruned_by(all_cells(), lost_on, weigh)
        assert sufficiency_check(found.mask) == best


def chance(*what):
    return random.Random(repr(what)).random()


def rugged(seed, start, share):
    """Four draws, each kept by a random `share` of the sets of cells, and by the start."""

    def lost_on(kept):
        if kept == frozenset(start):
            return None
        fell = [i for i in range(4) if chance(seed, i, sorted(kept)) > share]
        return ("sample", fell[0]) if fell else None

    def weigh(kept):
        return share - chance(seed, 0, sorted(kept))

    return lost_on, weigh


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 14), st.sampled_from([0.4, 0.6, 0.8]))
def test_where_less_may_be_more_no_single_cell_can_be_spared_in_the_end(seed, count, share):
    start = random_cells(seed, count)
    lost_on, weigh = rugged(seed, start, share)
    found, _, _ = pruned_by(start, lost_on, weigh)
    refuse(found, start, lost_on, weigh)


def test_the_rugged_ones_end_at_different_sizes_below_the_start():
    left = set()
    for seed in range(12):
        start = random_cells(seed, 10)
        lost_on, weigh = rugged(seed, start, 0.6)
        left.add(len(sufficiency_check(pruned_by(start, lost_on, weigh)[0].mask)))
    assert min(left) < 10
    assert len(left) > 2


def test_hints_are_the_hardest_draw_or_what_was_told_before_and_only_for_single_cells():
    planted = random_cells(5, 6)
    lost_on, start = needs_all(planted), frozenset(all_cells())
    _, asked, _ = pruned_by(start, lost_on)
    told = set()
    for kept, hint in asked:
        assert hint is None or hint in told
        failure = lost_on(kept)
        told |= {failure} if failure else set()
    assert any(hint for _, hint in asked)


def test_a_mask_all_of_whose_cells_are_needed_stays_and_has_no_way():
    start = random_cells(1, 7)
    found, _, _ = pruned_by(start, needs_all(start))
    assert torch.equal(found.mask, mask_of(start))
    assert len(found.trajectory) == 1


def test_the_last_cell_is_never_taken_away_even_where_nothing_is_enough():
    found, _, _ = pruned_by(all_cells(4), lambda kept: None, grid=4)
    assert len(sufficiency_check(found.mask)) == 1
    assert [(cell.row, cell.column) for cell in found.patches] == list(
        sufficiency_check(found.mask)
    )
    assert all(cell.witness for cell in found.patches)


def test_the_last_cell_is_told_with_what_it_is_lost_on_too():
    planted = [(1, 2)]

    def lost_on(kept):
        return None if kept >= set(planted) else ("sample", 3)

    (cell,) = pruned_by(all_cells(4), lost_on, grid=4)[0].patches
    assert (cell.witness, cell.number) == ("sample", 3)


@pytest.mark.parametrize("planted", [(0, 0), (3, 4), (7, 7)])
@pytest.mark.parametrize("weighs", [True, False])
def test_one_needed_cell_of_64_is_found_in_far_fewer_than_64_times_64_trials(planted, weighs):
    lost_on = needs_all([planted])

    def weigh(kept):
        return -1.0 if weighs and planted not in kept else 1.0

    found, asked, weighed = pruned_by(all_cells(), lost_on, weigh)
    assert sufficiency_check(found.mask) == {planted}
    assert len(asked) + len(weighed) <= (80 if weighs else 200)
    assert len(asked) < 30
    assert found.tested <= 200


# Specks: parts of less than a quarter of a cell of 8 x 8 pixels


SPECKS = {"one": (0, 0, 1), "two": (0, 6, 2), "five": (0, 12, 5), "fifteen": (5, 0, 15)}
LARGE = {"a quarter": (10, 0, 16), "large": (15, 0, 20)}


def parts_of(*names):
    """Rows of so many pixels that do not touch each other, by name."""
    mask = torch.zeros(1, 1, 24, 24, dtype=torch.bool)
    for top, left, pixels in ((SPECKS | LARGE)[name] for name in names):
        mask[..., top, left : left + pixels] = True
    return mask


def without_specks(mask, needed, side=8):
    """The result, where some pixels are needed, and how many masks were tried."""
    asked = []

    def lost(smaller, hint):
        asked.append(smaller)
        return ("sample", 0) if bool((needed & ~smaller).any()) else None

    return despeckled(mask, side, lost), len(asked)


@pytest.mark.parametrize(
    ("needed", "left", "tries"),
    [
        ((), (), 1),
        (("fifteen",), ("five", "fifteen"), 2),  # the smaller half goes
        (("two",), ("two", "five", "fifteen"), 3),  # then a quarter
        (("one",), ("one", "two", "five", "fifteen"), 3),
    ],
)
def test_as_many_specks_go_as_can_be_spared_the_smallest_first(needed, left, tries):
    found, asked = without_specks(parts_of(*SPECKS, *LARGE), parts_of(*needed))
    assert torch.equal(found, parts_of(*left, *LARGE))
    assert asked == tries


def test_pixels_that_touch_at_a_corner_are_one_part():
    mask = torch.zeros(1, 1, 24, 24, dtype=torch.bool)
    mask[0, 0, range(16), range(16)] = True  # a quarter of a cell
    found, asked = without_specks(mask, torch.zeros_like(mask))
    assert torch.equal(found, mask)
    assert asked == 0
    mask[0, 0, 7, 7] = False
    mask[..., 20, :20] = True
    found, _ = without_specks(mask, torch.zeros_like(mask))
    assert found.nonzero()[:, 2].unique().tolist() == [20]


def test_a_mask_of_nothing_but_specks_does_not_vanish():
    mask = parts_of(*SPECKS)
    found, _ = without_specks(mask, torch.zeros_like(mask))
    assert found.any()
    assert torch.equal(found, parts_of("five", "fifteen"))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_despeckled_survives_and_lies_within_the_mask(seed):
    draw = torch.Generator().manual_seed(seed)
    mask = torch.rand(1, 1, 24, 24, generator=draw) < 0.15
    needed = mask & (torch.rand(1, 1, 24, 24, generator=draw) < 0.01)
    found, asked = without_specks(mask, needed)
    assert not (found & ~mask).any()
    assert not (needed & ~found).any()
    assert asked <= 8
