"""The other methods against their papers' formulas on classifiers small enough to work by hand."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.masking.view import View
from med_cam_studies.methods import controls, extremal, rise
from med_cam_studies.methods.comparators import METHODS
from med_cam_studies.methods.extremal import Settings, extremal_perturbations
from med_cam_studies.methods.grad_cam import as_maps, grad_cam
from med_cam_studies.methods.rise import random_masks

SIDE = 32


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Corner(nn.Module):
    """Says "bright" by the mean of the top-left quarter; class 0 is the alternative."""

    def __init__(self):
        super().__init__()
        self.shrink = nn.AvgPool2d(2)
        self.maps = nn.Conv2d(1, 2, 4, stride=4, bias=False)
        self.maps.weight = nn.Parameter(torch.full((2, 1, 4, 4), 1 / 16))
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        maps = self.act(self.maps(self.shrink(x)))  # b 2 4 4
        z = 6 * maps[:, 0, :2, :2].mean(dim=(1, 2)) - 3
        return torch.stack([torch.zeros_like(z), z], dim=1)


def classifier(module, hooked_layers=(), labels=("dark", "bright")):
    bare = Classifier(module, labels, (SIDE, SIDE), channels=1, mean=(0.5,), std=(0.5,))
    return replace(bare, hooked_layers=hooked_layers)


@pytest.fixture
def case():
    pixels = torch.rand(1, SIDE, SIDE, generator=generator(5)) * 0.4
    pixels[:, :16, :16] = 1.0
    model = classifier(Corner(), ("act",))
    with hooks_attached(model) as forward:
        yield observed(forward, model, Image(pixels), Config())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_gives_one_finite_score_a_pixel_and_the_same_for_the_same_seed(case, name):
    first, again = (METHODS[name](case, generator(3)) for _ in range(2))
    assert first.shape == (1, 1, SIDE, SIDE)
    assert first.isfinite().all()
    assert not first.requires_grad
    assert torch.equal(first, again)


@pytest.mark.parametrize("name", ["grad_cam", "rise", "extremal_perturbations", "one_disc"])
def test_a_method_finds_the_corner_that_the_classifier_looks_at(case, name):
    scores = METHODS[name](case, generator(1))[0, 0]
    chosen = torch.zeros(SIDE * SIDE, dtype=torch.bool)
    chosen[scores.flatten().topk(SIDE * SIDE // 4).indices] = True
    corner = chosen.view(SIDE, SIDE)[:16, :16].float().mean()
    assert corner > 0.6


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("grad_cam", 1, 1),
        ("rise", 2000, 0),
        ("extremal_perturbations", 400, 400),
        ("centre_disc", 0, 0),
        ("one_disc", 98, 0),
        ("smooth_random", 0, 0),
    ],
)
def test_passes_are_what_the_method_says(case, name, forward, backward):
    before = case.cost()
    METHODS[name](case, generator())
    after = case.cost()
    assert after.forward - before.forward == forward
    assert after.backward - before.backward == backward


def test_grad_cam_is_the_mean_gradient_times_the_maps_worked_by_hand():
    """Two maps of 2 x 2, logit = 3 * sum(first) - 2 * (top-left of second), by hand."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Conv2d(1, 2, 2, stride=2, bias=False)
            self.maps.weight = nn.Parameter(
                torch.tensor([[[[1.0, 0], [0, 0]]], [[[0.0, 1], [0, 0]]]])
            )

        def forward(self, x):
            m = self.maps(x)  # b 2 2 2
            z = 3 * m[:, 0].sum(dim=(1, 2)) - 2 * m[:, 1, 0, 0]
            return torch.stack([torch.zeros_like(z), z], dim=1)

    pixels = torch.tensor(
        [[1.0, 0.5, 0.7, 0.2], [0, 0, 0, 0], [0.9, 0.1, 0.6, 0.8], [0, 0, 0, 0]]
    )[None]
    model = Classifier(
        Two(), ("a", "b"), (4, 4), channels=1, mean=(0.0,), std=(1.0,), hooked_layers=("maps",)
    )
    with hooks_attached(model) as forward:
        found = grad_cam(observed(forward, model, Image(pixels), Config(), target=1), generator())
    first = torch.tensor([[1.0, 0.7], [0.9, 0.6]])  # every second pixel
    second = torch.tensor([[0.5, 0.2], [0.1, 0.8]])
    coarse = 3 * first - 2 / 4 * second  # the mean slopes are 3 and -2 / 4
    wanted = nn.functional.interpolate(coarse[None, None], (4, 4), mode="bilinear")
    torch.testing.assert_close(found, wanted)


def test_grad_cam_of_an_activation_that_is_overwritten_in_place_is_that_of_the_tap():
    class Overwriting(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Conv2d(1, 3, 4, stride=4)
            self.act = nn.ReLU(inplace=True)
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.act(self.maps(x)).mean(dim=(2, 3)))

    module = Overwriting()
    x = torch.rand(1, 1, SIDE, SIDE, generator=generator(2))
    model = Classifier(
        module,
        ("a", "b"),
        (SIDE, SIDE),
        channels=1,
        mean=(0.0,),
        std=(1.0,),
        hooked_layers=("maps",),
    )
    with hooks_attached(model) as forward:
        found = grad_cam(observed(forward, model, Image(x[0]), Config(), target=0), generator())
    maps = module.maps(x).detach().requires_grad_()
    logit = module.head(maps.relu().mean(dim=(2, 3)))[0, 0]
    (slope,) = torch.autograd.grad(logit, maps)
    coarse = (slope.mean(dim=(2, 3), keepdim=True) * maps.detach()).sum(dim=1, keepdim=True)
    wanted = nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")
    torch.testing.assert_close(found, wanted)


class ClassToken(nn.Module):
    """Two hooked layers; the logit is read from the class token, which saw the first's places."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 4, 8, stride=8, bias=False)
        self.embed.weight = nn.Parameter(torch.full((4, 1, 8, 8), 1 / 64))
        self.first, self.last = nn.Identity(), nn.Identity()

    def forward(self, x):
        places = self.embed(x).flatten(2).transpose(1, 2)  # b 16 4
        tokens = torch.cat([torch.zeros_like(places[:, :1]), places], dim=1)
        tokens = self.first(tokens)
        seen = tokens[:, 1:].square().mean(dim=1, keepdim=True)
        tokens = self.last(torch.cat([seen, tokens[:, 1:]], dim=1))
        z = tokens[:, 0, 0] * 4
        return torch.stack([-z, z], dim=1)


def test_grad_cam_on_tokens_takes_the_last_layer_whose_places_count():
    pixels = torch.zeros(1, SIDE, SIDE)
    pixels[:, 8:16, 24:] = 1.0  # one token, row 1 and column 3 of 4 x 4
    module = ClassToken()
    model = Classifier(
        module,
        ("a", "b"),
        (SIDE, SIDE),
        channels=1,
        mean=(0.0,),
        std=(1.0,),
        hooked_layers=("first", "last"),
    )
    with hooks_attached(model) as forward:
        scores = grad_cam(observed(forward, model, Image(pixels), Config(), target=1), generator())
    assert scores[0, 0].argmax() // SIDE in range(8, 16)
    assert scores[0, 0].argmax() % SIDE in range(24, 32)


def test_grad_cam_without_places_says_so():
    model = classifier(Corner())  # no hooked layers at all
    with hooks_attached(model) as forward:
        seen = observed(forward, model, Image(torch.ones(1, SIDE, SIDE)), Config(), target=1)
        with pytest.raises(ClassifierError, match="hooked layer"):
            grad_cam(seen, generator())


@pytest.mark.parametrize(
    ("shape", "frame", "maps"),
    [
        ((1, 8, 5, 5), (32, 32), (1, 8, 5, 5)),
        ((1, 7, 7, 96), (224, 224), (1, 96, 7, 7)),
        ((1, 197, 16), (224, 224), (1, 16, 14, 14)),
        ((1, 198, 16), (224, 224), (1, 16, 14, 14)),
        ((1, 201, 16), (224, 224), (1, 16, 14, 14)),
        ((1, 1 + 6 * 12, 16), (96, 192), (1, 16, 6, 12)),
        ((1, 12 * 6, 16), (192, 96), (1, 16, 12, 6)),
        ((1, 8, 1, 1), (32, 32), None),
        ((1, 8), (32, 32), None),
    ],
)
def test_activations_of_every_layout_are_read_as_maps(shape, frame, maps):
    found = as_maps(torch.zeros(shape), *frame)
    assert (None if found is None else tuple(found.shape)) == maps


def test_tokens_are_laid_out_row_by_row_behind_the_class_token():
    tokens = torch.arange(1 + 12).float().view(1, 13, 1)
    torch.testing.assert_close(as_maps(tokens, 30, 40)[0, 0], torch.arange(1.0, 13).view(3, 4))


def test_rise_masks_show_half_of_every_place():
    masks = torch.cat(list(random_masks(2000, 40, 52, generator())))
    assert masks.shape == (2000, 1, 40, 52)
    assert masks.min() >= 0
    assert masks.max() <= 1 + 1e-6
    shown = masks.mean(dim=0)
    assert (shown - 0.5).abs().max() < 5 * 0.5 / math.sqrt(2000)


def test_rise_of_a_linear_prediction_is_its_covariance_with_the_masks():
    """p = the mask at one pixel: the map is E[m_u m_v] / E[m], highest at v, 1/2 far away."""
    place = (9, 20)

    def predict(x):
        p = x[:, 0, *place]
        return torch.stack([1 - p, p], dim=1)

    model = classifier(Corner(), ("act",))
    with hooks_attached(model) as forward:
        inner = observed(forward, model, Image(torch.ones(1, SIDE, SIDE)), Config(), target=1)
        found = rise.rise(
            replace(inner, batched=View(predict, inner.scene)), generator(), masks=4000
        )[0, 0]
    assert found.argmax() == place[0] * SIDE + place[1]
    assert found[25:, :8].mean() == pytest.approx(0.5, abs=0.05)
    assert found[place] == pytest.approx(0.5 + 2 * 0.25 / 2, abs=0.25)


def test_the_smooth_mask_is_the_smooth_maximum_of_the_bumps_written_out():
    settings = Settings(grid=3, samples=4)
    values = torch.rand(1, 9, generator=generator())
    found = extremal.smooth_mask(values, extremal.bump_kernel(settings), settings.temperature)
    for n in range(16):
        u = ((n // 4 + 0.5) / 4, (n % 4 + 0.5) / 4)
        heights = []
        for g in range(9):
            v = ((g // 3 + 0.5) / 3, (g % 3 + 0.5) / 3)
            z = math.dist(u, v) / settings.radius
            heights.append(values[0, g].item() * math.exp(-(max(0.0, z - 1) ** 2) / 4))
        weights = [math.exp(f / settings.temperature) for f in heights]
        wanted = sum(w * f for w, f in zip(weights, heights, strict=True)) / sum(weights)
        assert found[0, n].item() == pytest.approx(wanted, rel=1e-4)


def test_extremal_masks_have_the_areas_of_their_settings(case):
    for area in (0.1, 0.4):
        settings = Settings(areas=(area,), steps=200)
        mask = extremal_perturbations(case, generator(), settings)
        assert mask.mean().item() == pytest.approx(area, abs=0.05)
        assert mask.min() >= 0
        assert mask.max() <= 1


def test_cuts_of_the_centre_disc_are_discs(case):
    scores = controls.centre_disc(case, generator())[0, 0]
    inside = scores >= -8
    rows, columns = inside.nonzero().double().T
    assert (rows.mean(), columns.mean()) == (15.5, 15.5)
    assert inside.sum() == pytest.approx(math.pi * 64, rel=0.05)


def test_the_random_control_depends_on_the_seed_alone(case):
    first, other = (controls.smooth_random(case, generator(seed)) for seed in (0, 1))
    assert not torch.equal(first, other)
