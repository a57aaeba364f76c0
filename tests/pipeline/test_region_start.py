"""Where the maps of a search make a mask begin large, hiding one place at a time says more."""

import pytest
import torch
from torch import nn

from med_cam.case import case as case_module
from med_cam.case.case import observed
from med_cam.certification.certificate import response_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Search, Verification
from med_cam.images.image import Image
from med_cam.pipeline.deletion_map import COST, deletion_map
from med_cam.pipeline.ladder import maps_of
from med_cam.pipeline.region_mask import mask_of_regions

SIDE, WIDE = 64, 12
SPOTS = [(..., slice(y, y + WIDE), slice(x, x + WIDE)) for y, x in ((6, 6), (46, 46))]
RULES = Config(
    search=Search(steps=0),
    verification=Verification(unseen=(), baselines=("grey",), consistency=0.0),
    certification=Certification(patch=8),
)


class BothSpots(nn.Module):
    """The label of an image with both spots."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        x = self.act(x).clamp(0, 1)
        seen = torch.stack([x[spot].mean(dim=(1, 2, 3)) for spot in SPOTS], dim=1)
        level = 12 * (seen.amin(dim=1) - 0.5)
        return torch.stack([-level, level], dim=1)


@pytest.fixture
def each_asked(monkeypatch):
    """Every masked input takes a pass, as often as it is asked for."""
    monkeypatch.setattr(case_module, "asked_once", lambda predict: predict)


@pytest.fixture
def case():
    pixels = torch.full((1, SIDE, SIDE), 0.55)
    for spot in SPOTS:
        pixels[spot] = 1.0
    model = Classifier(
        BothSpots(), ("other", "both"), (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",)
    )
    with hooks_attached(model) as forward:
        yield observed(forward, model, Image(pixels), RULES)


def scores_of(*spots):
    """Highest on these spots; then by the distance from the first of them."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    scores = -((y - spots[0][1].start) ** 2 + (x - spots[0][2].start) ** 2).float()[None, None]
    for spot in spots:
        scores[spot] = 1.0
    return scores


@pytest.mark.usefixtures("each_asked")
def test_a_map_that_misses_a_spot_is_replaced_and_the_deletion_map_made_once(case):
    response, made = response_of(case), []

    def further():
        made.append(deletion_map(case))
        return made[-1]

    alone = mask_of_regions(case, scores_of(SPOTS[0]), response)
    helped = mask_of_regions(case, scores_of(SPOTS[0]), response, further=further)
    assert alone.deletion is None
    assert alone.area > 0.5
    assert helped.area < 0.5 * alone.area
    assert all(
        found.mask[spot[1:]].float().mean() > 0.7 for found in (alone, helped) for spot in SPOTS
    )
    assert len(made) == 1
    before = case.cost().forward
    assert maps_of(case, helped)[-1] is made[0]  # for weaker claims
    assert case.cost().forward == before
    assert torch.equal(maps_of(case, alone)[-1], made[0])
    assert case.cost().forward == before + COST


def test_none_is_made_where_the_mask_begins_small(case):
    def refused():
        raise AssertionError

    found = mask_of_regions(case, scores_of(*SPOTS), response_of(case), further=refused)
    assert found.area < 0.25
    assert found.deletion is None


def test_the_scores_of_the_search_stay_where_the_deletion_map_says_less(case):
    last = -scores_of(*SPOTS)  # the spots come last
    alone = mask_of_regions(case, scores_of(SPOTS[0]), response_of(case))
    found = mask_of_regions(case, scores_of(SPOTS[0]), response_of(case), further=lambda: last)
    assert torch.equal(found.mask, alone.mask)
    assert torch.equal(found.scores, alone.scores)
