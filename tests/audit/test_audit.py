"""The audit on classifiers whose answer to nothing, to shapes and to gaps is set by hand."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.audit.answers import (
    OF_TWO,
    OPINION,
    Labels,
    added,
    answers_of,
    divided,
    labels_of,
    most_given,
    opinion,
)
from med_cam.audit.ask import (
    ALONE,
    COVERS,
    FILLS,
    HIDDEN,
    OVER,
    SHARES,
    audited,
    backgrounds_alone,
    blobs,
    gaps_of,
    samples_of,
    silhouettes,
    with_gaps,
)
from med_cam.audit.findings import Gap, Silhouette, together
from med_cam.audit.shapes import blob, cell_places, cell_side
from med_cam.audit.verdict import (
    confident_predictions,
    divided_by_shape,
    drawn_by_shape,
    drift,
    quarrels,
    recommended,
)
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.errors import ClassifierError
from med_cam.images.geometry import Image
from med_cam.masking import CONTENT, FIXED

SIDE, DRAWS = 32, 4
THREE = ("bright", "striped", "grey")


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


class CallsGrey(nn.Module):
    """Frames whose every pixel is near zero are class 1; on others there is no opinion."""

    def forward(self, x):
        flat = (x.abs().amax(dim=(1, 2, 3)) < 1e-3).float() * 5
        return torch.stack([0 * flat, flat, 0 * flat], dim=1)


class NoOpinion(nn.Module):
    """A bright corner of a darker frame is class 0; all else is given every label alike."""

    def forward(self, x):
        corner, frame = x[..., :8, :8].mean(dim=(1, 2, 3)), x.mean(dim=(1, 2, 3))
        lit = ((corner > 2.5) & (frame < 1.5)).float() * 4
        return torch.stack([lit, 0 * lit, 0 * lit], dim=1)


class CallsShapes(nn.Module):
    """Two even parts with an edge between them are class 2; anything else is no opinion."""

    def forward(self, x):
        smooth = (x[..., 1:] - x[..., :-1]).abs().amax(dim=1)  # b h w
        edges = (smooth > 0.2).float().mean(dim=(1, 2))
        shape = ((edges > 0.001) & (edges < 0.2)).float() * 5
        return torch.stack([0 * shape, 0 * shape, shape], dim=1)


class CountsBlack(nn.Module):
    """The more of the frame is black, the more it is class 1."""

    def forward(self, x):
        hidden = (x == -1).all(dim=1).float().mean(dim=(1, 2))
        return torch.stack([0.2 + 0 * hidden, 8 * hidden, 0 * hidden], dim=1)


class DividesByItself(nn.Module):
    """Not a number where the frame is even."""

    def forward(self, x):
        z = (x.flatten(1)[:, :2] / x.flatten(1).std(dim=1, keepdim=True)).nan_to_num(posinf=0.0)
        return torch.where(x.flatten(1).std(dim=1, keepdim=True) == 0, math.nan, z)


def classifier(module, labels=THREE, **fields):
    return Classifier(module, labels, (SIDE, SIDE), mean=(0.25,) * 3, std=(0.25,) * 3, **fields)


def picture(seed=0, corner=1.0):
    pixels = torch.rand(3, SIDE, SIDE, generator=fresh(seed)) * 0.4 + 0.3
    pixels[:, :8, :8] = corner
    return Image(pixels)


def audit(module, *, image=None, labels=THREE, references=None, seed=0, samples=DRAWS, **fields):
    model = classifier(module, labels, **fields)
    case, found = audited(
        model, image or picture(), references=references, samples=samples, seed=seed
    )
    return case, found, labels_of(model)


# -- planted classifiers --------------------------------------------------------------------------


def test_a_classifier_that_calls_grey_a_label_is_told_and_grey_is_not_recommended():
    _, found, labels = audit(CallsGrey())
    assert confident_predictions(found, labels) == {"grey": 1}
    assert found.alone["grey"].means[1] == pytest.approx(math.exp(5) / (math.exp(5) + 2))
    assert set(recommended(found, labels)) == set(ALONE) - CONTENT - {"grey"}
    assert drawn_by_shape(found, labels) == {}


def test_a_classifier_without_an_opinion_gets_none_and_every_background_is_recommended():
    _, found, labels = audit(NoOpinion())
    assert confident_predictions(found, labels) == {}
    assert quarrels(found, labels) == ()
    assert set(recommended(found, labels)) == set(ALONE) - CONTENT
    for name in recommended(found, labels):
        assert found.alone[name].means == pytest.approx((1 / 3,) * 3), name


def test_a_label_given_by_shape_is_told_though_no_colour_is_called_so():
    _, found, labels = audit(CallsShapes())
    told = drawn_by_shape(found, labels)
    assert {kind for kind in found.silhouettes if kind.over == "grey"} <= set(told)
    assert set(told.values()) == {2}
    assert 2 not in confident_predictions(found, labels).values()


def test_a_shape_in_a_colour_that_is_called_so_by_itself_is_not_told():
    class CallsBlack(nn.Module):
        def forward(self, x):
            any_black = (x == -1).all(dim=1).flatten(1).any(dim=1).float() * 5
            return torch.stack([0 * any_black, any_black, 0 * any_black], dim=1)

    _, found, labels = audit(CallsBlack())
    black = Silhouette("black", "grey", 0.3)
    assert found.silhouettes[black].given == (0, DRAWS, 0)
    assert confident_predictions(found, labels) == {"black": 1}
    assert drawn_by_shape(found, labels) == {}


def test_opinions_of_different_labels_are_told_apart_from_one_opinion():
    class PixelDecides(nn.Module):
        """Even frames are no opinion; of others one pixel tells, each label as often."""

        def forward(self, x):
            busy = (x.flatten(1).std(dim=1, keepdim=True) > 0).float() * 5
            third = (x[:, 0, 3, 3] > -0.43).long() + (x[:, 0, 3, 3] > 0.43)
            return busy * nn.functional.one_hot(third, 3)

    _, found, labels = audit(PixelDecides(), samples=32)
    assert "gaussian" in quarrels(found, labels)
    assert "gaussian" not in recommended(found, labels)
    assert "grey" in recommended(found, labels)
    assert not {"grey", "gaussian"} & set(confident_predictions(found, labels))


def test_shapes_that_are_given_different_labels_are_told():
    class PlaceDecides(nn.Module):
        """Black here, there, or at both places: three labels; black at none or all over: none."""

        def forward(self, x):
            here, there = (x == -1).all(dim=1)[:, 4, 4], (x == -1).all(dim=1)[:, 20, 20]
            even = (x == -1).flatten(1).all(dim=1)
            codes = torch.stack([here & there, here & ~there, ~here & there], dim=1)
            return 5.0 * (codes & ~even[:, None])

    _, found, labels = audit(PlaceDecides(), samples=32)
    told = divided_by_shape(found, labels)
    assert Silhouette("black", "grey", 0.5) in told
    assert {kind.fill for kind in told} == {"black"}
    assert not any(kind.fill != "black" for kind in drawn_by_shape(found, labels))


def test_answers_lost_to_the_gaps_are_counted_with_where_they_go():
    case, found, _ = audit(CountsBlack())
    assert case.target.index == 0
    shares = [found.gaps[Gap("black", share)] for share in HIDDEN]
    for share, r in zip(HIDDEN, shares, strict=True):
        z = 8 * round(share * 64) / 64  # 64 cells
        whole = math.exp(0.2) + math.exp(z) + 1
        assert r.own / r.frames == pytest.approx(math.exp(0.2) / whole, rel=1e-4), share
        assert r.retained == 0
        assert r.lost == (0, r.frames, 0)
        assert r.takers == (0, 1, 0)
    assert found.gaps[Gap("grey", 0.9)].retained == DRAWS


def test_a_drift_needs_more_than_one_image_and_more_than_one_answer():
    model = classifier(CountsBlack())
    labels = labels_of(model)
    one, two = (audited(model, picture(seed), samples=DRAWS)[1] for seed in (0, 1))
    alike = together(one, two)
    assert drift(one, labels, "black") is None
    assert drift(alike, labels, "black") is None
    mixed = replace(alike, own=(2, 1, 0), images=3)
    told = drift(mixed, labels, "black")
    partly = len([share for share in HIDDEN if share < 1])
    assert (told.label, told.count, told.lost) == (1, 2 * partly * DRAWS, 2 * partly * DRAWS)
    assert (told.images, told.others) == (2, 2)
    assert drift(mixed, labels, "grey") is None


def test_an_answer_that_is_not_a_number_is_one_sentence():
    with pytest.raises(ClassifierError, match="grey alone is not a number"):
        audit(DividesByItself(), labels=("a", "b"))


def test_a_classifier_goes_out_as_it_came_in():
    module = nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).train()
    before = [p.clone() for p in module.parameters()]
    audit(module)
    assert module.training
    assert all(p.grad is None and p.requires_grad for p in module.parameters())
    assert all(map(torch.equal, before, module.parameters()))


# -- what is asked --------------------------------------------------------------------------------


def test_every_kind_of_frame_is_asked_as_often_as_it_should_be():
    others = References(
        torch.stack([classifier(NoOpinion()).prepare(picture(s))[0] for s in range(3)]),
        torch.tensor([[0.1, 0.8, 0.1]] * 3),
    )
    case, found, _ = audit(NoOpinion(), references=others)
    assert {n: a.frames for n, a in found.alone.items()} == {
        name: 1 if name in FIXED else DRAWS for name in ALONE
    }
    assert set(found.silhouettes) == {
        Silhouette(f, o, s) for f in FILLS for o in OVER for s in SHARES
    }
    assert all(a.frames == DRAWS for a in found.silhouettes.values())
    assert set(found.gaps) == {Gap(o, s) for o in COVERS for s in HIDDEN}
    once = [g for g in found.gaps if g.over in FIXED and g.share == 1]
    assert all(r.frames == (1 if g in once else DRAWS) for g, r in found.gaps.items())
    frames = sum(
        a.frames for part in (found.alone, found.silhouettes, found.gaps) for a in part.values()
    )
    assert found.passes == case.cost().forward == frames + 1
    assert case.cost().backward == 0


def test_without_other_images_their_background_is_left_out():
    _, found, _ = audit(NoOpinion())
    assert "others" not in found.alone
    assert all(gap.over != "others" for gap in found.gaps)


def test_an_image_that_is_given_no_label_has_no_gaps():
    _, found, _ = audit(
        NoOpinion(),
        image=picture(corner=0.0),
        head="sigmoid",
        thresholds=(0.9, 0.9, 0.9),
    )
    assert (found.undecided, found.own, found.gaps) == (1, (0, 0, 0), {})


def test_padding_is_never_covered():
    model = classifier(NoOpinion(), rule="pad")
    wide = Image(torch.rand(3, 20, 60, generator=fresh(1)))
    case, _ = audited(model, wide, samples=1)
    drawn = samples_of(wide, 0)
    for frame in with_gaps(case.scene, Gap("grey", 1.0), 1, drawn):
        shown = case.scene.valid.expand_as(frame)
        assert torch.equal(frame[~shown], case.scene.x[~shown])
        assert (frame[shown] == 0).all()


@pytest.mark.parametrize("over", OVER)
def test_silhouettes_have_their_colour_in_their_share_and_the_surroundings_elsewhere(over):
    case, _ = audited(classifier(NoOpinion()), picture(), samples=1)
    drawn = samples_of(picture(), 0)
    shapes = []
    for fill, level in (("black", -1.0), ("white", 3.0)):
        (frame,) = blobs(case.scene, Silhouette(fill, over, 0.1), 1, drawn)
        filled = (frame == level).all(dim=1)
        assert filled.float().mean().item() == pytest.approx(0.1, abs=1 / SIDE**2)
        around = frame[:, :, ~filled[0]]
        assert (around == 0).all() if over == "grey" else around.std() > 0.9
        shapes.append(filled)
    assert torch.equal(*shapes)  # the same blob in another colour


# -- draws ----------------------------------------------------------------------------------------


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
    assert first.alone["gaussian"] != other.alone["gaussian"]
    assert first.alone["grey"] == other.alone["grey"]


def test_images_do_not_share_draws_and_do_not_change_each_others():
    a, b = samples_of(picture(0), 0), samples_of(picture(1), 0)
    noise = [torch.randn(5, generator=drawn("alone gaussian")).tolist() for drawn in (a, b, a)]
    assert noise[0] == noise[2] != noise[1]
    assert torch.randn(5, generator=a("around gaussian")).tolist() != noise[0]


def test_numbers_do_not_depend_on_the_size_of_batches():
    case, found, labels = audit(Projects())
    drawn = samples_of(picture(), 0)
    predict_one = replace(case, predict=case.predict_one)
    pairs = [
        (found.alone, backgrounds_alone(case.predict_one, case.scene, labels, DRAWS, drawn)),
        (found.silhouettes, silhouettes(case.predict_one, case.scene, labels, DRAWS, drawn)),
    ]
    for together_, apart in pairs:
        for key, answers in together_.items():
            assert answers.means == pytest.approx(apart[key].means, abs=1e-5)
            assert answers.given == apart[key].given
    for gap, r in gaps_of(predict_one, labels, DRAWS, drawn).items():
        assert (r.retained, r.lost) == (found.gaps[gap].retained, found.gaps[gap].lost)
        assert r.own == pytest.approx(found.gaps[gap].own, abs=1e-4)


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
def test_hidden_cells_are_whole_nested_and_as_many_as_asked_for(size, seed):
    side = cell_side(size)
    places = cell_places(torch.ones(1, 1, *size, dtype=torch.bool), fresh(seed))[0, 0]
    assert places.shape == size
    cells = places[::side, ::side]
    count = math.ceil(size[0] / side) * math.ceil(size[1] / side)
    assert cells.numel() == count == len(set(cells.flatten().tolist()))
    for i in range(size[0]):
        for j in range(0, size[1], 7):
            assert places[i, j] == cells[i // side, j // side]
    for share in HIDDEN:
        assert abs((cells < share).sum().item() - share * count) <= 0.5 + 1e-3
    assert (cells < 1.0).all()


def test_cells_are_tokens_of_16_pixels_and_smaller_in_small_frames():
    assert cell_side((224, 224)) == cell_side((128, 512)) == 16
    assert cell_side((96, 96)) == 12
    assert cell_side((28, 28)) == 3
    assert cell_side((4, 4)) == 1


def test_cells_without_any_of_the_image_are_never_counted():
    valid = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    valid[..., 20:40, :] = True
    places = cell_places(valid, fresh())[0, 0]
    side = cell_side((64, 64))
    hidden = (places < 0.5)[::side, ::side]
    touched = {
        row for row in range(64 // side) if valid[0, 0, row * side : (row + 1) * side].any()
    }
    assert {i for i, row in enumerate(hidden) if row.any()} <= touched
    assert hidden.sum() == len(touched) * (64 // side) / 2


# -- counting -------------------------------------------------------------------------------------

SOFT = Labels(("a", "b", "c"), "softmax", (0.5,) * 3)
MULTI = Labels(("a", "b", "c"), "sigmoid", (0.2, 0.5, 0.9))


def test_answers_are_counted():
    p = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.45, 0.45], [0.4, 0.35, 0.25]])
    answers = answers_of(p, SOFT)
    assert answers.frames == 4
    assert answers.given == (2, 2, 0)
    assert answers.means == pytest.approx((0.325, 0.45, 0.225))
    assert answers.highest == pytest.approx(0.7)
    assert answers.peaks == pytest.approx(0.6 + 0.7 + 0.45 + 0.4)
    assert answers.sure == 2
    assert most_given(answers) == 1  # as often as a, and more probable
    assert opinion(answers, SOFT) is None
    assert divided(answers, SOFT)


def test_sigmoid_heads_are_counted_by_their_thresholds():
    p = torch.tensor([[0.25, 0.4, 0.8], [0.1, 0.6, 0.95], [0.1, 0.1, 0.1]])
    answers = answers_of(p, MULTI)
    assert answers.given == (1, 1, 1)
    assert answers.sure == 2
    assert most_given(answers) == 2
    assert opinion(answers, MULTI) is None
    assert most_given(answers_of(p[2:], MULTI)) is None
    assert opinion(answers_of(p[:1], MULTI), MULTI) == 0


def test_of_two_labels_one_half_is_no_opinion():
    pair = labels_of(classifier(NoOpinion(), ("a", "b")))
    assert pair.bars == (OF_TWO, OF_TWO)
    assert labels_of(classifier(NoOpinion())).bars == (OPINION,) * 3
    assert opinion(answers_of(torch.tensor([[0.5, 0.5], [0.3, 0.7]]), pair), pair) is None
    assert opinion(answers_of(torch.tensor([[0.1, 0.9]]), pair), pair) == 1


@settings(max_examples=30, deadline=None)
@given(split=st.integers(1, 7), seed=st.integers(0, 99))
def test_answers_added_are_the_answers_on_all_frames(split, seed):
    p = torch.rand(8, 3, generator=fresh(seed)).softmax(dim=1)
    whole = answers_of(p, SOFT)
    parts = added(answers_of(p[:split], SOFT), answers_of(p[split:], SOFT))
    assert (parts.frames, parts.given, parts.sure) == (whole.frames, whole.given, whole.sure)
    assert parts.highest == whole.highest
    assert parts.total == pytest.approx(whole.total)
    assert parts.peaks == pytest.approx(whole.peaks)


def test_findings_of_images_add_up_where_only_one_has_a_background():
    others = References(
        classifier(NoOpinion()).prepare(picture(5)), torch.tensor([[0.0, 1.0, 0.0]])
    )
    _, one, _ = audit(NoOpinion(), references=others)
    _, two, _ = audit(NoOpinion(), image=picture(1))
    both = together(one, two)
    assert (both.images, both.own, both.passes) == (2, (2, 0, 0), one.passes + two.passes)
    assert both.alone["gaussian"].frames == 2 * DRAWS
    assert both.alone["others"] == one.alone["others"]
    assert both.gaps[Gap("grey", 0.5)].frames == 2 * DRAWS
