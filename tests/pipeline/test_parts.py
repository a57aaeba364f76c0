"""Regions of weaker claims made smaller part by part, on margins that are planted."""

import pytest
import torch
from hypothesis import given, settings, strategies as st

from ladders import CONFIG, MASKED, SIDE, classifier, inside, one_square, picture, with_rules
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.pipeline.explain import explain
from med_cam.pipeline.parts import PARTS, parts_of, passes_of_pruning, pruned
from med_cam.pipeline.propose import smallest_mask
from med_cam.pipeline.rung import Now
from med_cam.results.ladder import Consistency
from med_cam.verify.minimality import numbered

BLOCK = 4
REGIONS = torch.arange(1, 1 + (SIDE // BLOCK) ** 2).view(1, 1, SIDE // BLOCK, SIDE // BLOCK)
REGIONS = REGIONS.repeat_interleave(BLOCK, 2).repeat_interleave(BLOCK, 3)
REGION = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
REGION[..., 4:28, 4:24] = True


@pytest.fixture(scope="module", params=[REGIONS, None], ids=["regions", "squares"])
def now(request):
    net, image = classifier("necessary"), picture()
    with hooks_attached(net) as forward:
        case = observed(forward, net, image, CONFIG, target="lit")
        yield Now(case, smallest_mask(case), 0.05, 1000, (), request.param)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.tuples(st.integers(4, 27), st.integers(4, 23)), min_size=1, max_size=6))
def test_what_is_left_are_the_parts_that_are_needed(now, needed):
    """And with some of the others back; the passes are those that were reckoned with."""
    on, asked = numbered(now.case.scene, ("gaussian",), 3, torch.Generator()), []

    def margins(masks, infill):
        asked.append(max(len(masks), len(infill)))
        shown = torch.stack([masks[:, 0, row, column] for row, column in needed], dim=1)
        margin = shown.float().mean(dim=1) - 0.999 + masks.float().mean(dim=(1, 2, 3)) * 1e-3
        return margin.expand(asked[-1])

    smallest, larger = pruned(now, REGION, on, margins)
    kept = [part for part in parts_of(now, REGION) if any(part[0, 0, r, c] for r, c in needed)]
    assert torch.equal(smallest, torch.cat(kept).any(dim=0, keepdim=True))
    assert not (smallest & ~larger).any()
    assert not (larger & ~REGION).any()
    assert len(parts_of(now, REGION)) <= PARTS
    assert sum(asked) <= passes_of_pruning(on)


def test_a_graded_region_that_moves_too_few_pictures_is_followed_by_the_whole_cut(monkeypatch):
    """Its bound was not looked at by then, so that it takes none of the risk."""
    config = with_rules(MASKED, units="regions")
    net, image = inside(), one_square()
    small = explain(net, image, target="lit", config=config).ladder
    least = int(small.rung.mask.sum()) + 1

    def consistent(case, mask, response):
        passed = int(mask.sum()) >= least
        return Consistency(float(passed), 0.5, 2, passed)

    monkeypatch.setattr("med_cam.pipeline.rung.consistent", consistent)
    large = explain(net, image, target="lit", config=config).ladder
    assert large.name == small.name == "graded"
    assert large.rung.strength == small.rung.strength
    assert large.rung.area > small.rung.area
    assert not (small.rung.mask & ~large.rung.mask).any()
    assert [a.risk for a in large.tried] == [a.risk for a in small.tried]
