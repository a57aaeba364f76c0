"""What is claimed of evidence comes out as it provably must, on classifiers set by hand."""

from dataclasses import replace

import pytest
import torch

from med_cam.config.settings import Config
from med_cam.pipeline.explain import explain
from planted_claims import CASES

RULES = replace(
    Config().certification, alternatives=2, necessary_superset=True, patch=8, most_patches=0
)
CONFIG = replace(Config(), certification=RULES, seed=1)  # of others a piece of both ways may stay
FAR = (8, 8)  # its partner lies in other patches


@pytest.fixture(scope="module")
def explained():
    """Each case explained once, at a place that is far from its partner."""
    known = {}

    def of(name):
        if name not in known:
            truth = CASES[name].plant(FAR, torch.Generator().manual_seed(1))
            known[name] = truth, explain(CASES[name].classifier, truth.image, config=CONFIG)
        return known[name]

    return of


def covers(mask, region):
    return (mask & region).sum().item() / region.sum().item()


@pytest.mark.parametrize("name", CASES)
def test_evidence_is_certified_and_holds_one_way_that_is_enough(name, explained):
    truth, found = explained(name)
    assert found.verified, found.status
    assert found.claim.certificate.bound >= 0.95
    assert max(covers(found.mask, way.needed) for way in truth.ways) > 0.97
    assert found.tests.minimality.holds


@pytest.mark.parametrize("name", CASES)
def test_necessity_is_what_it_must_be(name, explained):
    truth, found = explained(name)
    if not truth.necessary:
        held = [way for way in truth.ways if covers(found.mask, way.needed) > 0.97]
        assert len(held) == 1  # the mask lies on one of them alone
    assert found.tests.necessity.holds == truth.necessary
    if truth.necessary:
        assert found.tests.necessity.label == "nothing"


@pytest.mark.parametrize("name", CASES)
def test_as_many_further_masks_are_found_as_there_can_be(name, explained):
    truth, found = explained(name)
    others = found.tests.alternatives
    assert len(others) == truth.alternatives
    assert found.tests.remainder_sufficient is False
    for other in others:
        assert not (other.mask & found.mask).any()
        assert other.claim.holds
        assert max(covers(other.mask, way.needed) for way in truth.ways) > 0.97


@pytest.mark.parametrize("name", CASES)
def test_a_mask_that_is_necessary_too_holds_every_way(name, explained):
    truth, found = explained(name)
    if truth.necessary:
        assert found.tests.necessary_superset is None  # it is already
        return
    superset = found.tests.necessary_superset
    assert superset is not None
    assert superset.necessity.holds
    assert superset.claim.holds
    assert (found.mask & ~superset.mask).sum() == 0
    assert all(covers(superset.mask, way.needed) > 0.03 for way in truth.ways)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("corner")])
def test_a_shortcut_in_the_corner_is_warned_of(name, explained):
    truth, found = explained(name)
    assert truth.border
    assert any("edge" in warning or "border" in warning for warning in found.claim.warnings)
