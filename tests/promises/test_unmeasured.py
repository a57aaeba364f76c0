"""After a refusal, where the budget holds no further look: which larger mask is tried."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from recording import FAST, the_case

from med_cam.certification.certificate import response_of
from med_cam.config.settings import relative_to
from med_cam.pipeline import region_candidates
from med_cam.pipeline.budget import affordable, and_another, claim_passes
from med_cam.pipeline.region_candidates import Larger, next_wider, unmeasured
from med_cam.reduction.ground import ground_of
from med_cam.reduction.regions import regions_of
from med_cam.results.passes import Passes

RULES = replace(
    FAST,
    certification=replace(FAST.certification, units="regions", budget=1500),
)


def of(count):
    """A mask of so many regions of 256, alike in size."""
    return frozenset(range(1, count + 1))


def alike(case):
    """What masks of 256 regions, alike in size, are measured on."""
    blocks = torch.arange(1, 257).view(1, 1, 16, 16)
    regions = blocks.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    assert regions.shape == case.open.shape
    decision = response_of(case).decision
    return replace(ground_of(case, regions_of(case, 4), decision), regions=regions)


def tried(last, start, masks, *, certificates=1):
    """How many regions the next mask has, where so many more certificates are affordable."""
    with the_case(config=RULES) as case:
        ground = alike(case)
        needed = next(n for n in range(1500) if affordable(at(case, 1500 - n), 2))
        left = needed + (claim_passes(case, 3) if certificates > 1 else 0)
        late = at(case, 1500 - left)
        assert affordable(late, 2)
        assert and_another(late, 2) == (certificates > 1)
        larger = Larger([of(n) for n in masks], of(start), lambda _: True, wary=False)
        found = unmeasured(late, larger, of(last), ground, 2)
    return None if found is None else len(found)


def at(case, spent):
    return replace(case, cost=lambda: Passes(spent, 0))


def test_the_mask_that_the_pruning_began_with_if_it_is_a_quarter_larger():
    assert tried(40, 50, [40, 42, 46, 50, 60, 70]) == 50
    assert tried(40, 90, [40, 42, 60, 90, 100]) == 90


def test_one_in_the_middle_where_another_certificate_is_affordable_after_it():
    assert tried(40, 90, [40, 42, 60, 80, 90, 100], certificates=2) == 60
    assert tried(40, 90, [40, 42, 90, 100], certificates=2) == 90  # 42 is hardly larger


@pytest.mark.parametrize("start", [20, 40, 41, 49])
def test_one_that_is_larger_by_half_where_that_is_hardly_larger_than_the_last(start):
    masks = sorted({20, 40, start, 45, 58, 75, 100, 120})
    assert tried(40, start, masks) == 58
    assert tried(40, start, masks, certificates=2) == 58


def test_of_at_most_half_of_the_image_as_long_as_one_is():
    assert tried(100, 90, [90, 100, 112, 124, 150, 256]) == 124
    assert tried(120, 90, [90, 100, 120, 150, 200, 256]) == 150


def test_none_before_any_was_refused_or_where_none_is_larger():
    assert tried(0, 40, [20, 40, 60]) is None
    assert tried(60, 40, [20, 40, 60]) is None


@pytest.mark.parametrize("last", [0, 40, 60])
@pytest.mark.parametrize("names", [("grey",), ("layer_masking",)])
def test_where_nothing_is_painted_the_next_one_after_a_refusal_is_not_looked_at(
    names, last, monkeypatch
):
    looks, without = [], SimpleNamespace(slack=-1.0)
    monkeypatch.setattr(
        region_candidates, "in_turn", lambda _: lambda units: looks.append(units) or without
    )
    with the_case(config=RULES) as case:
        ground, case = alike(case), replace(case, config=relative_to(RULES, names))
        larger = Larger([of(n) for n in (40, 60, 90, 120)], of(90), lambda _: True, wary=False)
        wider = next_wider(case, larger, of(last), ground, 2)
        expected = unmeasured(case, larger, of(last), ground, 2)
    alone = bool(last) and case.nothing_painted
    assert bool(looks) == (not alone)
    assert wider.units == (expected if alone else of(120))
    assert not wider.short
