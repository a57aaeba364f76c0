"""What lies on the edge: against plain loops, and against another machine that is made up."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.tolerance import EDGE, PROBABILITIES
from med_cam.results.check import Check
from med_cam.results.edge import Edge
from med_cam.verify.decision import Decision, Target, on_top, retains
from med_cam.verify.edge import (
    edge,
    edge_of_either,
    edge_of_label,
    edge_of_retention,
    joint,
    slack,
)
from med_cam.verify.warnings import edge_notices

HEADS = st.sampled_from(["softmax", "sigmoid"])
NEAR = st.floats(-4 * EDGE, 4 * EDGE)


def decision(head, threshold=0.45):
    return Decision(Target(1, ("a", "b", "c"), head, 0.4, 0.9), 0.1, threshold)


def about(offsets):
    """Inputs whose target is about at its threshold, or about level with the best other class."""
    rows = [
        (0.2, 0.45 + offset, 0.1) if i % 2 else (0.47, 0.47 + offset, 0.0)
        for i, offset in enumerate(offsets)
    ]
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_the_slack_is_the_smaller_of_both_distances(head):
    rows = [[0.3, 0.6, 0.1], [0.44, 0.46, 0.1], [0.5, 0.3, 0.2], [0.2, 0.42, 0.38]]
    rule = decision(head)
    wanted = [min(b - 0.45, b - max(a, c) if head == "softmax" else b - 0.4) for a, b, c in rows]
    found = slack(torch.tensor(rows, dtype=torch.float64), rule).tolist()
    assert found == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(head=HEADS, offsets=st.lists(NEAR, min_size=1, max_size=12), data=st.data())
def test_on_another_machine_no_more_outcomes_are_others_than_lie_on_the_edge(head, offsets, data):
    rule, p = decision(head), about(offsets)
    move = st.sampled_from([-PROBABILITIES, 0.0, PROBABILITIES])
    moves = data.draw(st.lists(move, min_size=p.numel(), max_size=p.numel()))
    there = p + torch.tensor(moves, dtype=p.dtype).view_as(p)
    rule_there = decision(head, rule.threshold + data.draw(move))
    retention = retains(p, rule) != retains(there, rule_there)
    first = on_top(p, rule.target) != on_top(there, rule.target)
    assert int(retention.sum()) <= edge_of_retention(p, rule).within
    assert int(first.sum()) <= edge_of_label(p, rule).within
    assert int((retention | first).sum()) <= edge_of_either(p, rule).within


def test_an_edge_counts_what_is_near_and_what_is_nearer_or_hardly_farther():
    found = edge([0.4 * EDGE, 0.6 * EDGE, 1.4 * EDGE, 1.6 * EDGE, math.inf])
    assert (found.sure, found.within, found.most) == (1, 2, 3)
    assert found.nearest == pytest.approx(0.4 * EDGE)


def test_where_nothing_is_compared_nothing_is_near():
    assert math.isnan(edge([]).nearest)
    assert edge([]).within == 0


def test_several_edges_are_one_with_the_nearest_of_all():
    found = joint([Edge(0.3, 1, 1, 2), None, Edge(math.nan, 0, 0, 0), Edge(0.1, 2, 0, 5)])
    assert found == Edge(0.1, 3, 1, 7)


@given(
    hits=st.integers(0, 24),
    threshold=st.integers(0, 1000).map(lambda thousandths: thousandths / 1000),
    at_least=st.booleans(),
)
def test_so_many_more_may_have_the_other_outcome_and_no_more(hits, threshold, at_least):
    def passes(count):
        return count / 24 >= threshold if at_least else count / 24 <= threshold

    check = Check("x", hits / 24, threshold, 24, at_least=at_least, passed=passes(hits))
    worse = -1 if at_least else 1
    if check.passed:
        assert passes(hits + worse * check.spare)
        assert not passes(hits + worse * (check.spare + 1)) or check.spare >= 24
    else:
        assert passes(hits + worse * check.spare)
        assert not passes(hits + worse * (check.spare + 1))


def test_a_check_that_failed_for_another_reason_has_nothing_to_spare():
    check = Check("sufficiency", 1.0, 0.5, 10, at_least=True, passed=False)
    assert check.spare == -1
    assert Check("x", math.nan, 0.5, 0, at_least=True, passed=False).spare is None


def test_what_is_on_the_edge_is_said_with_its_number_and_where():
    near, far = Edge(1e-5, 2, 2, 2), Edge(0.1, 0, 0, 0)
    edges = [("sufficiency", near), ("necessity", far), ("silhouette", Edge(1e-4, 1, 1, 1))]
    (said,) = edge_notices([*edges, ("minimality", None)])
    assert (said.kind, said.figure) == ("on_edge", 3)
    assert said.text == (
        "on the edge: 3 outcomes are within 0.0002 of another (sufficiency 2, silhouette 1); "
        "another machine may count them otherwise"
    )
    assert list(edge_notices([("necessity", far)])) == []
