"""From scores to a claim: growing until it holds, on its own samples, never on what is unseen."""

from contextlib import contextmanager
from dataclasses import replace

import pytest
import torch
from torch import nn

from lit import FEW
from med_cam.case.case import observed
from med_cam.case.seeds import (
    AFTER,
    CANDIDATES,
    CERTIFY,
    CLAIM,
    SEARCH,
    SENSITIVITY,
    fresh,
    generator_of,
)
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config, Refinement, Verification
from med_cam.images.image import Image
from med_cam.masking.samplers import gaussian
from med_cam.pipeline.explain import explain
from med_cam.pipeline.propose import candidate_rules, proposed, shares_to_claim

SIDE = 32
RULES = Verification(samples=3, unseen_samples=1, unseen=("black",))
CONFIG = Config(verification=RULES)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Lit(nn.Module):
    """Class 1 where enough of one square is bright; nowhere else is looked at."""

    def __init__(self, rows=(10, 20), columns=(10, 20), share=0.6):
        super().__init__()
        self.rows, self.columns, self.share = slice(*rows), slice(*columns), share
        self.act = nn.Identity()

    def forward(self, x):
        lit = self.act(x)[:, 0, self.rows, self.columns].clamp(0, 1).mean(dim=(1, 2))
        z = 30 * (lit - self.share)
        return torch.stack([torch.zeros_like(z), z], dim=1)


def classifier(rule, module):
    return Classifier(module, ("dark", "lit"), (SIDE, SIDE), 1, (0.5,), (0.5,), rule=rule)


def lit_image(model, size):
    """Dark, but for the square that the classifier looks at in its model input."""
    pixels = torch.full((1, *size), 0.3)
    frame = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    frame[..., model.module.rows, model.module.columns] = True
    pixels[0, model.geometry(Image(pixels)).restore(frame)] = 1.0
    return Image(pixels)


@contextmanager
def the_case(config=CONFIG, *, size=(SIDE, SIDE), rule="squash", module=None, watch=None):
    model = classifier(rule, module or Lit())
    with hooks_attached(model) as forward:

        def watched(x, *inside):
            if watch is not None:
                watch.append(x.clone())
            return forward(x, *inside)

        yield observed(watched, model, lit_image(model, size), config)


def scores_of_box(rows, columns):
    """Highest in the middle of a box, falling with the distance from it."""
    i = torch.arange(SIDE)[:, None].float() - sum(rows) / 2 + 0.5
    j = torch.arange(SIDE)[None].float() - sum(columns) / 2 + 0.5
    return -torch.maximum(i.abs(), j.abs())[None, None] - 1e-4 * (i + 1.1 * j)


GOOD = scores_of_box((10, 20), (10, 20))


def area_of(mask):
    return mask.float().mean().item()


def test_the_mask_grows_by_the_factor_until_a_claim_holds():
    judged = []

    def passes(mask):  # too lenient: what it lets through is too small for the claim
        judged.append(area_of(mask))
        return judged[-1] > 0.04

    config = Config(refinement=Refinement(growth=1.5, attempts=6, rounds=8), verification=RULES)
    with the_case(config) as case:
        found = proposed(case, GOOD, passes)
    smallest = min(share for share in judged if share > 0.04)
    times = found.area / smallest
    claims = len(found.claims)
    assert [claim.holds for claim in found.claims] == [False] * (claims - 1) + [True]
    assert claims > 2
    assert times == pytest.approx(1.5 ** (claims - 1), rel=0.03)
    assert found.claim.holds


def test_a_claim_that_holds_at_once_is_the_only_one():
    with the_case() as case:
        found = proposed(case, GOOD, lambda m: area_of(m) > 0.3)
    assert len(found.claims) == 1
    assert found.claim.holds
    assert 0.3 < found.area < 0.35


def test_where_no_candidate_passes_the_whole_image_is_claimed_on():
    with the_case() as case:
        found = proposed(case, GOOD, lambda _: False)
    assert found.area == 1
    assert len(found.claims) == 1
    assert found.mask.all()


class TwoFaced(Lit):
    """As it should on pictures; where half of the input is one colour, one corner is enough."""

    def forward(self, x):
        flat = ((x[..., 1:] - x[..., :-1]).abs() < 1e-6).float().mean(dim=(1, 2, 3)) > 0.5
        noise = (x[..., 1:] - x[..., :-1]).abs().mean(dim=(1, 2, 3)) > 0.3
        seen = ((x[:, 0, :4, :4] + 0.4).abs() < 0.05).float().mean(dim=(1, 2))
        behind = torch.stack([torch.zeros_like(seen), 8 * seen - 4], dim=1)
        return torch.where((flat | noise)[:, None], behind, super().forward(x))


def reference_images(case, count):
    """Dark ones, with a little noise, that the classifier does not call lit."""
    noise = 0.1 * torch.rand(count, 1, SIDE, SIDE, generator=generator(3))
    scene = replace(case.scene, others=noise - 0.5)
    views = {
        name: replace(getattr(case, name), scene=scene)
        for name in ("outputs", "batched", "claims")
    }
    return replace(case, **views)


CORNER_FIRST = scores_of_box((0, 4), (0, 4))


@pytest.mark.parametrize("count", [8, 5])
def test_no_larger_mask_is_tried_where_the_smallest_that_suffices_moves_no_picture(count):
    """Few reference images tell nothing, but the image itself, blurred, does."""
    asked = []

    def suffices(mask):
        asked.append(area_of(mask))
        return bool(mask[..., :4, :4].all())

    def moves(mask):
        return bool(mask[..., 10:20, 10:20].all())

    with the_case(module=TwoFaced()) as case:
        case = reference_images(case, count)
        found = proposed(case, CORNER_FIRST, suffices, moves=moves)
    assert len(asked) == len(set(asked))  # each is asked about once
    assert found.area < 0.03
    assert len(found.claims) == 1
    assert not found.claim.holds
    check = found.claim.checks[-1]
    assert (check.name, check.value, check.trials) == ("consistency", 0.0, min(count, 6))


def test_where_the_smallest_moves_pictures_nothing_else_is_asked():
    def moves(mask):
        judged.append(area_of(mask))
        return True

    for given, count in (({}, 0), ({"moves": moves}, 1)):
        judged = []
        with the_case() as case:
            found = proposed(case, GOOD, lambda m: area_of(m) > 0.3, **given)
        assert 0.3 < found.area < 0.35
        assert len(judged) >= count


def test_areas_to_claim_end_with_the_whole_image():
    rules = Refinement(growth=2.0, attempts=3)
    assert list(shares_to_claim(0.1, rules)) == [0.1, 0.2, 0.4, 1.0]
    assert list(shares_to_claim(0.4, rules)) == [0.4, 0.8, 1.0]
    assert list(shares_to_claim(None, rules)) == [1.0]
    assert list(shares_to_claim(0.1, replace(rules, attempts=0))) == [1.0]


def test_the_papers_cut_is_one_half_and_is_not_grown():
    scores = torch.full((1, 1, SIDE, SIDE), -1.0)
    scores[..., 3:9, 4:20] = 1.0
    config = Config(refinement=Refinement(cut="threshold"), verification=RULES)
    with the_case(config) as case:
        found = proposed(case, scores, lambda _: True)
    assert torch.equal(found.mask, scores[0, 0].sigmoid() > 0.5)
    assert len(found.claims) == 1
    assert not found.claim.holds  # it is elsewhere


def test_candidates_are_asked_for_more_than_the_claim_and_cost_less():
    config = Config()
    rules = candidate_rules(config)
    assert rules.share > config.verification.share
    assert rules.leakage_trials < config.verification.leakage_trials
    assert rules.baselines == config.verification.baselines
    assert rules.stability_rate == config.verification.stability_rate


def noise_of(samples):
    """The Gaussian noise among masked inputs: what a corner shows that no mask holds."""
    corner = [x[i, 0, 0, :4] for x in samples for i in range(len(x))]
    return {tuple(c.tolist()) for c in corner if c.abs().max() > 0 and c.std() > 0.01}


def test_every_claim_has_samples_that_no_candidate_and_no_other_claim_has_seen():
    watch = []
    config = Config(
        refinement=Refinement(growth=1.5, attempts=3, rounds=2, samples=3),
        verification=replace(RULES, leakage_trials=20),
    )
    judged = []

    def passes(mask):
        judged.append(1)
        return area_of(mask) > 0.02

    with the_case(config, watch=watch) as case:
        proposed(case, scores_of_box((4, 8), (20, 24)), passes)
        scene = case.scene
    seen = noise_of(watch)
    for attempt in range(3):
        first = gaussian(scene, fresh(case, CLAIM + attempt))[0, 0, 0, :4]
        assert tuple(first.tolist()) in seen
    candidates = gaussian(scene, fresh(case, CANDIDATES))[0, 0, 0, :4]
    assert tuple(candidates.tolist()) not in seen


def test_every_purpose_of_every_seed_samples_alone():
    purposes = [SEARCH, CANDIDATES, SENSITIVITY, AFTER, *range(CLAIM, CERTIFY + 50)]
    seeds = (0, 1, 2, 2**26, 2**26 + 1, 2**32 - 1)  # torch reads 32 bits of what it is given
    drawn = {
        torch.rand(1, generator=generator_of(seed, purpose), dtype=torch.float64).item()
        for seed in seeds
        for purpose in purposes
    }
    assert len(drawn) == len(seeds) * len(purposes)


def test_the_samples_of_a_baseline_are_put_to_the_classifier_together():
    watch = []
    with the_case(watch=watch) as case:
        watch.clear()
        proposed(case, GOOD, lambda m: area_of(m) > 0.3)
    assert watch
    assert max(len(x) for x in watch) >= CONFIG.verification.samples


def test_the_claim_is_on_the_mask_in_the_sources_pixels():
    """A source smaller than the model input cannot hold every mask of it."""
    with the_case(size=(8, 8)) as case:
        found = proposed(case, GOOD, lambda m: area_of(m) > 0.25)
        again = case.geometry.project(found.mask)
    assert found.mask.shape == (8, 8)
    blocks = again.view(8, 4, 8, 4).float().mean(dim=(1, 3))
    assert set(blocks.unique().tolist()) == {0.0, 1.0}
    assert found.area == found.mask.float().mean().item()
    assert found.claim.holds


def test_padding_is_never_evidence():
    """The scores are highest on the padding; a wide image lies between rows 12 and 20."""
    scores = scores_of_box((0, 4), (10, 20))
    judged = []

    def passes(mask):
        judged.append(mask)
        return area_of(mask) > 0.1

    with the_case(size=(16, 64), rule="pad", module=Lit((13, 19))) as case:
        valid = case.scene.valid
        assert 0 < area_of(valid) < 1
        found = proposed(case, scores, passes)
        everywhere = proposed(case, scores, lambda _: False)
    assert judged
    assert not any((mask & ~valid).any() for mask in judged)
    assert area_of(judged[0]) == pytest.approx(0.1, abs=1 / SIDE**2)  # none spent on padding
    assert found.mask.shape == (16, 64)
    assert everywhere.area == 1  # all of the source is seen
    assert everywhere.claim.holds


def test_what_a_crop_cuts_off_is_never_evidence():
    with the_case(size=(40, 120), rule="crop") as case:
        seen = case.geometry.seen()
        assert area_of(seen) == pytest.approx(1 / 3, abs=0.02)
        found = proposed(case, GOOD, lambda m: area_of(m) > 0.3)
        whole = proposed(case, GOOD, lambda _: False)
    assert found.claim.holds
    assert not (found.mask & ~seen).any()
    assert 0.29 < found.area / area_of(seen) < 0.35  # of what is seen, to a bisection step
    assert torch.equal(whole.mask, seen)
    assert whole.area == pytest.approx(area_of(seen))


@pytest.mark.parametrize(
    ("size", "rule"), [((8, 12), "crop"), ((8, 12), "pad"), ((5, 7), "squash"), ((96, 40), "crop")]
)
def test_a_whole_explanation_in_any_geometry_comes_back_in_the_sources_pixels(size, rule):
    model = classifier(rule, Lit((8, 24), (8, 24), share=0.4))
    image = lit_image(model, size)
    config = Config(
        search=replace(Config().search, steps=2, grid=8, widths=(8,), places=3, radii=(0.6,)),
        verification=RULES,
        certification=FEW,
    )
    found = explain(model, image, config=config)
    assert found.label == "lit"
    assert found.mask.shape == size
    assert not (found.mask & ~model.geometry(image).seen()).any()
    assert found.soft.shape == (SIDE, SIDE)
