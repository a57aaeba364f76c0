"""Pruning against predicates on sets of patches; the result is planted or found by brute force."""

import random
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.reduction.delta_debugging import despeckled, pruned

SIDE = 3
HARDEST = ("sample", 0)
GRID = 8


def mask_of(patches, grid=GRID):
    """One patch in two is full, of the others one pixel is evidence."""
    mask = torch.zeros(1, 1, grid * SIDE, grid * SIDE, dtype=torch.bool)
    for row, column in patches:
        top, left, size = row * SIDE, column * SIDE, SIDE if (row + column) % 2 else 1
        mask[..., top : top + size, left : left + size] = True
    return mask


def patches_in(mask):
    """The patches that hold evidence, pixel by pixel."""
    return frozenset((y // SIDE, x // SIDE) for y, x in mask[0, 0].nonzero().tolist())


def all_patches(grid=GRID):
    return [(row, column) for row in range(grid) for column in range(grid)]


def pruned_by(patches, lost_on, weigh=lambda shown: 0.0, grid=GRID):
    """The result, and the sets of patches put to `lost` and to `weigh`, with the hints."""
    asked, weighed = [], []

    def lost(mask, hint):
        asked.append((patches_in(mask), hint))
        return lost_on(patches_in(mask))

    def weights(masks):
        weighed.extend(patches_in(mask[None]) for mask in masks)
        return torch.tensor([float(weigh(patches_in(mask[None]))) for mask in masks])

    found = pruned(mask_of(patches, grid), SIDE, weights, lost, HARDEST)
    return found, asked, weighed


def check_pruned(found, start, lost_on, weigh=lambda shown: 0.0):
    """Everything that has to be true of a pruned mask, by brute force."""
    shown = patches_in(found.mask)
    assert shown
    assert lost_on(shown) is None
    trajectory = [patches_in(mask) for mask in found.trajectory]
    assert trajectory[0] == frozenset(start)
    assert trajectory[-1] == shown
    assert all(later < earlier for earlier, later in pairwise(trajectory))
    assert all(lost_on(patches) is None for patches in trajectory)
    assert torch.equal(found.mask, mask_of(start) & mask_of(shown))
    assert [(c.row, c.column) for c in found.patches] == sorted(shown)
    for patch in found.patches:
        rest = shown - {(patch.row, patch.column)}
        expected = HARDEST if weigh(rest) < 0 else lost_on(rest)
        assert expected == (patch.witness, patch.number) or (not rest and expected is None)


def needs_all(planted):
    """Lost on the sample whose number is that of the first patch that is missing."""
    order = sorted(planted)

    def lost_on(shown):
        gone = [i for i, patch in enumerate(order) if patch not in shown]
        return ("sample", gone[0]) if gone else None

    return lost_on


def random_patches(seed, count, grid=GRID):
    return sorted(random.Random(seed).sample(all_patches(grid), count))


@pytest.mark.parametrize("count", [1, 2, 5, 13])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_is_needed_altogether_is_what_is_left(count, seed):
    planted, lost_on = random_patches(seed, count), needs_all(random_patches(seed, count))
    start = all_patches()
    found, _, _ = pruned_by(start, lost_on)
    check_pruned(found, start, lost_on)
    assert patches_in(found.mask) == frozenset(planted)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_patches_that_weigh_too_much_are_needed_and_not_tried_at_all(seed):
    planted = random_patches(seed, 6)
    lost_on = needs_all(planted)
    inner = set(planted[:3])  # what the hardest sample shows to be needed

    def weigh(shown):
        return 1.0 if inner <= shown else -1.0

    found, asked, weighed = pruned_by(all_patches(), lost_on, weigh)
    check_pruned(found, all_patches(), lost_on, weigh)
    assert patches_in(found.mask) == frozenset(planted)
    assert all(inner <= shown for shown, _ in asked)
    assert found.tested == len(asked) + len(weighed)


@pytest.mark.parametrize("least", [1, 2, 4])
def test_of_patches_that_stand_in_for_each_other_as_few_are_left_as_are_needed(least):
    planted = frozenset(random_patches(3, 9))

    def lost_on(shown):
        return ("shift", -1) if len(shown & planted) < least else None

    found, _, _ = pruned_by(all_patches(), lost_on)
    check_pruned(found, all_patches(), lost_on)
    assert len(patches_in(found.mask)) == least
    assert patches_in(found.mask) <= planted


@pytest.mark.parametrize("seed", range(4))
def test_of_two_sets_that_suffice_one_is_left(seed):
    both = random_patches(seed, 9)
    one, other = frozenset(both[:4]), frozenset(both[4:])

    def lost_on(shown):
        return None if one <= shown or other <= shown else ("sample", 3)

    found, _, _ = pruned_by(all_patches(), lost_on)
    check_pruned(found, all_patches(), lost_on)
    assert patches_in(found.mask) in (one, other)


def test_what_the_prediction_is_retained_best_without_goes_first():
    """Of two sets that suffice, the one whose patches weigh more is left."""
    left, right = frozenset({(0, 0), (1, 0)}), frozenset({(0, 7), (1, 7)})

    def lost_on(shown):
        return None if left <= shown or right <= shown else ("sample", 0)

    for best in (left, right):

        def weigh(shown, best=best):
            return 1.0 if best <= shown else 0.0

        found, _, _ = pruned_by(all_patches(), lost_on, weigh)
        assert patches_in(found.mask) == best


def chance(*what):
    return random.Random(repr(what)).random()


def rugged(seed, start, share):
    """Four samples, each retained by a random `share` of the sets of patches, and by the start."""

    def lost_on(shown):
        if shown == frozenset(start):
            return None
        fell = [i for i in range(4) if chance(seed, i, sorted(shown)) > share]
        return ("sample", fell[0]) if fell else None

    def weigh(shown):
        return share - chance(seed, 0, sorted(shown))

    return lost_on, weigh


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 14), st.sampled_from([0.4, 0.6, 0.8]))
def test_where_less_may_be_more_no_single_patch_can_be_spared_in_the_end(seed, count, share):
    start = random_patches(seed, count)
    lost_on, weigh = rugged(seed, start, share)
    found, _, _ = pruned_by(start, lost_on, weigh)
    check_pruned(found, start, lost_on, weigh)


def test_the_rugged_ones_end_at_different_sizes_below_the_start():
    left = set()
    for seed in range(12):
        start = random_patches(seed, 10)
        lost_on, weigh = rugged(seed, start, 0.6)
        left.add(len(patches_in(pruned_by(start, lost_on, weigh)[0].mask)))
    assert min(left) < 10
    assert len(left) > 2


def test_hints_are_the_hardest_sample_or_what_was_reported_before_and_only_for_single_patches():
    planted = random_patches(5, 6)
    lost_on, start = needs_all(planted), frozenset(all_patches())
    _, asked, _ = pruned_by(start, lost_on)
    reported = set()
    for shown, hint in asked:
        assert hint is None or hint in reported
        failure = lost_on(shown)
        reported |= {failure} if failure else set()
    assert any(hint for _, hint in asked)


def test_a_mask_all_of_whose_patches_are_needed_stays_and_has_no_trajectory():
    start = random_patches(1, 7)
    found, _, _ = pruned_by(start, needs_all(start))
    assert torch.equal(found.mask, mask_of(start))
    assert len(found.trajectory) == 1


def test_the_last_patch_is_never_taken_away_even_where_nothing_is_enough():
    found, _, _ = pruned_by(all_patches(4), lambda shown: None, grid=4)
    assert len(patches_in(found.mask)) == 1
    assert [(patch.row, patch.column) for patch in found.patches] == list(patches_in(found.mask))
    assert all(patch.witness for patch in found.patches)


def test_the_last_patch_is_reported_with_what_it_is_lost_on_too():
    planted = [(1, 2)]

    def lost_on(shown):
        return None if shown >= set(planted) else ("sample", 3)

    (patch,) = pruned_by(all_patches(4), lost_on, grid=4)[0].patches
    assert (patch.witness, patch.number) == ("sample", 3)


@pytest.mark.parametrize("planted", [(0, 0), (3, 4), (7, 7)])
@pytest.mark.parametrize("weighs", [True, False])
def test_one_needed_patch_of_64_is_found_in_far_fewer_than_64_times_64_trials(planted, weighs):
    lost_on = needs_all([planted])

    def weigh(shown):
        return -1.0 if weighs and planted not in shown else 1.0

    found, asked, weighed = pruned_by(all_patches(), lost_on, weigh)
    assert patches_in(found.mask) == {planted}
    assert len(asked) + len(weighed) <= (80 if weighs else 200)
    assert len(asked) < 30
    assert found.tested <= 200


# Specks: parts of less than a quarter of a patch of 8 x 8 pixels


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
    mask[0, 0, range(16), range(16)] = True  # a quarter of a patch
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
    source = torch.Generator().manual_seed(seed)
    mask = torch.rand(1, 1, 24, 24, generator=source) < 0.15
    needed = mask & (torch.rand(1, 1, 24, 24, generator=source) < 0.01)
    found, asked = without_specks(mask, needed)
    assert not (found & ~mask).any()
    assert not (needed & ~found).any()
    assert asked <= 8
