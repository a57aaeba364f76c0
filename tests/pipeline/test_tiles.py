"""Tiles cover the image once, each is explained by itself, and nothing is lost at the seams."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from lit import FEW
from med_cam.case.references import prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config, Refinement, Search, Verification
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.tiles import Box, cropped, ending, explain_tiles, stitched, tile_boxes
from planted import CASES, PATCH

SIDE = 48
CONFIG = Config(
    search=Search(steps=4, grid=12, widths=(8, 8), places=4, radii=(0.6,), maps=2),
    refinement=Refinement(samples=2, rounds=5, attempts=4),
    verification=Verification(samples=3, unseen=("others",), unseen_samples=1, shifts=(3,)),
    certification=FEW,
)
LENGTHS, SIDES = st.integers(1, 300), st.integers(16, 120)
LEFT, RIGHT = Box(0, 0, SIDE, SIDE), Box(0, SIDE, SIDE, SIDE)


@pytest.fixture(scope="module")
def bright():
    """Looks for a white square of PATCH x PATCH pixels; blind to greys up to a half."""
    return replace(CASES["bright patch, convolutional"].classifier, input_size=(SIDE, SIDE))


def dim_image(height, width, *white):
    """Greys below a half, and white rectangles (top, left, height, width)."""
    noise = torch.rand(1, height, width, generator=torch.Generator().manual_seed(0))
    pixels = (0.2 + 0.3 * noise).repeat(3, 1, 1)
    for top, left, h, w in white:
        pixels[:, top : top + h, left : left + w] = 1.0
    return Image(pixels, path="slide.png", sha256="abc")


def tiled(classifier, image, **more):
    return explain_tiles(classifier, image, side=SIDE, config=CONFIG, **more)


class Colours(nn.Module):
    """A logit a channel, its mean times ten."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return 10 * self.pool(x).flatten(1)


def colours(**more):
    """Means are taken as they are: a channel of brightness v has the logit 10 v."""
    labels, zero, one = ("red", "green", "blue"), (0.0,) * 3, (1.0,) * 3
    return Classifier(Colours(), labels, (16, 16), 3, zero, one, hooked_layers=("pool",), **more)


def flat_tiles(*rows):
    """An image one tile high, each tile 16 x 16 of one colour."""
    return Image(torch.cat([torch.tensor(c)[:, None, None].expand(3, 16, 16) for c in rows], 2))


# -- boxes ----------------------------------------------------------------------------------------


@given(LENGTHS, LENGTHS, SIDES)
@settings(max_examples=60, deadline=None)
def test_every_pixel_lies_in_exactly_one_tile(height, width, side):
    times = torch.zeros(height, width, dtype=torch.int64)
    for box in tile_boxes(height, width, side=side):
        assert box.top >= 0
        assert box.left >= 0
        assert box.top + box.height <= height
        assert box.left + box.width <= width
        times[box.top : box.top + box.height, box.left : box.left + box.width] += 1
    assert bool((times == 1).all())


@given(LENGTHS, LENGTHS, SIDES)
@settings(max_examples=60, deadline=None)
def test_tiles_are_nearly_equal_and_about_as_large_as_asked(height, width, side):
    boxes = tile_boxes(height, width, side=side)
    for whole, sides in ((height, {b.height for b in boxes}), (width, {b.width for b in boxes})):
        assert max(sides) - min(sides) <= 1
        assert max(sides) <= 1.5 * side + 1
        assert min(sides) >= min(whole, 2 / 3 * side - 1)
    assert list(boxes) == sorted(boxes, key=lambda box: (box.top, box.left))


def test_a_slide_of_2048_by_1536_is_twelve_squares():
    boxes = tile_boxes(1536, 2048, side=512)
    assert len(boxes) == 12
    assert {(box.height, box.width) for box in boxes} == {(512, 512)}


@pytest.mark.parametrize("side", [15, 0, -512])
def test_tiles_that_are_too_small_are_refused(side):
    with pytest.raises(ConfigError, match=f"{side} pixels a side .* 16 or more"):
        tile_boxes(100, 100, side=side)


# -- stitching ------------------------------------------------------------------------------------


@given(st.data(), LENGTHS, LENGTHS, SIDES)
@settings(max_examples=60, deadline=None)
def test_what_is_stitched_is_each_mask_in_its_tile_and_nothing_elsewhere(data, h, w, side):
    boxes = tile_boxes(h, w, side=side)
    used = [box for box in boxes if data.draw(st.booleans())]
    g = torch.Generator().manual_seed(h * w)
    masks = [torch.rand(box.height, box.width, generator=g) < 0.5 for box in used]
    whole = stitched(used, masks, h, w)
    assert whole.shape == (h, w)
    for box, mask in zip(used, masks, strict=True):
        rows = whole[box.top : box.top + box.height]
        assert torch.equal(rows[:, box.left : box.left + box.width], mask)
    assert whole.sum() == sum(mask.sum() for mask in masks)


def test_a_tile_is_the_images_own_pixels_and_remembers_the_file():
    image = dim_image(50, 70)
    tile = cropped(image, Box(5, 7, 20, 30))
    assert torch.equal(tile.pixels, image.pixels[:, 5:25, 7:37])
    assert (tile.path, tile.sha256) == ("slide.png", "abc")


# -- evidence -------------------------------------------------------------------------------------


def test_evidence_in_one_tile_is_found_there_and_nowhere_else(bright):
    image = dim_image(2 * SIDE, 2 * SIDE, (SIDE + 12, 8, PATCH, PATCH))
    found = tiled(bright, image)
    assert found.label == "bright patch"
    assert found.verified
    assert found.status == "1 of 4 tiles is predicted bright patch; the claim holds on it"
    assert [t.label for t in found.tiles] == ["nothing", "nothing", "bright patch", "nothing"]
    assert [tile.holds for tile in found.tiles] == [False, False, True, False]
    assert found.mask[SIDE + 12 : SIDE + 12 + PATCH, 8 : 8 + PATCH].float().mean() >= 0.95
    elsewhere = found.mask.clone()
    elsewhere[SIDE:, :SIDE] = False
    assert not elsewhere.any()
    assert found.area == pytest.approx(found.mask.float().mean().item())


def test_evidence_that_is_enough_on_both_sides_of_a_seam_is_found_on_both(bright):
    bar = (12, 16, PATCH, 64)  # 32 columns of it left of the seam, 32 right
    found = tiled(bright, dim_image(SIDE, 2 * SIDE, bar))
    assert found.verified
    assert found.status == (
        "2 of 2 tiles are predicted bright patch; the claim holds on each of them"
    )
    white = found.mask[12 : 12 + PATCH, 16:80]
    assert white[:, :32].sum() >= 0.95 * PATCH**2
    assert white[:, 32:].sum() >= 0.95 * PATCH**2


def test_evidence_that_a_seam_cuts_in_two_is_enough_on_neither_side(bright):
    square = (12, SIDE - PATCH // 2, PATCH, PATCH)
    found = tiled(bright, dim_image(SIDE, 2 * SIDE, square), target="bright patch")
    assert not found.verified
    assert not any(tile.holds for tile in found.tiles)
    assert found.status == (
        "2 of 2 tiles are predicted bright patch; the claim fails on each of them"
    )


def test_one_tile_that_fails_makes_the_whole_fail(bright):
    whole, half = (12, 8, PATCH, PATCH), (12, 60, PATCH, PATCH // 2)
    found = tiled(bright, dim_image(SIDE, 3 * SIDE, whole, half), target=1)
    assert [tile.holds for tile in found.tiles] == [True, False, False]
    assert not found.verified
    assert found.status == (
        "2 of 3 tiles are predicted bright patch; the claim holds on 1 of them and fails on 1"
    )
    assert replace(found, tiles=(found.tiles[0], found.tiles[2])).verified


def test_each_tile_is_explained_as_an_image_of_its_own(bright):
    image = dim_image(SIDE, 2 * SIDE, (8, 12, PATCH, PATCH), (12, 60, PATCH, PATCH))
    found = tiled(bright, image, target=1)
    for tile, box in zip(found.tiles, (LEFT, RIGHT), strict=True):
        part = image.pixels[:, :, box.left : box.left + SIDE].clone()
        alone = explain(bright, Image(part), target=1, config=CONFIG)
        assert tile.box == box
        assert torch.equal(tile.explanation.mask, alone.mask)
        assert torch.equal(found.mask[:, box.left : box.left + SIDE], alone.mask)
        assert tile.explanation.claim == alone.claim
        assert tile.probability == pytest.approx(alone.claim.p_image)


def test_an_image_of_one_tile_is_explained_as_ever(bright):
    image = dim_image(SIDE + 3, SIDE - 2, (12, 12, PATCH + 4, PATCH))
    found, plain = tiled(bright, image), explain(bright, image, config=CONFIG)
    assert [tile.box for tile in found.tiles] == [Box(0, 0, SIDE + 3, SIDE - 2)]
    assert torch.equal(found.mask, plain.mask)
    assert found.verified == plain.verified
    assert (found.target, found.label, found.labels) == (plain.target, plain.label, plain.labels)
    assert found.before == pytest.approx(plain.before)
    assert found.area == pytest.approx(plain.area)


# -- predictions ----------------------------------------------------------------------------------


def test_a_target_that_no_tile_gives_leaves_an_empty_mask(bright):
    found = tiled(bright, dim_image(SIDE, 2 * SIDE), target="bright patch")
    assert not found.mask.any()
    assert found.area == 0
    assert not found.verified
    assert found.status == "0 of 2 tiles are predicted bright patch; there is no evidence to show"
    assert (found.passes.forward, found.passes.backward) == (2, 0)


def test_the_prediction_is_the_highest_mean_even_if_no_tile_gives_it():
    image = flat_tiles((0.9, 0.85, 0.0), (0.0, 0.85, 0.9))
    found = explain_tiles(colours(), image, side=16, config=CONFIG)
    p = [torch.tensor(t).mul(10).softmax(0) for t in ((0.9, 0.85, 0.0), (0.0, 0.85, 0.9))]
    assert found.before == pytest.approx(((p[0] + p[1]) / 2).tolist(), abs=1e-5)
    assert found.label == "green"
    assert [tile.label for tile in found.tiles] == ["red", "blue"]
    for tile, own in zip(found.tiles, p, strict=True):
        assert tile.probability == pytest.approx(own[1].item(), abs=1e-5)
    assert found.status.startswith("0 of 2 tiles are predicted green")


def test_sigmoid_outputs_are_called_by_their_own_thresholds():
    model = colours(head="sigmoid", thresholds=(0.8, 0.95, 0.8))  # logits of 1.39, 2.94, 1.39
    image = flat_tiles((0.2, 0.25, 0.1), (0.1, 0.1, 0.1), (0.2, 0.4, 0.3), (0.3, 0.2, 0.1))
    found = explain_tiles(model, image, side=16, config=CONFIG, target="blue")
    # Green is highest in the first, but below its threshold; in the third blue is a second one.
    assert [tile.label for tile in found.tiles] == ["red", "", "blue", "red"]
    assert [tile.explanation is not None for tile in found.tiles] == [False, False, True, False]
    means = torch.tensor([[0.2, 0.25, 0.1], [0.1] * 3, [0.2, 0.4, 0.3], [0.3, 0.2, 0.1]])
    assert found.before == pytest.approx((10 * means).sigmoid().mean(0).tolist(), abs=1e-5)


def test_a_target_that_is_not_there_is_refused():
    with pytest.raises(ClassifierError, match="no class 'grey'"):
        explain_tiles(colours(), flat_tiles((0.1, 0.2, 0.3)), side=16, target="grey")


# -- cost and timeline ----------------------------------------------------------------------------


def counted_apart(module):
    """Sizes of the batches that enter the module, and of the gradients that come back."""
    entered, back = [], []

    def left(_, args, output):
        entered.append(len(args[0]))
        if output.requires_grad:
            output.register_hook(lambda g: back.append(len(g)))

    return entered, back, module.register_forward_hook(left)


def test_passes_are_those_of_an_independent_count(bright):
    image = dim_image(SIDE, 3 * SIDE, (12, 8, PATCH, PATCH), (8, 60, PATCH, PATCH))
    entered, back, handle = counted_apart(bright.module)
    found = tiled(bright, image, target=1)
    handle.remove()
    assert (found.passes.forward, found.passes.backward) == (sum(entered), sum(back))
    parts = [t.explanation.passes for t in found.tiles if t.explanation]
    assert len(parts) == 2
    assert found.passes.forward == len(found.tiles) + sum(p.forward for p in parts)
    assert found.seconds > 0


def test_the_first_look_never_holds_more_than_a_batch_of_tiles(monkeypatch):
    monkeypatch.setattr("med_cam.pipeline.tiles.BATCH", 2)
    checked = []
    model = colours(check=lambda x: checked.append(len(x)))
    entered, _, _ = counted_apart(model.module)
    image = flat_tiles(*[(0.1 * i, 0.9, 0.0) for i in range(5)])
    found = explain_tiles(model, image, side=16, target="blue")
    assert entered == [2, 2, 1]
    assert checked == [1]
    assert [tile.label for tile in found.tiles] == ["green"] * 5


def test_every_tile_is_reported_as_it_is_done_and_in_order(bright):
    reported = []
    image = dim_image(SIDE, 3 * SIDE, (12, SIDE + 8, PATCH, PATCH))
    found = tiled(bright, image, target=1, on_tile=reported.append)
    assert reported == list(found.tiles)
    assert [tile.box for tile in reported] == list(tile_boxes(SIDE, 3 * SIDE, side=SIDE))
    assert [tile.explanation is None for tile in reported] == [True, False, True]


def test_references_reach_the_shape_test_of_each_tile(bright):
    references = prepare_references(bright, [dim_image(SIDE, SIDE), dim_image(60, 40)])
    image = dim_image(SIDE, SIDE, (12, 8, PATCH, PATCH))
    found = tiled(bright, image, references=references)
    assert found.tiles[0].explanation.claim.reference_images == "2 reference images"


def test_the_sentence_counts_what_holds():
    assert ending(0, 0) == "there is no evidence to show"
    assert ending(1, 1) == "the claim holds on it"
    assert ending(1, 0) == "the claim fails on it"
    assert ending(7, 7) == "the claim holds on each of them"
    assert ending(7, 0) == "the claim fails on each of them"
    assert ending(7, 6) == "the claim holds on 6 of them and fails on 1"
