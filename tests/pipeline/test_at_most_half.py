"""Where masks grow beyond half of the image, the largest that is no larger is tried before."""

from dataclasses import replace

import pytest
import torch

from ladders import CONFIG, classifier, picture
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Refinement
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.region_candidates import grown
from med_cam.pipeline.region_mask import nested
from med_cam.reduction.ground import ground_of
from med_cam.reduction.regions import regions_of, union

SIDE = 32


@pytest.fixture(params=range(4))
def made(request):
    """Regions of uneven sizes with scores, and their numbers, the highest score first."""
    generator = torch.Generator().manual_seed(request.param)
    cuts = torch.randperm(SIDE * SIDE - 1, generator=generator)[:30].sort().values + 1
    regions = torch.bucketize(torch.arange(SIDE * SIDE), cuts, right=True) + 1
    regions = regions.view(1, 1, SIDE, SIDE)
    by_region = torch.rand(len(cuts) + 2, generator=generator)
    order = sorted(range(1, len(cuts) + 2), key=lambda unit: -by_region[unit])
    return regions, by_region[regions], order


def largest_of_half(regions, order):
    """By adding regions one by one."""
    held: list[int] = []
    for unit in order:
        if int(union(regions, [*held, unit]).sum()) > SIDE * SIDE / 2:
            break
        held.append(unit)
    return held


def test_it_is_among_those_that_a_first_mask_grows_to(made):
    regions, scores, order = made
    masks = nested(scores, 0.1, regions, Refinement())
    half = union(regions, largest_of_half(regions, order))
    assert any(torch.equal(mask, half) for mask in masks)
    assert [int(m.sum()) for m in masks] == sorted(int(m.sum()) for m in masks)
    assert int(masks[-1].sum()) == SIDE * SIDE


def test_it_is_among_those_that_are_tried_after_a_refusal(made):
    regions, scores, order = made
    with hooks_attached(net := classifier("necessary")) as forward:
        case = observed(forward, net, picture(), CONFIG, target="lit")
        found = replace(smallest_mask(case), scores=scores, area=0.1)
        ground = ground_of(case, regions_of(case, 4), found.response.decision)
        masks = grown(case, found, replace(ground, regions=regions))
    assert frozenset(largest_of_half(regions, order)) in masks
    sizes = [int(union(regions, units).sum()) for units in masks]
    assert sizes == sorted(sizes)
