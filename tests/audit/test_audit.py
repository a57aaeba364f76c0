"""The audit on classifiers whose predictions without evidence are planted, and what it counts."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from audit.small_audit import SAMPLES, NeverConfident, audit, classifier, fresh, picture
from med_cam.audit.ask import HIDDEN, audited
from med_cam.audit.findings import Masked, Silhouette, together
from med_cam.audit.predictions import (
    CONFIDENT,
    OF_TWO,
    Labels,
    added,
    confident_label,
    inconsistent,
    labels_of,
    most_predicted,
    predictions_of,
)
from med_cam.audit.verdict import (
    confident_predictions,
    drift,
    inconsistent_by_shape,
    inconsistent_predictions,
    predicted_by_shape,
    recommended,
)
from med_cam.case.references import References
from med_cam.config.baselines import CONTENT
from med_cam.errors import ClassifierError


class CallsGrey(nn.Module):
    """Inputs whose every pixel is near zero are class 1; on others no prediction is confident."""

    def forward(self, x):
        flat = (x.abs().amax(dim=(1, 2, 3)) < 1e-3).float() * 5
        return torch.stack([0 * flat, flat, 0 * flat], dim=1)


class CallsShapes(nn.Module):
    """Two even parts with an edge between them are class 2; on all else none is confident."""

    def forward(self, x):
        smooth = (x[..., 1:] - x[..., :-1]).abs().amax(dim=1)  # b h w
        edges = (smooth > 0.2).float().mean(dim=(1, 2))
        shape = ((edges > 0.001) & (edges < 0.2)).float() * 5
        return torch.stack([0 * shape, 0 * shape, shape], dim=1)


class CountsBlack(nn.Module):
    """The more of the input is black, the more it is class 1."""

    def forward(self, x):
        hidden = (x == -1).all(dim=1).float().mean(dim=(1, 2))
        return torch.stack([0.2 + 0 * hidden, 8 * hidden, 0 * hidden], dim=1)


class DividesByItself(nn.Module):
    """Not a number where the input is even."""

    def forward(self, x):
        z = (x.flatten(1)[:, :2] / x.flatten(1).std(dim=1, keepdim=True)).nan_to_num(posinf=0.0)
        return torch.where(x.flatten(1).std(dim=1, keepdim=True) == 0, math.nan, z)


# -- planted classifiers --------------------------------------------------------------------------


def test_a_classifier_that_predicts_a_label_on_grey_is_reported_and_grey_is_not_recommended():
    _, found, labels = audit(CallsGrey())
    nothing = {"grey", "layer_masking"}  # the mean of nothing is zero, which is grey
    assert confident_predictions(found, labels) == dict.fromkeys(nothing, 1)
    assert found.baselines["grey"].means[1] == pytest.approx(math.exp(5) / (math.exp(5) + 2))
    assert set(recommended(found, labels)) == set(found.baselines) - CONTENT - nothing
    assert predicted_by_shape(found, labels) == {}


def test_a_classifier_that_is_never_confident_is_reported_so_and_every_baseline_is_recommended():
    _, found, labels = audit(NeverConfident())
    assert confident_predictions(found, labels) == {}
    assert inconsistent_predictions(found, labels) == ()
    assert set(recommended(found, labels)) == set(found.baselines) - CONTENT
    for name in recommended(found, labels):
        assert found.baselines[name].means == pytest.approx((1 / 3,) * 3), name


def test_a_label_predicted_by_shape_is_reported_though_no_colour_alone_is_predicted_so():
    _, found, labels = audit(CallsShapes())
    reported = predicted_by_shape(found, labels)
    assert {kind for kind in found.silhouettes if kind.over == "grey"} <= set(reported)
    assert set(reported.values()) == {2}
    assert 2 not in confident_predictions(found, labels).values()


def test_a_shape_in_a_colour_that_is_predicted_so_by_itself_is_not_reported():
    class CallsBlack(nn.Module):
        def forward(self, x):
            any_black = (x == -1).all(dim=1).flatten(1).any(dim=1).float() * 5
            return torch.stack([0 * any_black, any_black, 0 * any_black], dim=1)

    _, found, labels = audit(CallsBlack())
    black = Silhouette("black", "grey", 0.3)
    assert found.silhouettes[black].counts == (0, SAMPLES, 0)
    assert confident_predictions(found, labels) == {"black": 1}
    assert predicted_by_shape(found, labels) == {}


def test_inconsistent_predictions_are_reported_apart_from_confident_ones():
    class PixelDecides(nn.Module):
        """Even inputs get no confident prediction; of others one pixel picks one of three."""

        def forward(self, x):
            busy = (x.flatten(1).std(dim=1, keepdim=True) > 0).float() * 5
            third = (x[:, 0, 3, 3] > -0.43).long() + (x[:, 0, 3, 3] > 0.43)
            return busy * nn.functional.one_hot(third, 3)

    _, found, labels = audit(PixelDecides(), samples=32)
    assert "gaussian" in inconsistent_predictions(found, labels)
    assert "gaussian" not in recommended(found, labels)
    assert "grey" in recommended(found, labels)
    assert not {"grey", "gaussian"} & set(confident_predictions(found, labels))


def test_shapes_that_are_predicted_different_labels_are_reported():
    class PlaceDecides(nn.Module):
        """Black here, there, or at both places: three labels; black at none or all over: none."""

        def forward(self, x):
            here, there = (x == -1).all(dim=1)[:, 4, 4], (x == -1).all(dim=1)[:, 20, 20]
            even = (x == -1).flatten(1).all(dim=1)
            codes = torch.stack([here & there, here & ~there, ~here & there], dim=1)
            return 5.0 * (codes & ~even[:, None])

    _, found, labels = audit(PlaceDecides(), samples=32)
    reported = inconsistent_by_shape(found, labels)
    assert Silhouette("black", "grey", 0.5) in reported
    assert {kind.fill for kind in reported} == {"black"}
    assert not any(kind.fill != "black" for kind in predicted_by_shape(found, labels))


def test_predictions_lost_to_masking_are_counted_with_where_they_go():
    case, found, _ = audit(CountsBlack())
    assert case.target.index == 0
    shares = [found.masked[Masked("black", share)] for share in HIDDEN]
    for share, r in zip(HIDDEN, shares, strict=True):
        z = 8 * round(share * 64) / 64  # 64 patches
        whole = math.exp(0.2) + math.exp(z) + 1
        assert r.own / r.inputs == pytest.approx(math.exp(0.2) / whole, rel=1e-4), share
        assert r.retained == 0
        assert r.lost == (0, r.inputs, 0)
        assert r.takers == (0, 1, 0)
    assert found.masked[Masked("grey", 0.9)].retained == SAMPLES


def test_a_drift_needs_more_than_one_image_and_more_than_one_prediction():
    model = classifier(CountsBlack())
    labels = labels_of(model)
    one, two = (audited(model, picture(seed), samples=SAMPLES)[1] for seed in (0, 1))
    alike = together(one, two)
    assert drift(one, labels, "black") is None
    assert drift(alike, labels, "black") is None
    mixed = replace(alike, own=(2, 1, 0), images=3)
    reported = drift(mixed, labels, "black")
    partly = len([share for share in HIDDEN if share < 1])
    assert (reported.label, reported.count, reported.lost) == (
        1,
        2 * partly * SAMPLES,
        2 * partly * SAMPLES,
    )
    assert (reported.images, reported.others) == (2, 2)
    assert drift(mixed, labels, "grey") is None


def test_a_prediction_that_is_not_a_number_is_one_sentence():
    with pytest.raises(ClassifierError, match="grey alone is not a number"):
        audit(DividesByItself(), labels=("a", "b"))


def test_a_classifier_goes_out_as_it_came_in():
    module = nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    before = [p.clone() for p in module.parameters()]
    audit(module)
    assert module.training
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert all(map(torch.equal, before, module.parameters()))


# -- counting -------------------------------------------------------------------------------------

SOFT = Labels(("a", "b", "c"), "softmax", (0.5,) * 3)
MULTI = Labels(("a", "b", "c"), "sigmoid", (0.2, 0.5, 0.9))


def test_predictions_are_counted():
    p = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.45, 0.45], [0.4, 0.35, 0.25]])
    counted = predictions_of(p, SOFT)
    assert counted.inputs == 4
    assert counted.counts == (2, 2, 0)
    assert counted.means == pytest.approx((0.325, 0.45, 0.225))
    assert counted.highest == pytest.approx(0.7)
    assert counted.peaks == pytest.approx(0.6 + 0.7 + 0.45 + 0.4)
    assert counted.confident == 2
    assert most_predicted(counted) == 1  # as often as a, and more probable
    assert confident_label(counted, SOFT) is None
    assert inconsistent(counted, SOFT)


def test_sigmoid_heads_are_counted_by_their_thresholds():
    p = torch.tensor([[0.25, 0.4, 0.8], [0.1, 0.6, 0.95], [0.1, 0.1, 0.1]])
    counted = predictions_of(p, MULTI)
    assert counted.counts == (1, 1, 1)
    assert counted.confident == 2
    assert most_predicted(counted) == 2
    assert confident_label(counted, MULTI) is None
    assert most_predicted(predictions_of(p[2:], MULTI)) is None
    assert confident_label(predictions_of(p[:1], MULTI), MULTI) == 0


def test_of_two_labels_one_half_is_not_confident():
    pair = labels_of(classifier(NeverConfident(), ("a", "b")))
    assert pair.bars == (OF_TWO, OF_TWO)
    assert labels_of(classifier(NeverConfident())).bars == (CONFIDENT,) * 3
    assert (
        confident_label(predictions_of(torch.tensor([[0.5, 0.5], [0.3, 0.7]]), pair), pair) is None
    )
    assert confident_label(predictions_of(torch.tensor([[0.1, 0.9]]), pair), pair) == 1


@settings(max_examples=30, deadline=None)
@given(split=st.integers(1, 7), seed=st.integers(0, 99))
def test_predictions_added_are_the_predictions_on_all_inputs(split, seed):
    p = torch.rand(8, 3, generator=fresh(seed)).softmax(dim=1)
    whole = predictions_of(p, SOFT)
    parts = added(predictions_of(p[:split], SOFT), predictions_of(p[split:], SOFT))
    assert (parts.inputs, parts.counts, parts.confident) == (
        whole.inputs,
        whole.counts,
        whole.confident,
    )
    assert parts.highest == whole.highest
    assert parts.total == pytest.approx(whole.total)
    assert parts.peaks == pytest.approx(whole.peaks)


def test_findings_of_images_add_up_where_only_one_has_a_baseline():
    others = References(
        classifier(NeverConfident()).prepare(picture(5)), torch.tensor([[0.0, 1.0, 0.0]])
    )
    _, one, _ = audit(NeverConfident(), references=others)
    _, two, _ = audit(NeverConfident(), image=picture(1))
    both = together(one, two)
    assert (both.images, both.own, both.passes) == (2, (2, 0, 0), one.passes + two.passes)
    assert both.baselines["gaussian"].inputs == 2 * SAMPLES
    assert both.baselines["others"] == one.baselines["others"]
    assert both.masked[Masked("grey", 0.5)].inputs == 2 * SAMPLES
