"""Whether an outline gives the label: a first look at few contents, then at all, and no more."""

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.case.references import prepare_references
from med_cam.certification.certificate import response_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Verification
from med_cam.images.image import Image
from med_cam.pipeline.region_mask import leaking
from med_cam.reduction.ground import ground_of
from med_cam.reduction.regions import regions_of

SIDE, FEW, ALL = 16, 4, 20
SHOWN, BESIDE = (..., slice(4, 8), slice(4, 8)), (..., slice(10, 14), slice(10, 14))
RULES = Config(
    verification=Verification(unseen=(), baselines=("grey",), leakage_margin=0.1),
    certification=Certification(patch=4),
)


class Bright(nn.Module):
    """Bright where the one place is, unless the other one is too."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        x = self.act(x)
        bright = 8 * (x[SHOWN].mean(dim=(1, 2, 3)) - 2 * x[BESIDE].mean(dim=(1, 2, 3)))
        return torch.stack([torch.full_like(bright, 4.0), bright], dim=1)


def pictured(*places, shade=0.0):
    pixels = torch.full((1, SIDE, SIDE), 0.5 + shade)
    for place in places:
        pixels[place] = 1.0 - shade
    return Image(pixels)


def looked(given, *, sure, few=FEW, times=1):
    """Whether the outline of the place leaks where so many of twenty others give the label.

    And how many of these were looked at, the last time. The others are dark, or bright at both
    places: those are bright where the one place is all that is shown of them.
    """
    model = Classifier(
        Bright(), ("dark", "bright"), (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",)
    )
    places = dict.fromkeys(given, (SHOWN, BESIDE))
    images = [pictured(*places.get(i, ()), shade=(i + 1) / 1000) for i in range(ALL)]
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[SHOWN] = True
    with hooks_attached(model) as forward:
        references = prepare_references(model, images)
        case = observed(forward, model, pictured(SHOWN), RULES, references=references)
        response = response_of(case)
        ground = ground_of(case, regions_of(case, 4), response.decision)
        leaks = leaking(case, ground, response, few, sure=sure)
        for again in range(times):
            mask[..., 0, 0] = bool(again)  # no input is asked of twice
            before = case.cost().forward
            leaked = leaks(mask)
        return leaked, case.cost().forward - before


@pytest.fixture(scope="module")
def first():
    """Which of the others are looked at first: those that a first look alone calls a leak."""
    return [i for i in range(ALL) if looked({i}, sure=False)[0]]


def test_a_first_look_is_at_few(first):
    assert len(first) == FEW
    assert looked(set(), sure=False) == (False, FEW)
    assert looked(set(), sure=True) == (False, FEW)


def test_one_of_the_first_contents_is_no_leak_before_all_were_looked_at(first):
    for i in first:
        assert looked({i}, sure=True) == (False, ALL)


def test_what_is_too_many_of_all_leaks_and_no_more_are_looked_at(first):
    """Of twenty contents two may give the label, three may not."""
    rest = [i for i in range(ALL) if i not in first]
    assert looked({*first[:2]}, sure=True) == (False, ALL)
    assert looked({*first[:3]}, sure=True) == (True, FEW)
    assert looked({first[0], *rest}, sure=True)[0]
    assert looked({first[0], *rest[:2]}, sure=True)[0]
    assert looked({first[0], rest[-1]}, sure=True) == (False, ALL)


def test_what_gave_the_label_goes_first_the_next_time(first):
    """And nothing else changes: what does not leak takes all, as before."""
    rest = [i for i in range(ALL) if i not in first]
    for given in ({*rest[:3]}, {*rest[5:8]}, {first[0], rest[3], rest[-1]}):
        once, again = (looked(given, sure=False, few=ALL, times=times) for times in (1, 2))
        assert once[0]
        assert once[1] > FEW
        assert again == (True, FEW)
    assert looked({*rest[:2]}, sure=False, few=ALL, times=2) == (False, ALL)
