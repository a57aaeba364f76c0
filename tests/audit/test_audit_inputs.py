"""What an audit asks about: its inputs, their samples, and the shapes that are hidden or shown."""

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from audit.small_audit import SAMPLES, SIDE, NeverConfident, audit, classifier, fresh, picture
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
from med_cam.audit.shapes import blob, patch_places, patch_side
from med_cam.case import case as case_module
from med_cam.case.references import References
from med_cam.config.baselines import FIXED, INSIDE
from med_cam.images.image import Image
from med_cam.masking.masked_input import masked_input
from med_cam.report.audit_text import verdicts

INSIDE_IT = ("layer_masking",)  # what these small networks can have


# -- what is predicted ----------------------------------------------------------------------------


@pytest.mark.parametrize("each", [True, False])
def test_every_kind_of_input_is_predicted_as_often_as_it_should_be(each, monkeypatch):
    """What is the same comes once, and takes a pass each time where nothing is remembered."""
    if each:
        monkeypatch.setattr(case_module, "asked_once", lambda predict: predict)
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
    every = inputs + exactness + 1
    assert found.passes == every if each else 0.9 * inputs <= found.passes < every
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
