"""Where nothing is found, the mask holds the places where others have their finding.

Whatever is calm in every image speaks for "nothing" most, and says it over anybody's image. That
this image has no spot is shown by the places alone at which others have one.
"""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from hypothesis import example, given as drawn, settings, strategies as st
from torch import nn

from med_cam.case.case import observed
from med_cam.case.references import prepare_references
from med_cam.case.seeds import CANDIDATES, fresh
from med_cam.certification.certificate import response_of
from med_cam.certification.minimality import region_side
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Search, Verification
from med_cam.images.image import Image
from med_cam.pipeline import budget, certify, other_scores, region_mask, restricted_claim
from med_cam.pipeline.budget import MEASURED, spent_besides
from med_cam.pipeline.explain import explain
from med_cam.pipeline.found import Found
from med_cam.pipeline.other_scores import of_other_scores, own_places, without_leak
from med_cam.pipeline.propose import smallest_mask
from med_cam.reduction.ground import ground_of
from med_cam.reduction.regions import regions_of
from med_cam.search.disc_map import disc_map, discs
from med_cam.verify.shape_leakage import other_contents

SIDE, WIDE = 64, 10
CORNERS = ((8, 10), (8, 44), (44, 10), (44, 44))  # where others have their spot
PLACES = [(..., slice(y, y + WIDE), slice(x, x + WIDE)) for y, x in CORNERS]
CALM = (..., slice(24, 40), slice(22, 42))  # alike in every image
HELD = torch.zeros(SIDE, SIDE, dtype=torch.bool)
for place in PLACES:
    HELD[place] = True
DISCS_OF_OTHERS = 72  # two of each of 36 places, see RULES
RULES = Config(
    search=Search(steps=2, widths=(4,), grid=8, places=6, radii=(0.35, 0.2), maps=1),
    verification=Verification(unseen=(), baselines=("grey", "gaussian")),
    certification=Certification(patch=8, deletion_samples=2, reinsertion_trials=4),
)


class Spots(nn.Module):
    """Logits of nothing and of a spot: a bright place outweighs everything that is calm."""

    def __init__(self, calm=2.0):
        super().__init__()
        self.act, self.calm = nn.Identity(), calm

    def forward(self, x):
        x = self.act(x).clamp(-1, 1)
        means = torch.stack([x[place].mean(dim=(1, 2, 3)) for place in PLACES], dim=1)
        spots = (means - 0.6).relu().amax(dim=1) / 0.4
        tissue = (means.clamp(max=0.5) - 0.1).relu().sum(dim=1) / 0.4  # 1 for each that is seen
        calm = (x[CALM].mean(dim=(1, 2, 3)) - 0.1).relu() / 0.4
        return torch.stack([tissue + self.calm * calm, 0.5 + 12 * spots], dim=1)


def pictured(spot=None, *, calm=True):
    pixels = torch.full((1, SIDE, SIDE), 0.5)
    for part in (*PLACES, CALM) if calm else PLACES:
        pixels[part] = 0.75
    if spot is not None:
        pixels[PLACES[spot]] = 1.0
    return Image(pixels)


def classifier(spots):
    labels = ("nothing", "spot")
    return Classifier(spots, labels, (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",))


@pytest.fixture(scope="module")
def given():
    model = classifier(Spots())
    return model, prepare_references(model, [pictured(spot) for spot in range(4)])


@pytest.fixture(scope="module")
def found(given):
    model, others = given
    return explain(model, pictured(), config=RULES, references=others)


def test_a_claim_of_nothing_holds_every_place_where_others_have_their_spot(found):
    assert found.label == "nothing"
    assert found.verified
    assert found.area < 0.3
    for place in PLACES:
        assert found.mask[place].float().mean() > 0.5


def test_places_where_others_have_their_spot_outrank_what_is_calm_in_every_image(given):
    model, others = given
    with hooks_attached(model) as forward:
        case = observed(forward, model, pictured(), RULES, references=others)
        s, generator = RULES.search, torch.Generator().manual_seed(0)
        masks = discs(SIDE, SIDE, s.places, s.radii)
        scores = disc_map(case.batched, 0, masks, ("grey",), generator)
        own = own_places(case, scores)
    assert scores[0, 0][CALM].mean() > scores[0, 0][HELD].mean()
    assert own[0, 0][HELD].mean() > own[0, 0][CALM].mean()


def test_the_mask_to_begin_with_does_not_leak_and_is_far_from_all(given):
    model, others = given
    with hooks_attached(model) as forward:
        case = observed(forward, model, pictured(), RULES, references=others)
        start = smallest_mask(case)
    assert start.ground is not None
    assert start.ground.wary
    assert start.area < 0.3
    for consistency in (0.0, RULES.verification.consistency):  # to move too few is no leak
        lax = replace(RULES.verification, leakage_margin=1.0, consistency=consistency)
        without = replace(RULES, verification=lax)
        with hooks_attached(model) as forward:
            case = observed(forward, model, pictured(), without, references=others)
            other = smallest_mask(case)
        assert other.ground is None or not other.ground.wary
        assert consistency or other.area < 0.7 * start.area


@pytest.fixture(scope="module")
def leaking_late():
    """Twenty others, of which seven give the label by what is calm, but none of the first five.

    A first look takes four of them.
    """
    model = classifier(Spots(calm=6.0))  # what is calm suffices, and is smaller than the places

    def others(calm):
        images = [pictured(i % 4, calm=i in calm) for i in range(20)]
        for i, image in enumerate(images):
            image.pixels[0, 0, 0] = i / 20  # none of them twice
        return prepare_references(model, images)

    with hooks_attached(model) as forward:
        case = observed(forward, model, pictured(), RULES, references=others(()))
        contents = other_contents(case.scene, 20, fresh(case, CANDIDATES))
    order = model.pixels_of(contents)[:, 0, 0, 0].mul(20).round().int().tolist()
    assert sorted(order) == list(range(20))
    return model, others(order[5:12])


def test_claims_lost_by_outline_are_followed_by_masks_of_other_scores(leaking_late, monkeypatch):
    """Where the budget holds no look for a larger mask that does not leak."""
    model, others = leaking_late
    rules = replace(RULES, certification=replace(RULES.certification, budget=1000))
    found = explain(model, pictured(), config=rules, references=others)
    assert found.verified
    assert found.area < 0.5
    assert found.passes.forward + found.passes.backward <= 1000
    for place in PLACES:
        assert found.mask[place].float().mean() > 0.5
    asked = []
    monkeypatch.setattr(
        certify, "of_other_scores", lambda case, found, number: asked.append(found)
    )
    before = explain(model, pictured(), config=rules, references=others)
    assert not before.verified
    assert len(asked) == 1  # where none of other scores will do, that is looked into once
    assert [c.name for c in before.claim.checks if not c.passed] == ["shape_leakage"]


def test_the_scores_reported_are_those_of_the_mask_that_followed(leaking_late, monkeypatch):
    model, others = leaking_late
    rules = replace(RULES, certification=replace(RULES.certification, budget=1000))
    marked = HELD.float()[None, None]

    def followed(*told):
        silent = of_other_scores(*told)
        return replace(silent, scores=marked)

    monkeypatch.setattr(certify, "of_other_scores", followed)
    found = explain(model, pictured(), config=rules, references=others)
    assert found.verified
    assert found.soft[HELD].min() > found.soft[~HELD].max()


@pytest.mark.parametrize("first", [0, 1, 2])
def test_each_map_is_tried_for_a_mask_that_does_not_leak(begun, first):
    """Of the places where others have their spot, of what is calm, and one that knows nothing."""
    case, ground, response = begun
    calm = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    calm[CALM] = True
    ramp = torch.arange(SIDE * SIDE).view(SIDE, SIDE) / SIDE**2
    maps = torch.stack([calm.float(), HELD.float(), ramp])[:, None].roll(first, dims=0)
    silent = without_leak(case, ground, maps, 0.05, response)
    alone = without_leak(case, ground, calm.float()[None, None], 0.05, response)
    assert silent.mask is not None
    area = silent.mask.float().mean()
    assert area < 0.3
    assert alone.mask is None or alone.mask.float().mean() > 1.5 * area
    for place in PLACES:
        assert silent.mask[0, 0][place].float().mean() > 0.5


@contextmanager
def beginning(model, others):
    """A case, what masks are measured on, and what baselines alone say."""
    with hooks_attached(model) as forward:
        case = observed(forward, model, pictured(), RULES, references=others)
        response = response_of(case)
        regions = regions_of(case, region_side(case))
        yield case, replace(ground_of(case, regions, response.decision), wary=True), response


@pytest.fixture(scope="module")
def begun(given):
    with beginning(*given) as case_ground_response:
        yield case_ground_response


@pytest.fixture
def unasked(given):
    """The same, of which nothing was asked yet: what is asked again takes no pass."""
    with beginning(*given) as case_ground_response:
        yield case_ground_response


@pytest.mark.parametrize("own", [True, False])
def test_maps_are_tried_as_they_are_and_less_what_others_say(begun, monkeypatch, own):
    case, ground, response = begun
    held, ramp = HELD.float()[None, None], torch.linspace(0, 1, SIDE**2).view(1, 1, SIDE, SIDE)
    monkeypatch.setattr(other_scores, "own_places", lambda _, maps: held if own else ramp)
    silent = without_leak(case, ground, ramp if own else held, 0.05, response)
    assert silent.mask is not None
    assert silent.mask.float().mean() < 0.3
    assert silent.mask[0, 0][HELD].float().mean() > 0.5


@drawn(ends=st.lists(st.floats(0.0, 0.9), min_size=6, max_size=6), moved=st.booleans())
@example(ends=[0.0, 0.0, 0.0, 0.5, 0.5, 0.7], moved=True)  # what is met lacks the margin on all
@settings(max_examples=25, deadline=None)
def test_what_is_taken_passes_every_judge(begun, ends, moved):
    """Judges without any order: each refuses masks of areas between two ends."""
    case, ground, response = begun
    few, all_, leak = (sorted(ends[i : i + 2]) for i in (0, 2, 4))

    def between(mask, two):
        return two[0] < mask.float().mean().item() < two[1]

    ramp = torch.linspace(0, 1, SIDE**2).view(1, 1, SIDE, SIDE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(other_scores, "own_places", lambda _, maps: maps)
        patched.setattr(other_scores, "by_few", lambda _: lambda mask: not between(mask, few))
        patched.setattr(other_scores, "by_all", lambda _: lambda mask: not between(mask, all_))
        patched.setattr(other_scores, "leaking", lambda *_: lambda mask: between(mask, leak))
        patched.setattr(other_scores, "moving", lambda *_: lambda _: moved)
        silent = without_leak(case, ground, ramp, 0.05, response)
    if not moved:
        assert silent.mask is None
        return
    assert silent.mask is not None  # all that is open passes each of them
    assert not between(silent.mask, all_)
    assert not between(silent.mask, leak)


def test_every_map_that_the_first_mask_was_chosen_from_is_handed_on(given, monkeypatch):
    model, others = given
    asked = []
    rules = replace(RULES, search=replace(RULES.search, maps=2))
    with hooks_attached(model) as forward:
        lax = replace(rules, verification=replace(rules.verification, leakage_margin=1.0))
        case = observed(forward, model, pictured(), lax, references=others)
        start = smallest_mask(case)
        assert start.maps is not None
        assert len(start.maps) == 3  # the disc map is the last
        silent = other_scores.Silent(start.scores, None)
        monkeypatch.setattr(
            other_scores, "without_leak", lambda *given: asked.append(given) or silent
        )
        assert of_other_scores(case, start, 3) is None
    ((_, wary, maps, share, _, number),) = asked
    assert wary.wary
    assert torch.equal(maps, start.maps)
    assert share == start.area
    assert number == 3


def test_where_the_first_mask_leaks_every_map_of_the_search_is_handed_on(given, monkeypatch):
    model, others = given
    asked = []

    def looked(*told):
        asked.append(told)
        return without_leak(*told)

    monkeypatch.setattr(region_mask, "without_leak", looked)
    rules = replace(RULES, search=replace(RULES.search, maps=2))
    with hooks_attached(model) as forward:
        start = smallest_mask(observed(forward, model, pictured(), rules, references=others))
    ((_, _, maps, _, _),) = asked
    assert len(maps) == 3
    assert torch.equal(maps, start.maps)


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("left", [0, 80, 200])
def test_what_a_certificate_and_the_tests_take_is_left_of_the_budget(unasked, left, number):
    """Of maps that know nothing, of which a mask is looked for as long as that may go on."""
    case, ground, response = unasked
    kept = budget.claim_passes(case, number) + budget.test_passes(case.config)
    spare = DISCS_OF_OTHERS + MEASURED + left
    spent = case.cost()
    used = case.config.certification.budget - spent.forward - spent.backward - kept - spare
    near = spent_besides(case, used)
    ramp = torch.linspace(0, 1, SIDE**2).view(1, 1, SIDE, SIDE)
    maps = torch.cat([ramp.roll(i, 2) for i in range(0, 60, 5)])
    silent = without_leak(near, ground, maps, 0.05, response, number)
    took = near.cost().forward - used - spent.forward
    assert took <= spare
    assert took > DISCS_OF_OTHERS - 1
    assert silent.mask is None or left


@pytest.mark.parametrize("wary", [False, True])
def test_a_restricted_claim_reckons_with_masks_of_other_scores(begun, monkeypatch, wary):
    """Where a mask of these scores gave the label by its outline, fewer passes are too few."""
    case, ground, response = begun
    asked = []
    monkeypatch.setattr(restricted_claim, "smallest_certified", lambda *told: asked.append(told))
    found = Found(
        case.open[0, 0],
        1.0,
        HELD.float()[None, None],
        (),
        response,
        ground=replace(ground, wary=wary),
    )
    kept = case.config.certification.controls + budget.claim_passes(case, 1)
    enough = kept + restricted_claim.CUT + wary * budget.OTHER_SCORES
    restricted_claim.certified_within(case, found, enough - 1)
    assert not asked
    restricted_claim.certified_within(case, found, enough)
    assert len(asked) == 1
