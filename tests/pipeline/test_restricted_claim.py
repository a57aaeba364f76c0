"""A classifier that is not robust to noise: what is said of it, and what holds without noise."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from drowned import BOX, CONFIG, SIDE, Fragile, classifier, picture
from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config, relative_to
from med_cam.pipeline.explain import explain
from med_cam.pipeline.robustness import by_baseline, relied_on, robust_to
from med_cam.results.check import BaselineResult


class Stubborn(nn.Module):
    """Says the same whatever it sees."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        return self.act(x).new_tensor([0.0, 3.0, 0.0]) + 0 * x.sum(dim=(1, 2, 3))[:, None]


@pytest.fixture
def image():
    return picture()


@pytest.fixture
def found(image):
    return explain(classifier(Fragile()), image, config=CONFIG)


def test_the_status_names_what_it_is_not_robust_to_and_what_that_is_predicted_alone(found):
    assert "not robust to gaussian" in found.status
    assert "gaussian alone is predicted noisy" in found.status
    assert "not robust to grey" not in found.status


def test_the_restricted_claim_is_smaller_and_holds_over_grey_alone(found):
    restricted = found.restricted
    assert restricted is not None
    assert restricted.claim.searched == ("grey",)
    assert restricted.dropped == ("gaussian",)
    assert restricted.claim.holds
    assert restricted.area < 0.5 < found.area
    assert restricted.area == restricted.mask.float().mean().item()
    assert (restricted.mask[BOX, BOX]).float().mean() > 0.5
    assert (
        f"{restricted.area:.1%} of the image retains the prediction over grey only" in found.status
    )


def test_the_restricted_claim_is_never_what_is_verified(found):
    """`verified` is of the full set and its own, larger mask."""
    assert found.claim.searched == ("grey", "gaussian")
    assert found.verified == found.claim.holds
    assert not torch.equal(found.mask, found.restricted.mask)
    reported = {b.name: b for b in found.restricted.claim.baselines}
    assert not reported["gaussian"].searched
    assert reported["gaussian"].retained == 0  # reported beside: it is not retained there


def test_a_classifier_that_is_robust_to_both_needs_no_restricted_claim(image):
    found = explain(classifier(Fragile(bears=9.0)), image, config=CONFIG)
    assert found.verified
    assert found.restricted is None
    assert found.area < 0.5
    assert "not robust" not in found.status


def test_the_papers_cut_has_no_restricted_claim(image):
    config = replace(CONFIG, refinement=replace(CONFIG.refinement, cut="threshold"))
    found = explain(classifier(Fragile()), image, config=config)
    assert not found.verified
    assert found.restricted is None
    assert "not robust" not in found.status


def test_what_baselines_alone_already_give_cannot_be_explained(image):
    found = explain(classifier(Stubborn()), image, config=CONFIG)
    assert not found.verified
    assert found.status.startswith("cannot be explained")
    assert "blank inputs" in found.status
    assert found.area == 1
    assert found.steps == ()  # no search for what cannot be found
    assert found.restricted is None


def test_a_target_that_is_not_predicted_cannot_be_explained(image):
    found = explain(classifier(Fragile()), image, target="dark", config=CONFIG)
    assert found.label == "dark"
    assert not found.verified
    assert found.status.startswith("cannot be explained")
    assert "not dark" in found.status
    assert "predicts lit" in found.status
    assert found.steps == ()
    assert found.restricted is None


def test_each_baseline_is_held_to_its_own_threshold(image):
    """What is predicted for one baseline alone must not hide what another does."""
    scores = torch.zeros(1, 1, SIDE, SIDE)
    scores[..., BOX, BOX] = 1.0
    with hooks_attached(classifier(Fragile())) as forward:
        case = observed(forward, classifier(Fragile()), image, CONFIG)
        results = by_baseline(case, scores)
    reported = {r.name: r for r in results}
    assert list(reported) == ["grey", "gaussian", "black", "mean"]  # and fixed ones not searched
    assert [r.searched for r in results] == [True, True, False, False]
    assert reported["grey"].retained == reported["grey"].samples == 1
    assert reported["gaussian"].retained == 0
    assert reported["gaussian"].samples == 2
    assert reported["gaussian"].baseline_label == "noisy"


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


def test_a_confident_prediction_on_noise_does_not_raise_the_threshold_over_grey(image):
    """Six tenths of the square give 0.54: above grey's 0.45, below the 0.675 of both at once."""
    scores = torch.zeros(1, 1, SIDE, SIDE)
    scores[..., :16, :] = 1.0
    with hooks_attached(classifier(Either())) as forward:
        case = observed(forward, classifier(Either()), image, CONFIG)
        reported = {r.name: r for r in by_baseline(case, scores)}
    assert reported["gaussian"].baseline_probability == pytest.approx(0.9)
    assert reported["grey"].lowest == pytest.approx(0.54, abs=1e-5)
    assert reported["grey"].retained == 1


def result(name, *, retained, searched, probability=0.1):
    """What is seen of one baseline; `probability` is that of the target on it alone."""
    return BaselineResult(
        name, searched, 4, retained, retained, 0.1, 0.5, "dark", probability, 0.0
    )


def test_the_searched_baselines_it_is_robust_to_come_before_any_other():
    grey = result("grey", retained=4, searched=True)
    black = result("black", retained=4, searched=False)
    noise = result("gaussian", retained=3, searched=True)
    loud = result("grey", retained=4, searched=True, probability=0.95)
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


def test_what_baselines_alone_nearly_give_is_never_verified(image):
    """Any mask at all retains a label that grey and noise alone get with 0.985."""
    found = explain(classifier(NearlyAlways()), image, config=CONFIG)
    assert found.before[found.target] == pytest.approx(0.995, abs=0.005)
    assert not found.verified
    assert "blank inputs (grey, gaussian) already score about as high" in found.status
    assert "grey alone is already predicted as the label" in found.status


def test_what_is_given_up_is_still_reported():
    fewer = relative_to(Config(), ("black",)).verification
    assert fewer.baselines == ("black",)
    assert fewer.unseen[:2] == ("grey", "gaussian")
    assert "black" not in fewer.unseen
    assert set(fewer.unseen) == {"grey", "gaussian", "mean", "uniform", "shuffled", "others"}
    assert replace(Config(), verification=fewer).search == Config().search
