"""The planted classifiers are what they are said to be: the region is needed, and enough."""

import pytest
import torch

from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.masking.samplers import baseline
from med_cam.verify.baseline_response import baseline_response
from med_cam.verify.claim import verify
from planted import CASES, POSITIONS, SIDE

RULES = Config().verification


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=CASES)
def planted(request):
    return CASES[request.param]


def some(planted, count, seed=0):
    """Plants at random positions."""
    g = generator(seed)
    chosen = torch.randperm(len(POSITIONS), generator=g)[:count].tolist()
    return [planted.plant(POSITIONS[i], g) for i in chosen]


def claim(planted, plant, mask):
    with hooks_attached(planted.classifier) as forward:
        case = observed(forward, planted.classifier, plant.image, Config())
        assert case.target.label != "nothing"
        g = generator(9)
        response = baseline_response(case.batched, case.target, RULES, g)
        return verify(case.batched, mask[None, None], response, RULES, g)


def failed(claim):
    return {check.name for check in claim.checks if not check.passed}


def test_the_needed_region_with_its_margin_is_verified(planted):
    for plant in some(planted, 4):
        found = claim(planted, plant, plant.enough)
        assert found.holds, found.checks


def test_half_of_the_needed_region_does_not_retain_the_prediction(planted):
    for index, plant in enumerate(some(planted, 4)):
        half = plant.needed & (torch.arange(SIDE) % 2 == index % 2)
        assert "sufficiency" in failed(claim(planted, plant, half))
        assert "sufficiency" in failed(claim(planted, plant, ~half))  # and all else does not help


def test_everything_but_a_twentieth_of_the_needed_region_does_not_retain_the_prediction(planted):
    for index, plant in enumerate(some(planted, 6)):
        places = plant.needed.nonzero()
        hidden = places[torch.randperm(len(places), generator=generator(index))]
        mask = torch.ones(SIDE, SIDE, dtype=torch.bool)
        rows, columns = hidden[: len(places) // 20].T
        mask[rows, columns] = False
        assert "sufficiency" in failed(claim(planted, plant, mask))


def test_one_of_two_patches_is_not_enough():
    for name in ("red and blue, convolutional", "red and blue, tokens"):
        plant = some(CASES[name], 1)[0]
        red = plant.needed & (plant.image.pixels[0] == 1)
        assert 0 < red.sum() < plant.needed.sum()
        assert "sufficiency" in failed(claim(CASES[name], plant, red))
        assert "sufficiency" in failed(claim(CASES[name], plant, plant.needed & ~red))


@pytest.mark.parametrize("name", ["grey", "black", "gaussian", "uniform", "mean", "shuffled"])
def test_there_is_no_confident_prediction_for_baselines_alone(planted, name):
    with hooks_attached(planted.classifier) as forward:
        image = some(planted, 1)[0].image
        case = observed(forward, planted.classifier, image, Config())
        g = generator(3)
        infill = torch.cat([baseline(name, case.scene, g) for _ in range(16)])
        p = case.batched.hidden(infill)[:, case.target.index]
    assert p.min() >= 0.5 - 1e-6
    assert p.max() < 0.53


def test_the_whole_image_is_called_what_was_planted(planted):
    for plant in some(planted, 16):
        with hooks_attached(planted.classifier) as forward:
            case = observed(forward, planted.classifier, plant.image, Config())
        assert case.target.p_image == pytest.approx(0.997, abs=0.001)


def test_every_visible_pixel_of_the_region_has_a_gradient(planted):
    plant = some(planted, 1)[0]
    mask = torch.full((1, 1, SIDE, SIDE), 0.3, requires_grad=True)
    with hooks_attached(planted.classifier) as forward:
        x = planted.classifier.prepare(plant.image)
        outputs = forward(mask * x)
        (slope,) = torch.autograd.grad(outputs.logits[0, 1], mask)
    assert outputs.activations
    inside = slope[0, 0][plant.needed]
    assert inside.mean() > 20 * slope[0, 0][~plant.enough].abs().mean()
    assert (inside > 0).float().mean() > 0.4
