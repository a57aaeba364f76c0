"""The audit on classifiers whose predictions without evidence are planted."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.audit.ask import (
    BLANK,
    COVERS,
    FILLS,
    HIDDEN,
    OVER,
    SHARES,
    audited,
    baselines_alone,
    blobs,
    generators_of,
    masked_of,
    refusals,
    silhouettes,
    with_patches_hidden,
)
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
from med_cam.audit.shapes import blob, patch_places, patch_side
from med_cam.audit.verdict import (
    confident_predictions,
    drift,
    inconsistent_by_shape,
    inconsistent_predictions,
    predicted_by_shape,
    recommended,
)
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.config.baselines import CONTENT, FIXED, INSIDE
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.masking.masked_input import masked_input
from med_cam.report.audit_text import verdicts

SIDE, SAMPLES = 32, 4
INSIDE_IT = ("layer_masking",)  # what these small networks can have
THREE = ("bright", "striped", "grey")


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


class CallsGrey(nn.Module):
    """Inputs whose every pixel is near zero are class 1; on others no prediction is confident."""

    def forward(self, x):
        flat = (x.abs().amax(dim=(1, 2, 3)) < 1e-3).float() * 5
        return torch.stack([0 * flat, flat, 0 * flat], dim=1)


class NeverConfident(nn.Module):
    """A bright corner of a darker input is class 0; on all else all labels are alike."""

    def forward(self, x):
        corner, whole = x[..., :8, :8].mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3))
        lit = ((corner > 2.5) & (whole < 1.5)).float() * 4
        return torch.stack([lit, 0 * lit, 0 * lit], dim=1)


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


def classifier(module, labels=THREE, **fields):
    return Classifier(module, labels, (SIDE, SIDE), mean=(0.25,) * 3, std=(0.25,) * 3, **fields)


def picture(seed=0, corner=1.0):
    pixels = torch.rand(3, SIDE, SIDE, generator=fresh(seed)) * 0.4 + 0.3
    pixels[:, :8, :8] = corner
    return Image(pixels)


def audit(module, *, image=None, labels=THREE, references=None, seed=0, samples=SAMPLES, **fields):
    model = classifier(module, labels, **fields)
    case, found = audited(
        model, image or picture(), references=references, samples=samples, seed=seed
    )
    return case, found, labels_of(model)


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


# -- what is predicted ----------------------------------------------------------------------------


def test_every_kind_of_input_is_predicted_as_often_as_it_should_be():
    others = References(
        torch.stack([classifier(NeverConfident()).prepare(picture(s))[0] for s in range(3)]),
        torch.tensor([[0.1, 0.8, 0.1]] * 3),
    )
    case, found, _ = audit(NeverConfident(), references=others)
    inside = [name for name in INSIDE if name not in found.refused]
    assert {n: a.inputs for n, a in found.baselines.items()} == {
        name: 1 if name in FIXED else SAMPLES for name in (*BLANK, *inside)
    }
    assert set(found.silhouettes) == {
        Silhouette(f, o, s) for f in FILLS for o in OVER for s in SHARES
    }
    assert all(a.inputs == SAMPLES for a in found.silhouettes.values())
    assert set(found.masked) == {Masked(o, s) for o in (*COVERS, *inside) for s in HIDDEN}
    once = [g for g in found.masked if g.over in FIXED and g.share == 1]
    assert all(r.inputs == (1 if g in once else SAMPLES) for g, r in found.masked.items())
    inputs = sum(
        a.inputs
        for part in (found.baselines, found.silhouettes, found.masked)
        for a in part.values()
    )
    assert found.passes == case.cost().forward
    refusals(case)
    exactness = case.cost().forward - found.passes
    assert found.passes == inputs + exactness + 1
    assert case.cost().backward == 0


def test_removals_inside_the_network_are_audited_where_they_fit_and_refused_where_not():
    module = nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    _, found, labels = audit(module)
    assert list(found.refused) == ["dropped_tokens"]
    assert found.baselines["layer_masking"].inputs == SAMPLES
    hidden = [kind.share for kind in found.masked if kind.over == "layer_masking"]
    assert hidden == list(HIDDEN)
    reported = verdicts(found, labels)
    assert any("hidden by layer_masking, exactly" in s for s in reported)
    assert any(s.startswith("dropped_tokens does not fit this classifier") for s in reported)


def test_what_one_image_refuses_is_left_out_of_all():
    _, found, _ = audit(nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    refusing = replace(found, refused={"layer_masking": "it does not"})
    for both in (together(found, refusing), together(refusing, found)):
        assert "layer_masking" not in both.baselines
        assert all(kind.over != "layer_masking" for kind in both.masked)


def test_without_reference_images_their_baseline_is_left_out():
    _, found, _ = audit(NeverConfident())
    assert "others" not in found.baselines
    assert all(kind.over != "others" for kind in found.masked)


def test_an_image_that_gets_no_label_is_not_masked():
    _, found, _ = audit(
        NeverConfident(),
        image=picture(corner=0.0),
        head="sigmoid",
        thresholds=(0.9, 0.9, 0.9),
    )
    assert (found.undecided, found.own, found.masked) == (1, (0, 0, 0), {})


def test_padding_is_never_hidden():
    model = classifier(NeverConfident(), rule="pad")
    wide = Image(torch.rand(3, 20, 60, generator=fresh(1)))
    case, _ = audited(model, wide, samples=1)
    drawn = generators_of(wide, 0)
    for hidden in with_patches_hidden(case.scene, Masked("grey", 1.0), 1, drawn):
        masked = masked_input(hidden.content, hidden.mask.float(), hidden.infill)
        shown = case.scene.valid.expand_as(masked)
        assert torch.equal(masked[~shown], case.scene.x[~shown])
        assert (masked[shown] == 0).all()


@pytest.mark.parametrize("over", OVER)
def test_silhouettes_have_their_colour_in_their_share_and_the_surroundings_elsewhere(over):
    case, _ = audited(classifier(NeverConfident()), picture(), samples=1)
    drawn = generators_of(picture(), 0)
    shapes = []
    for fill, level in (("black", -1.0), ("white", 3.0)):
        (shown,) = blobs(case.scene, Silhouette(fill, over, 0.1), 1, drawn)
        masked = masked_input(shown.content, shown.mask.float(), shown.infill)
        filled = (masked == level).all(dim=1)
        assert filled.float().mean().item() == pytest.approx(0.1, abs=1 / SIDE**2)
        around = masked[:, :, ~filled[0]]
        assert (around == 0).all() if over == "grey" else around.std() > 0.9
        shapes.append(filled)
    assert torch.equal(*shapes)  # the same blob in another colour


# -- samples --------------------------------------------------------------------------------------


class Projects(nn.Module):
    """Logits from fixed random weights: every pixel counts."""

    def __init__(self):
        super().__init__()
        self.register_buffer("w", torch.randn(3 * SIDE * SIDE, 3, generator=fresh(9)) / 30)

    def forward(self, x):
        return x.flatten(1) @ self.w


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others():
    _, first, _ = audit(Projects(), seed=3)
    torch.rand(7)
    _, again, _ = audit(Projects(), seed=3)
    _, other, _ = audit(Projects(), seed=4)
    assert first == again
    assert first.baselines["gaussian"] != other.baselines["gaussian"]
    assert first.baselines["grey"] == other.baselines["grey"]


def test_images_do_not_share_samples_and_do_not_change_each_others():
    a, b = generators_of(picture(0), 0), generators_of(picture(1), 0)
    noise = [torch.randn(5, generator=drawn("alone gaussian")).tolist() for drawn in (a, b, a)]
    assert noise[0] == noise[2] != noise[1]
    assert torch.randn(5, generator=a("around gaussian")).tolist() != noise[0]


def test_numbers_do_not_depend_on_the_size_of_batches():
    case, found, labels = audit(Projects())
    drawn = generators_of(picture(), 0)
    one_by_one = replace(case, batched=case.claims)
    pairs = [
        (found.baselines, baselines_alone(case.claims, labels, SAMPLES, drawn, INSIDE_IT)),
        (found.silhouettes, silhouettes(case.claims, labels, SAMPLES, drawn)),
    ]
    for together_, apart in pairs:
        for key, counted in together_.items():
            assert counted.means == pytest.approx(apart[key].means, abs=1e-5)
            assert counted.counts == apart[key].counts
    for kind, r in masked_of(one_by_one, labels, SAMPLES, drawn, INSIDE_IT).items():
        assert (r.retained, r.lost) == (found.masked[kind].retained, found.masked[kind].lost)
        assert r.own == pytest.approx(found.masked[kind].own, abs=1e-4)


# -- shapes ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(12, 90), st.integers(12, 90)),
    share=st.sampled_from([0.1, 0.3, 0.5]),
    rows=st.floats(0.3, 1.0),
    seed=st.integers(0, 999),
)
def test_a_blob_has_its_share_of_what_is_valid_and_nothing_outside(size, share, rows, seed):
    valid = torch.zeros(1, 1, *size, dtype=torch.bool)
    valid[..., : max(1, int(rows * size[0])), :] = True
    mask = blob(valid, share, fresh(seed))
    assert not (mask & ~valid).any()
    assert abs(mask.sum().item() - share * valid.sum().item()) <= 1


def test_blobs_are_smooth():
    valid = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    for seed in range(10):
        mask = blob(valid, 0.3, fresh(seed)).float()
        edge = (mask[..., 1:] - mask[..., :-1]).abs().mean().item()
        assert edge < 0.1  # of independent pixels 0.42 would be edges


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(st.integers(8, 150), st.integers(8, 150)),
    seed=st.integers(0, 999),
)
def test_hidden_patches_are_whole_nested_and_as_many_as_asked_for(size, seed):
    side = patch_side(size)
    places = patch_places(torch.ones(1, 1, *size, dtype=torch.bool), fresh(seed))[0, 0]
    assert places.shape == size
    patches = places[::side, ::side]
    count = math.ceil(size[0] / side) * math.ceil(size[1] / side)
    assert patches.numel() == count == len(set(patches.flatten().tolist()))
    for i in range(size[0]):
        for j in range(0, size[1], 7):
            assert places[i, j] == patches[i // side, j // side]
    for share in HIDDEN:
        assert abs((patches < share).sum().item() - share * count) <= 0.5 + 1e-3
    assert (patches < 1.0).all()


def test_patches_are_tokens_of_16_pixels_and_smaller_in_small_inputs():
    assert patch_side((224, 224)) == patch_side((128, 512)) == 16
    assert patch_side((96, 96)) == 12
    assert patch_side((28, 28)) == 3
    assert patch_side((4, 4)) == 1


def test_patches_without_any_of_the_image_are_never_counted():
    valid = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    valid[..., 20:40, :] = True
    places = patch_places(valid, fresh())[0, 0]
    side = patch_side((64, 64))
    hidden = (places < 0.5)[::side, ::side]
    touched = {
        row for row in range(64 // side) if valid[0, 0, row * side : (row + 1) * side].any()
    }
    assert {i for i, row in enumerate(hidden) if row.any()} <= touched
    assert hidden.sum() == len(touched) * (64 // side) / 2


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
