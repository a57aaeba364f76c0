"""A network prepared on planted images proposes the planted place where it has not seen it."""

import dataclasses

import pytest
import torch

from med_cam.case.case import observed, reference_of
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.config.settings import Config, Preparation, Search
from med_cam.errors import ConfigError
from med_cam.images.geometry import Image
from med_cam.pipeline.prepare import example, expected, proposal_of, training_of
from med_cam.search.clues import count_of
from med_cam.search.proposal import Proposing, proposed
from med_cam.search.proposal_file import as_bytes
from med_cam.search.train import search
from search.test_search import Bright

SIDE, PATCH = 32, 8
SEARCH = Search(steps=12, proposed_steps=2, grid=8, widths=(8, 16), places=3, radii=(0.6,))
CONFIG = Config(search=dataclasses.replace(SEARCH, jitter=1))
RULES = Preparation(places=5, radii=(0.5,), epochs=20, batch=4, fewest=16)
SEEN = [(row, column) for row in (2, 8, 14, 20) for column in (0, 6, 12, 18, 24)]
UNSEEN = [(5, 3), (11, 21), (17, 9), (23, 15), (4, 15)]


def picture(place, seed=0):
    pixels = torch.rand(1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 0.3 + 0.2
    pixels[:, place[0] : place[0] + PATCH, place[1] : place[1] + PATCH] = 1.0
    return Image(pixels)


def classifier(module=None):
    return Classifier(
        module or Bright(),
        ("dark", "bright"),
        (SIDE, SIDE),
        1,
        (0.5,),
        (0.5,),
        hooked_layers=("act",),
    )


def prepared(config=CONFIG, rules=RULES, model=None, places=SEEN):
    model = model or classifier()
    with hooks_attached(model) as forward:
        training = training_of(forward, model, config, rules, None)
        examples = [example(training, picture(place, i), i) for i, place in enumerate(places)]
        return proposal_of(training, examples)


@pytest.fixture(scope="module")
def proposal():
    return prepared()


def patch_of(place):
    needed = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    needed[place[0] : place[0] + PATCH, place[1] : place[1] + PATCH] = True
    return needed


def test_the_planted_patch_is_proposed_at_places_that_were_not_seen(proposal):
    model = classifier()
    with hooks_attached(model) as forward:
        for place in UNSEEN:
            case = observed(forward, model, picture(place, seed=99), CONFIG)
            scores = proposed(case, proposal)[0, 0]
            needed = patch_of(place)
            first = scores.flatten().argsort(descending=True)[: 2 * PATCH**2]
            assert needed.flatten()[first].sum() >= 0.9 * PATCH**2, place
            assert not scores.requires_grad


def test_what_a_network_proposes_comes_from_its_training(proposal):
    """Before its first step it favours no place; the clues alone do not find the patch for it."""
    model = classifier()
    network = Proposing(count_of(model), (8, 16), torch.Generator().manual_seed(0)).eval()
    untrained = dataclasses.replace(proposal, network=network)
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(UNSEEN[0], seed=99), CONFIG)
        found = [proposed(case, each)[0, 0] for each in (untrained, proposal)]
    gain = [scores[patch_of(UNSEEN[0])].mean().item() for scores in found]
    assert gain[1] > gain[0] + 0.5


def test_the_same_images_and_seed_give_the_same_file_and_another_seed_another():
    few = {"rules": dataclasses.replace(RULES, epochs=2, fewest=4), "places": SEEN[:4]}
    first, again = prepared(**few), prepared(**few)
    other = prepared(config=dataclasses.replace(CONFIG, seed=1), **few)
    assert as_bytes(again) == as_bytes(first)
    assert again.prepared == first.prepared
    assert as_bytes(other) != as_bytes(first)
    assert other.prepared.sha256 != first.prepared.sha256


def test_the_preparation_takes_the_passes_that_it_is_said_to_take(proposal):
    assert proposal.prepared.passes == expected(len(SEEN), CONFIG, RULES)
    assert proposal.prepared.images == len(SEEN)


def test_a_search_from_a_proposal_takes_few_passes_and_no_first_look(proposal):
    model = classifier()
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(UNSEEN[1], seed=99), CONFIG)
        before, reference = case.cost(), reference_of(case, 0.8)
        maps, steps = search(case, reference, torch.Generator().manual_seed(0), None, proposal)
        after = case.cost()
    each = 2 * CONFIG.search.masks * CONFIG.search.proposed_steps
    assert len(steps) == CONFIG.search.proposed_steps
    assert after.forward - before.forward == each + 1
    assert after.backward - before.backward == each + 1
    assert len(maps) == CONFIG.search.proposed_steps + 1  # what was proposed comes last
    last = maps[-1, 0]
    assert last[patch_of(UNSEEN[1])].mean() > last.mean() + last.std()


def test_too_few_images_are_refused_with_their_number():
    with pytest.raises(ConfigError, match=r"at least 21 images, and there are 20;"):
        prepared(rules=dataclasses.replace(RULES, fewest=21))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (dataclasses.replace(CONFIG, search=Search(form="sigmoid")), "search.form is 'sigmoid'"),
        (dataclasses.replace(CONFIG, search=Search(grid=0)), "search.grid must not be 0"),
        (
            dataclasses.replace(
                CONFIG,
                verification=dataclasses.replace(CONFIG.verification, baselines=("my:fill",)),
            ),
            "a fill of your own",
        ),
    ],
)
def test_settings_under_which_nothing_can_be_prepared_are_refused(config, said):
    with pytest.raises(ConfigError, match=said):
        prepared(config=config, places=SEEN[:1])


def test_a_classifier_that_gives_no_numbers_is_told():
    class Lost(Bright):
        def forward(self, x):
            return super().forward(x) * (float("nan") if len(x) > 8 else 1.0)

    with pytest.raises(ConfigError, match="loss of the proposal's training is nan"):
        prepared(
            model=classifier(Lost()), rules=dataclasses.replace(RULES, fewest=1), places=SEEN[:1]
        )
