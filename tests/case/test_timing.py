"""What stages took, from marks that are set by hand and by the clock."""

import time

from med_cam.case.timing import Mark, mark, timeline
from med_cam.results.passes import Passes, Stage


def at(name, forward, backward, clock):
    return Mark(name, Passes(forward, backward), clock)


def test_a_stage_takes_what_lies_between_two_marks():
    found = timeline(
        [at("start", 3, 0, 10.0), at("search", 40, 32, 12.5), at("claim", 103, 32, 12.75)]
    )
    assert found == (Stage("search", 37, 32, 2.5), Stage("claim", 63, 0, 0.25))


def test_turns_of_a_stage_are_added_up_in_the_order_of_first_turns():
    turns = [
        at("start", 1, 0, 0.0),
        at("reduction", 11, 0, 1.0),
        at("certificate", 74, 0, 3.0),
        at("reduction", 94, 2, 3.5),
        at("certificate", 200, 2, 7.5),
    ]
    assert timeline(turns) == (Stage("reduction", 30, 2, 1.5), Stage("certificate", 169, 0, 6.0))


def test_all_stages_together_take_what_lies_between_the_first_and_the_last_mark():
    marks = [at("abcab"[i % 5], i * i, 3 * i, float(2**i)) for i in range(9)]
    found = timeline(marks)
    assert sum(stage.forward for stage in found) == 64
    assert sum(stage.backward for stage in found) == 24
    assert sum(stage.seconds for stage in found) == 255.0
    assert [stage.name for stage in found] == ["b", "c", "a"]


def test_the_first_mark_only_starts_the_clock():
    assert timeline([at("start", 5, 5, 1.0)]) == ()
    assert timeline([]) == ()


def test_a_mark_is_set_now():
    before = time.perf_counter()
    now = mark("search", Passes(2, 1))
    assert before <= now.clock <= time.perf_counter()
    assert (now.name, now.cost) == ("search", Passes(2, 1))
