"""Witnesses that a part of a mask is needed, and looks at a mask, by masked inputs of any room."""

import torch
from hypothesis import example, given, settings, strategies as st

from med_cam.reduction.ground import Ground
from med_cam.reduction.rooms import Margin, decisive, slack
from med_cam.verify.decision import Decision, Target
from med_cam.verify.minimality import Trial

KINDS = ("fixed", "gaussian", "gaussian", "shift")
ROOM = st.sampled_from([-2.0, -0.5, -0.1, 0.1, 0.5, 2.0])
ROOMS = st.fixed_dictionaries(dict.fromkeys(range(len(KINDS)), ROOM))
WHOLE, LESS = frozenset({1, 2}), frozenset({2})


def ground(
    whole: dict[int, float],
    less: dict[int, float],
    tolerance: int = 0,
    asked: list[int] | None = None,
) -> Ground:
    """A mask of two regions, and the one without the first, with these rooms.

    Each masked input that is measured is told to `asked`.
    """
    known = {WHOLE: whole, LESS: less, frozenset(): dict.fromkeys(whole, -100.0)}

    def measure(several, places):
        if asked is not None:
            asked.extend(place for chosen in places for place in chosen)
        pairs = zip(several, places, strict=True)
        return [{place: known[units][place] for place in chosen} for units, chosen in pairs]

    nothing = torch.zeros(len(KINDS), 1, 1, 2)
    steps, names = ((0, 0),) * len(KINDS), tuple((kind, 0) for kind in KINDS)
    target = Target(0, ("this", "other"), "softmax", 0.5, 0.9)
    trial = Trial(nothing, steps, names, Decision(target, p_baseline=0.1, threshold=0.5))
    return Ground(torch.tensor([[[[1, 2]]]]), trial, Margin(KINDS, 2.5, tolerance), measure)


@settings(deadline=None)
@given(ROOMS, ROOMS)
def test_a_witness_retains_the_mask_and_loses_it_without_the_part(whole, less):
    found = ground(whole, less).witness(WHOLE, WHOLE - LESS)
    shown = [i for i, kind in enumerate(KINDS) if kind != "shift" and whole[i] > 0 > less[i]]
    assert found in shown if found is not None else not shown
    if found is not None:
        assert KINDS[found] != "shift"


@settings(deadline=None)
@given(ROOMS)
def test_a_mask_that_is_one_part_is_shown_to_be_needed_where_it_is_retained(whole):
    found = ground(whole, whole).witness(WHOLE, WHOLE)
    unshifted = [i for i, kind in enumerate(KINDS) if kind != "shift"]
    assert found in unshifted
    assert whole[found] > 0 or max(whole[i] for i in unshifted) < 0


@settings(deadline=None)
@given(ROOMS, st.sets(st.integers(0, len(KINDS) - 1)), st.integers(0, 1))
@example({0: 0.5, 1: 0.5, 2: 0.5, 3: -0.5}, {0, 3}, 1)  # a shifted mask may be lost
def test_what_is_measured_first_changes_no_verdict(rooms, before, tolerance):
    on = ground(rooms, rooms, tolerance)
    plain = slack(rooms, on.margin)
    look = on.look(WHOLE, sorted(before))
    assert (look.slack >= 0) == (plain >= 0) == (on.slack(WHOLE) >= 0)
    if plain >= 0:
        assert look.slack == plain
        assert not look.lost


@settings(deadline=None)
@given(ROOMS, st.integers(0, 1))
def test_what_a_mask_is_lost_on_shows_it_alone(rooms, tolerance):
    """And nothing but that is measured of the next mask that is lost there too."""
    on = ground(rooms, rooms, tolerance)
    look = on.look(WHOLE)
    if not look.lost:
        return
    assert look.slack < 0
    assert min(decisive({i: rooms[i] for i in look.lost}, on.margin)) < 0
    asked: list[int] = []
    assert ground(rooms, rooms, tolerance, asked).look(LESS, look.lost).slack < 0
    assert tuple(asked) == look.lost
