"""A classifier that cannot stand noise: what is said of it, and what holds without noise."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.config.settings import Config, Refinement, Search, Verification, relative_to
from med_cam.images.geometry import Image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.restricted_claim import by_baseline, relied_on, robust_to
from med_cam.results import BaselineResult

SIDE = 32
LABELS = ("dark", "lit", "noisy")
BOX = slice(10, 20)
CONFIG = Config(
    search=Search(steps=6, grid=8, widths=(8,), places=4, radii=(0.6,), jitter=1),
    refinement=Refinement(samples=2, rounds=5, attempts=2),
    verification=Verification(samples=3, unseen=("black", "mean"), unseen_samples=1),
)


class Fragile(nn.Module):
    """Lit where a square is bright; but noise over more than a tenth of the frame drowns all."""

    def __init__(self, bears=0.1):
        super().__init__()
        self.act = nn.Identity()
        self.bears = bears

    def forward(self, x):
        x = self.act(x)
        lit = 20 * (x[:, 0, BOX, BOX].clamp(0, 1).mean(dim=(1, 2)) - 0.5)
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2)) / 1.128  # 1 on noise alone
        noisy = 200 * (rough - self.bears - 0.05)  # the square's edges have less than 0.02
        return torch.stack([torch.zeros_like(lit), lit, noisy], dim=1)


class Stubborn(nn.Module):
    """Says the same whatever it sees."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        return self.act(x).new_tensor([0.0, 3.0, 0.0]) + 0 * x.sum(dim=(1, 2, 3))[:, None]


def classifier(module):
    return Classifier(module, LABELS, (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",))


@pytest.fixture
def image():
    pixels = torch.full((1, SIDE, SIDE), 0.5)
    pixels[:, BOX, BOX] = 1.0
    return Image(pixels)


@pytest.fixture
def found(image):
    return explain(classifier(Fragile()), image, config=CONFIG)


def test_the_status_names_what_breaks_it_and_what_that_is_called_alone(found):
    assert "gaussian breaks it" in found.status
    assert "alone it is called noisy" in found.status
    assert "grey breaks it" not in found.status


def test_the_fallback_is_smaller_and_holds_over_grey_alone(found):
    promise = found.restricted
    assert promise is not None
    assert promise.claim.searched == ("grey",)
    assert promise.dropped == ("gaussian",)
    assert promise.claim.holds
    assert promise.area < 0.5 < found.area
    assert promise.area == promise.mask.float().mean().item()
    assert (promise.mask[BOX, BOX]).float().mean() > 0.5
    assert "relative to grey alone" in found.status
    assert f"{promise.area:.0%} of the image is enough" in found.status


def test_the_fallback_is_never_what_is_verified(found):
    """`verified` is of the full set and its own, larger mask."""
    assert found.claim.searched == ("grey", "gaussian")
    assert found.verified == found.claim.holds
    assert not torch.equal(found.mask, found.restricted.mask)
    told = {b.name: b for b in found.restricted.claim.baselines}
    assert not told["gaussian"].searched
    assert told["gaussian"].retained == 0  # reported beside: it is not kept there


def test_a_classifier_that_can_stand_both_needs_no_fallback(image):
    found = explain(classifier(Fragile(bears=9.0)), image, config=CONFIG)
    assert found.verified
    assert found.restricted is None
    assert found.area < 0.5
    assert "breaks" not in found.status


def test_the_papers_cut_has_no_fallback(image):
    config = replace(CONFIG, refinement=replace(CONFIG.refinement, cut="threshold"))
    found = explain(classifier(Fragile()), image, config=config)
    assert not found.verified
    assert found.restricted is None
    assert "breaks" not in found.status


def test_what_emptiness_already_says_is_empty_sufficiency(image):
    found = explain(classifier(Stubborn()), image, config=CONFIG)
    assert not found.verified
    assert "sufficiency is empty" in found.status
    assert found.area == 1
    assert found.steps == ()  # no search for what cannot be found
    assert found.restricted is None


def test_a_target_that_is_not_the_answer_leaves_nothing_to_keep(image):
    found = explain(classifier(Fragile()), image, target="dark", config=CONFIG)
    assert found.label == "dark"
    assert not found.verified
    assert found.status.startswith("nothing to keep")
    assert "does not answer dark" in found.status
    assert "but lit" in found.status
    assert found.steps == ()
    assert found.restricted is None


def test_each_background_is_held_to_its_own_bar(image):
    """Emptiness over one background must not hide what another does."""
    scores = torch.zeros(1, 1, SIDE, SIDE)
    scores[..., BOX, BOX] = 1.0
    with hooks_attached(classifier(Fragile())) as forward:
        case = observed(forward, classifier(Fragile()), image, None, None, CONFIG)
        results = by_baseline(case, scores, CONFIG)
    told = {r.name: r for r in results}
    assert list(told) == ["grey", "gaussian", "black", "mean"]  # and the fixed ones not searched
    assert [r.searched for r in results] == [True, True, False, False]
    assert told["grey"].retained == told["grey"].samples == 1
    assert told["gaussian"].retained == 0
    assert told["gaussian"].samples == 2
    assert told["gaussian"].baseline_label == "noisy"


class Either(nn.Module):
    """Lit by the share of the square that is seen, or by noise alone."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        lit = self.act(x)[:, 0, BOX, BOX].clamp(0, 1).mean(dim=(1, 2))
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2)).clamp(0, 1)
        lit = torch.where(rough > 0.4, 1.0, lit)
        p = (0.9 * lit).clamp(min=1e-6)
        return torch.stack([(1 - p).log(), p.log(), p.log() - 20], dim=1)


def test_an_opinion_on_noise_does_not_raise_the_bar_over_grey(image):
    """Six tenths of the square give 0.54: above grey's 0.45, below the 0.675 of both at once."""
    scores = torch.zeros(1, 1, SIDE, SIDE)
    scores[..., :16, :] = 1.0
    with hooks_attached(classifier(Either())) as forward:
        case = observed(forward, classifier(Either()), image, None, None)
        told = {r.name: r for r in by_baseline(case, scores, CONFIG)}
    assert told["gaussian"].baseline_probability == pytest.approx(0.9)
    assert told["grey"].lowest == pytest.approx(0.54, abs=1e-5)
    assert told["grey"].retained == 1


def result(name, *, kept, searched, predictions=0.1):
    return BaselineResult(name, searched, 4, kept, kept, 0.1, 0.5, "dark", alone, 0.0)


def test_the_searched_backgrounds_that_stand_come_before_any_other():
    grey, black = (
        result("grey", retained=4, searched=True),
        result("black", retained=4, searched=False),
    )
    noise = result("gaussian", retained=3, searched=True)
    loud = result("grey", retained=4, searched=True, predictions=0.95)
    for results, expected in [
        ((grey, noise, black), ("grey",)),
        ((noise, black), ("black",)),
        ((noise,), ()),
        ((loud, black), ("black",)),
    ]:
        assert relied_on(results, robust_to(results, 0.9)) == expected


class NearlyAlways(nn.Module):
    """Says bright with 0.985 on any bright or rough picture, with 0.1 on a black one."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        lit = self.act(x)[:, 0, BOX, BOX].clamp(0, 1).mean(dim=(1, 2))
        dark = (x[:, 0] <= -0.9).float().mean(dim=(1, 2))
        p = 0.985 + 0.01 * lit - 0.88 * dark * (1 - lit)
        return torch.stack([(1 - p).log(), p.log(), p.log() - 20], dim=1)


def test_what_emptiness_nearly_says_by_itself_is_never_verified(image):
    """Any mask at all keeps a label that grey and noise alone get with 0.985."""
    found = explain(classifier(NearlyAlways()), image, config=CONFIG)
    assert found.before[found.target] == pytest.approx(0.995, abs=0.005)
    assert not found.verified
    assert found.status.startswith("sufficiency is empty")
    assert "grey alone already gives the label" in found.status


def test_what_is_given_up_is_still_reported():
    fewer = relative_to(Config(), ("black",)).verification
    assert fewer.baselines == ("black",)
    assert fewer.unseen[:2] == ("grey", "gaussian")
    assert "black" not in fewer.unseen
    assert set(fewer.unseen) == {"grey", "gaussian", "mean", "uniform", "shuffled", "others"}
    assert replace(Config(), verification=fewer).search == Config().search
