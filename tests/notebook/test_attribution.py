"""Our scores where captum and pytorch-grad-cam have theirs: their metrics run on them."""

import re
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import med_cam
from med_cam.classifiers.compat import import_torchvision
from med_cam.notebook.attribution import Attribution
from notebook.nine import CONFIG, SIDE, levels, net

MEAN, STD = 0.4, 0.2


def normalised():
    """The network on normalised input: its first layer undoes it."""
    module = net()
    with torch.no_grad():
        module[0].bias.fill_(MEAN)
        module[0].weight.mul_(STD)
    return module


MODULE = normalised()
CLASSIFIER = med_cam.from_module(
    MODULE, ["dark", "bright"], input_size=SIDE, mean=MEAN, std=STD, resize="crop", crop_share=0.5
)
X = (torch.from_numpy(levels()).float()[None, None] / 255 - MEAN) / STD
MIDDLE = torch.zeros(SIDE, SIDE, dtype=torch.bool)
MIDDLE[8:16, 8:16] = True


@pytest.fixture(scope="module")
def attribution():
    return Attribution(CLASSIFIER, CONFIG)


@pytest.fixture(scope="module")
def scores(attribution):
    return attribution(input_tensor=X, targets=None)


def test_the_inputs_are_explained_as_the_module_takes_them(scores):
    plain = med_cam.from_module(MODULE, ["dark", "bright"], input_size=SIDE, mean=MEAN, std=STD)
    found = med_cam.explain(plain, levels(), config=CONFIG)
    assert (scores.shape, scores.dtype) == ((1, SIDE, SIDE), np.float32)
    np.testing.assert_array_equal(scores[0], found.soft.numpy())
    assert scores[0][MIDDLE.numpy()].mean() > scores[0][~MIDDLE.numpy()].mean() + 0.2


def test_the_mask_can_be_had_instead(attribution):
    mask = replace(attribution, scores="mask")(X, [1])
    assert set(np.unique(mask)) == {0.0, 1.0}
    assert mask[0][MIDDLE.numpy()].mean() > 0.5


@pytest.mark.parametrize(
    "target", [1, [1], torch.tensor([1]), torch.tensor(1), np.array([1]), np.int64(1),
               [SimpleNamespace(category=1)]],
)  # fmt: skip
def test_a_target_may_have_any_form_that_they_know(target, monkeypatch):
    seen = []

    def explained(_, image, *, target, **_more):
        seen.append(target)
        _, height, width = image.pixels.shape
        return SimpleNamespace(soft=torch.zeros(height, width))

    monkeypatch.setattr("med_cam.pipeline.explain.explain", explained)
    Attribution(CLASSIFIER)(X, target)
    assert seen == [1]


def test_captum_has_the_shape_of_its_inputs(attribution, scores):
    found = attribution.attribute(X, target=1, additional_forward_args=None)
    assert torch.equal(found, torch.from_numpy(scores)[:, None])
    (again,) = attribution.attribute((X,), 1)
    assert torch.equal(again, found)


@pytest.mark.filterwarnings("ignore")
def test_captums_metrics_run_on_them(attribution):
    metrics = pytest.importorskip("captum.metrics")
    found = attribution.attribute(X, 1)

    def hidden(inputs):
        """A square of nine hidden: the difference, and the input without it."""
        place = 8 * torch.randint(3, (2,), generator=torch.Generator().manual_seed(0))
        noise = torch.zeros_like(inputs)
        noise[..., place[0] : place[0] + 8, place[1] : place[1] + 8] = 0.1
        return noise, inputs - noise

    infidelity = metrics.infidelity(MODULE, hidden, X, found, target=1, n_perturb_samples=2)
    assert infidelity.shape == (1,)
    assert infidelity.isfinite().all()
    sensitivity = metrics.sensitivity_max(
        attribution.attribute, X, target=1, n_perturb_samples=1, perturb_radius=0.01
    )
    assert sensitivity.shape == (1,)
    assert 0 <= float(sensitivity) < 1


@pytest.mark.filterwarnings("ignore")
def test_road_prefers_them_to_the_same_scores_upside_down(scores):
    import_torchvision("torchvision")  # which pytorch-grad-cam needs
    road = pytest.importorskip("pytorch_grad_cam.metrics.road")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    metric, targets = road.ROADCombined([50, 90]), [ClassifierOutputTarget(1)]
    shares = nn.Sequential(MODULE, nn.Softmax(1))
    ours, reversed_ = (float(metric(X, s, targets, shares)[0]) for s in (scores, 1 - scores))
    assert ours > 0.2 > -0.2 > reversed_


@pytest.mark.parametrize(
    ("x", "targets", "words"),
    [
        (X[0], None, r"b c h w with c h w = \(1, 24, 24\), got \(1, 24, 24\)"),
        (torch.zeros(1, 3, 24, 24), None, r"got \(1, 3, 24, 24\)"),
        (X * 3, None, "not normalised as Sequential takes them.*of white"),
        (X * torch.nan, None, "not normalised"),
        (X, [0, 1, 1], "targets must be 1 numbers"),
        (X, ["bright"], "targets must be 1 numbers"),
    ],
)
def test_what_is_no_input_of_the_classifier_is_refused(attribution, x, targets, words):
    with pytest.raises(med_cam.MedCamError, match=words):
        attribution(x, targets)


def test_a_classifier_that_standardises_each_image_is_refused():
    own = replace(CLASSIFIER, standardise="image")
    with pytest.raises(med_cam.ClassifierError, match="call explain with the images"):
        Attribution(own)


def test_other_scores_are_refused():
    with pytest.raises(med_cam.ConfigError, match="'ranks' or 'mask', got 'soft'"):
        Attribution(CLASSIFIER, scores="soft")


def blocks():
    """Python of the page on other libraries, by its heading."""
    text = (Path(__file__).parents[2] / "docs/coming-from.md").read_text()
    return re.findall(r"^## (\w+)\n\n```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("heading", ["captum", "Here"])
def test_the_page_draws_the_same_picture_in_each(heading, monkeypatch):
    """Of a network with a `layer4`; the search itself is not waited for."""
    code = dict(blocks())[heading].replace("224", str(SIDE))
    model = nn.Sequential(OrderedDict(
        layer4=nn.Conv2d(1, 4, 3), act=nn.ReLU(), pool=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(), head=nn.Linear(4, 2),
    ))  # fmt: skip
    shown = SimpleNamespace(plot=lambda style: None, mask_array=MIDDLE.numpy())
    monkeypatch.setattr("med_cam.explain", lambda _classifier, _image: shown, raising=False)
    if heading == "captum":
        pytest.importorskip("captum")
    names = {"model": model, "x": X, "image": levels(), "MEAN": MEAN, "STD": STD}
    exec(code, names)
    picture = names["scores" if heading == "captum" else "mask"]
    assert tuple(picture.shape) == (SIDE, SIDE)
