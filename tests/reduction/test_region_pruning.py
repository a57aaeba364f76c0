"""Pruning by regions against planted rooms: what each region gives is known."""

import random
from itertools import pairwise

import pytest

from med_cam.reduction.merging import borders_of, merged
from med_cam.reduction.region_pruning import Rules, pruned as pruned_by
from med_cam.reduction.regions import squares
from med_cam.reduction.rooms import NONE, Margin, above, first_look, slack

KINDS = ("fixed", "noise", "noise", "noise", "noise", "shift", "shift")
MARGIN = Margin(KINDS, 2.0)
SPREAD = (0.0, -0.2, -0.1, 0.1, 0.2, 0.0, 0.0)


def measure_of(worth, asked=None, spread=SPREAD):
    """Room is the sum of what the regions are worth, and a spread of each masked input."""

    def measure(several, places):
        if asked is not None:
            asked.extend(
                (units, i) for units, chosen in zip(several, places, strict=True) for i in chosen
            )
        return [
            {i: sum(worth[u] for u in units) - 1.0 + spread[i] if units else NONE for i in chosen}
            for units, chosen in zip(several, places, strict=True)
        ]

    return measure


def always(_):
    return True


def pruned(start, margin, measure, affordable, *, sizes=None, whole=always):
    sizes = sizes or dict.fromkeys(start, 1)
    return pruned_by(start, Rules(sizes, whole, margin, measure, affordable))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_left_has_the_margin_and_what_is_worth_nothing_is_gone(seed):
    drawn = random.Random(seed)
    worth = {u: drawn.choice([0.0, 0.0, 0.4, 0.8]) for u in range(1, 25)} | {0: 1.0, 25: 1.5}
    start = frozenset(worth)
    measure = measure_of(worth)
    found = pruned(start, MARGIN, measure, always)
    assert slack(measure([found.units], [MARGIN.every])[0], MARGIN) >= 0
    assert all(worth[u] > 0 for u in found.units)
    assert found.rooms == measure([found.units], [MARGIN.every])[0]


def test_a_region_without_which_the_outline_gives_the_label_stays_and_all_others_go():
    worth = dict.fromkeys(range(1, 12), 0.0) | {0: 3.0}
    measure = measure_of(worth)

    def silent(units):
        return 7 in units

    rules = Rules(dict.fromkeys(worth, 1), always, MARGIN, measure, always, silent)
    found = pruned_by(frozenset(worth), rules)
    assert all(silent(units) for units in found.trajectory[:1] + found.trajectory[-1:])
    assert 7 in found.units
    assert len(found.units) <= 4


@pytest.mark.parametrize("seed", range(6))
def test_hardly_any_region_that_is_left_can_be_spared(seed):
    drawn = random.Random(seed)
    worth = {u: drawn.choice([0.0, 0.3, 0.5]) for u in range(20)} | {20: 1.0, 21: 1.0}
    measure = measure_of(worth)
    left = pruned(frozenset(worth), MARGIN, measure, always).units
    alone = (measure([left - {unit}], [MARGIN.every])[0] for unit in left)
    assert sum(slack(rooms, MARGIN) >= 0 for rooms in alone) < 0.15 * len(worth)


def test_of_regions_that_cost_the_same_the_largest_go():
    worth = dict.fromkeys(range(4), 0.5) | {10: 0.6}  # two of them can be spared
    sizes = {0: 1, 1: 9, 2: 1, 3: 9, 10: 5}
    left = pruned(frozenset(worth), MARGIN, measure_of(worth), always, sizes=sizes).units
    assert left == {0, 2, 10}


@pytest.mark.parametrize(("needed", "left"), [((0, 12), range(13)), ((4, 6), range(4, 7))])
def test_what_would_leave_a_form_that_is_not_allowed_stays(needed, left):
    worth = dict.fromkeys(range(13), 0.0) | dict.fromkeys(needed, 1.0)

    def whole(units):  # no gap between the first and the last
        return bool(units) and max(units) - min(units) == len(units) - 1

    found = pruned(frozenset(worth), MARGIN, measure_of(worth), always, whole=whole)
    assert found.units == frozenset(left)


def test_shifted_masks_that_may_be_lost_are_no_reason_to_keep_a_region():
    plain, kinds = measure_of({0: 3.0, 5: 0.0}), ("noise", "noise", "shift", "shift", "shift")

    def measure(several, places):  # without region 5 one shifted mask is lost
        found = plain(several, places)
        for units, rooms in zip(several, found, strict=True):
            rooms.update({2: -5.0} if 2 in rooms and 5 not in units else {})
        return found

    start = frozenset({0, 5})
    assert pruned(start, Margin(kinds, 2.0), measure, always).units == start
    assert pruned(start, Margin(kinds, 2.0, tolerance=1), measure, always).units == {0}


def test_a_region_that_only_a_masked_input_needs_which_no_first_look_takes_stays():
    plain = measure_of({0: 3.0, 5: 0.0, 6: 0.0})

    def measure(several, places):  # 4 is the easiest of the samples
        found = plain(several, places)
        for units, rooms in zip(several, found, strict=True):
            rooms.update({4: -5.0} if 4 in rooms and 5 not in units else {})
        return found

    assert pruned(frozenset({0, 5, 6}), MARGIN, measure, always).units == frozenset({0, 5})


@pytest.mark.parametrize("order", [1, -1])
def test_regions_that_shifted_masks_alone_need_stay_and_all_others_go(order):
    """A rim of which each shifted mask needs one region costs nothing where nothing is shifted."""
    kinds = ("fixed", "noise", "noise", *["shift"] * 12)
    rim, spare = (range(20, 32), range(40, 60)) if order > 0 else (range(40, 52), range(10, 30))
    plain = measure_of(
        {0: 3.0, **dict.fromkeys(rim, 0.0), **dict.fromkeys(spare, 0.0)}, None, [0.0] * 15
    )

    def measure(several, places):
        found = plain(several, places)
        for units, rooms in zip(several, found, strict=True):
            lost = {i for i in rooms if i >= 3 and rim[i - 3] not in units}
            rooms.update(dict.fromkeys(lost, -5.0))
        return found

    start = frozenset({0, *rim, *spare})
    assert pruned(start, Margin(kinds, 2.0), measure, always).units == {0, *rim}


def test_masks_on_the_way_lie_within_each_other_one_region_apart():
    worth = dict.fromkeys(range(10), 0.0) | {10: 3.0}
    found = pruned(frozenset(worth), MARGIN, measure_of(worth), always)
    steps = found.trajectory
    assert steps[0] == frozenset(worth)
    assert found.units == frozenset({10})
    assert all(later < earlier for earlier, later in pairwise(steps))
    assert all(len(earlier - later) == 1 for earlier, later in pairwise(steps))


def test_passes_are_few_for_each_region_that_is_left():
    worth = dict.fromkeys(range(30), 0.0) | {30: 1.0, 31: 1.0, 32: 1.0}
    asked = []
    found = pruned(frozenset(worth), MARGIN, measure_of(worth, asked), always)
    assert len(found.units) < 4
    assert len(set(asked)) < 3 * len(worth)


def test_nothing_is_taken_where_the_budget_does_not_allow_it():
    worth = dict.fromkeys(range(10), 1.0)
    found = pruned(frozenset(worth), MARGIN, measure_of(worth), lambda _: False)
    assert found.trajectory == (frozenset(worth),)
    assert found.cut_short
    assert not pruned(frozenset(worth), MARGIN, measure_of(worth), always).cut_short


def test_a_budget_ends_the_pruning_between_two_looks():
    worth = dict.fromkeys(range(40), 0.0) | {40: 3.0}
    left = [3]

    def few(_):
        left[0] -= 1
        return left[0] >= 0

    found = pruned(frozenset(worth), MARGIN, measure_of(worth), few)
    assert found.cut_short
    assert slack(measure_of(worth)([found.units], [MARGIN.every])[0], MARGIN) >= 0


def test_the_last_region_stays():
    found = pruned(frozenset({1, 2}), MARGIN, measure_of({1: 9.0, 2: 9.0}), always)
    assert len(found.units) == 1


def test_a_shift_or_a_fixed_baseline_that_is_lost_is_no_margin():
    rooms = dict.fromkeys(range(7), 1.0)
    assert slack(rooms, MARGIN) > 0
    for place in (0, 5):
        assert slack({**rooms, place: -0.1}, MARGIN) < 0


def test_the_spread_over_samples_counts_and_what_is_far_off_does_not():
    near = dict(enumerate([9.0, 0.1, 0.9, 0.5, 0.5, 9.0, 9.0]))
    assert slack(near, MARGIN) == pytest.approx(0.5 - 2 * (0.32 / 3) ** 0.5)
    far = dict(enumerate([9.0, 3.0, 30.0, 12.0, 5.0, 9.0, 9.0]))
    assert above(far, MARGIN, "noise") == 2.0


def test_a_first_look_foresees_the_slack_where_all_samples_fall_alike():
    worth = {1: 1.5, 2: 0.2, 3: 0.3}
    measure = measure_of(worth)
    now = measure([frozenset(worth)], [MARGIN.every])[0]
    less = frozenset({1, 3})
    found = slack(measure([less], [MARGIN.every])[0], MARGIN)
    assert first_look(less, now, MARGIN, measure).slack == pytest.approx(found)


def test_a_first_look_ends_with_the_first_loss():
    worth, asked = {1: 1.5, 2: 5.0}, []
    measure = measure_of(worth, asked)
    now = measure([frozenset(worth)], [MARGIN.every])[0]
    asked.clear()
    assert first_look(frozenset({1}) - {1}, now, MARGIN, measure).slack < 0
    assert len(asked) == 1


def test_a_first_look_takes_what_it_is_told_and_says_on_what_a_mask_is_lost():
    kinds = ("noise", "noise", *["shift"] * 8)

    def measure(several, places):
        return [{i: -1.0 if i == 9 else 5.0 + i for i in chosen} for chosen in places]

    now, margin = {i: 5.0 + i for i in range(10)}, Margin(kinds, 2.0)
    assert first_look(frozenset({1}), now, margin, measure).slack > 0
    for known in ({"before": (9,)}, {"watched": (9,)}):
        look = first_look(frozenset({1}), now, margin, measure, **known)
        assert look.slack < 0
        assert look.lost == (9,)


# Parts


def test_parts_without_a_witness_join_their_neighbour_until_each_has_one():
    regions = squares((6, 24), 6)[None, None]  # four in a row
    shown = {frozenset({1, 2}): 5, frozenset({3}): 7, frozenset({4}): 8}
    parts = merged([frozenset({u}) for u in (1, 2, 3, 4)], borders_of(regions), shown.get)
    assert parts == [(frozenset({1, 2}), 5), (frozenset({3}), 7), (frozenset({4}), 8)]


def test_a_region_joins_the_one_that_it_has_the_longest_border_with():
    regions = squares((12, 12), 4)[None, None].clone()
    regions[..., :4, 4:12] = 2  # region 1 meets 2 on four pixels, and 4 below on four as well
    regions[..., 4:12, :4] = 4
    regions[..., 4:8, 4:8] = 4
    borders = borders_of(regions)
    assert (borders[1, 2], borders[1, 4], borders[2, 4]) == (4, 4, 4)
    borders = {**borders, (1, 4): 5}
    shown = {frozenset({2}): 1, frozenset({4}): 2, frozenset({1, 4}): 0}
    parts = merged([frozenset({u}) for u in (1, 2, 4)], borders, shown.get)
    assert parts == [(frozenset({1, 4}), 0), (frozenset({2}), 1)]


def test_of_a_mask_that_nothing_shows_to_be_needed_one_part_is_left():
    regions = squares((8, 16), 4)[None, None]
    units = frozenset(range(1, 9))
    first = [frozenset({unit}) for unit in sorted(units)]
    parts = merged(first, borders_of(regions), lambda part: 3 if part == units else None)
    assert parts == [(units, 3)]


def test_parts_begin_with_what_was_split_from_one_region():
    regions = squares((6, 24), 6)[None, None]
    shown = {frozenset({1, 2}): 5, frozenset({3, 4}): 6}
    parts = merged([frozenset({1, 2}), frozenset({3, 4})], borders_of(regions), shown.get)
    assert parts == [(frozenset({1, 2}), 5), (frozenset({3, 4}), 6)]
