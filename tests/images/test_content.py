"""What evidence lies on, against text drawn by Pillow and surrounds drawn by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image as Picture, ImageDraw, ImageFont

from med_cam.images.content import (
    Content,
    border,
    content,
    content_notices,
    empty_background,
)
from med_cam.images.printed import printed_text
from med_cam.images.resized import at_size, resized

WHITE, YELLOW, BLACK = (255, 255, 255), (255, 255, 0), (0, 0, 0)


def tensor(picture):
    return torch.from_numpy(np.asarray(picture, np.float32) / 255).permute(2, 0, 1)


def drawn(text, *, size=20, ink=WHITE, ground=BLACK, at=(12, 10), frame=(256, 224)):
    """An even picture with text, and the pixels that Pillow inked."""
    picture, inked = Picture.new("RGB", frame, ground), Picture.new("L", frame, 0)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(at, text, fill=ink, font=font)
    ImageDraw.Draw(inked).text(at, text, fill=255, font=font)
    return tensor(picture), torch.from_numpy(np.array(inked) > 127)


def head(side=224):
    """A bright rim around smooth tissue on black, with a little noise: no text anywhere."""
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    far = np.hypot(rows / 0.42, columns / 0.33)
    noise = np.random.default_rng(0).normal(0, 0.01, (side, side))
    grey = np.where(far < 0.93, 0.35 + 0.1 * np.cos(9 * rows) * np.sin(7 * columns), 0.8)
    grey = np.where(far < 1, grey, 0.02) + noise
    return torch.from_numpy(grey.clip(0, 1).astype(np.float32))[None].repeat(3, 1, 1)


def nuclei(side=256, count=350):
    """Dark discs of like size on an even ground: rows come about, strokes do not."""
    rng = np.random.default_rng(1)
    picture = Picture.new("RGB", (side, side), (225, 190, 220))
    draw = ImageDraw.Draw(picture)
    for x, y in rng.integers(0, side, (count, 2)):
        r = rng.integers(3, 6)
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(90, 50, 140))
    return tensor(picture)


def hairs(side=256, count=25):
    """Dark curves across the picture."""
    rng = np.random.default_rng(2)
    picture = Picture.new("RGB", (side, side), (230, 180, 170))
    draw = ImageDraw.Draw(picture)
    for x, y, a, b in rng.integers(0, side, (count, 4)):
        draw.arc((x - side, y - side, x + side, y + side), a, a + 20 + b // 8, (60, 40, 30), 2)
    return tensor(picture)


@pytest.mark.parametrize("size", [14, 20, 32])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [(WHITE, BLACK), (YELLOW, BLACK), (BLACK, WHITE), (BLACK, (128,) * 3), (WHITE, (90,) * 3)],
)
def test_a_line_of_text_is_found_and_little_else(size, ink, ground):
    pixels, inked = drawn("SAG T2 12", size=size, ink=ink, ground=ground)
    found = printed_text(pixels)
    assert (found & inked).sum() > 0.6 * inked.sum()
    assert (found & inked).sum() > 0.6 * found.sum()


def test_a_lone_letter_near_the_border_is_found_and_one_amid_the_image_is_not():
    near, inked = drawn("R", size=24)
    amid, _ = drawn("R", size=24, at=(120, 100))
    assert (printed_text(near) & inked).sum() > 0.6 * inked.sum()
    assert not printed_text(amid).any()


def test_text_in_a_large_image_is_found_where_it_stands():
    pixels, inked = drawn("10 mm", size=60, at=(1500, 900), frame=(2000, 1200))
    found = printed_text(pixels)
    assert found.shape == (1200, 2000)
    assert (found & inked).sum() > 0.6 * inked.sum()
    assert not found[:850].any()
    assert not found[:, :1450].any()


def test_text_beside_a_head_is_found_and_the_head_is_not():
    pixels, words = head(), drawn("Im 12", size=15, at=(4, 4), frame=(224, 224))
    found = printed_text(torch.maximum(pixels, words[0]))
    assert (found & words[1]).sum() > 0.6 * words[1].sum()
    assert not found[40:].any()


@pytest.mark.parametrize(
    "pixels",
    [
        head(),
        nuclei(),
        hairs(),
        torch.full((1, 90, 120), 0.4),
        torch.rand(3, 200, 200, generator=torch.Generator().manual_seed(0)),
    ],
    ids=["head", "nuclei", "hairs", "even", "noise"],
)
def test_nothing_is_found_where_nothing_is_printed(pixels):
    assert not printed_text(pixels).any()


def test_grey_images_are_read_as_their_colour_twins():
    pixels, _ = drawn("AXIAL", size=20)
    assert torch.equal(printed_text(pixels[:1]), printed_text(pixels))


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 9))
@settings(deadline=None, max_examples=15)
def test_any_image_has_shares_between_none_and_all(height, width, channels, seed):
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(channels, height, width, generator=generator)
    mask = torch.rand(height, width, generator=generator) > 0.5
    found = content(pixels, mask)
    shares = (found.text, found.border, found.empty, found.text_inside)
    assert all(0 <= share <= 1 for share in shares)


def test_the_black_around_a_head_is_empty_and_the_head_is_not():
    rows, columns = np.mgrid[:224, :224] / 224 - 0.5
    outside = torch.from_numpy(np.hypot(rows / 0.42, columns / 0.33) >= 1)
    empty = empty_background(head())
    assert not (empty & ~outside).any()
    assert (empty & outside).sum() > 0.95 * outside.sum()


def test_black_inside_the_picture_and_behind_a_thin_passage_is_not_empty():
    pixels = 0.4 + 0.2 * torch.rand(1, 200, 200, generator=torch.Generator().manual_seed(4))
    pixels[:, :, :40] = 0.0  # the surround
    pixels[:, 80:120, 80:120] = 0.0  # a hole
    pixels[:, 99:101, 40:80] = 0.0  # and the way to it
    empty = empty_background(pixels)
    assert empty[:, :38].all()
    assert not empty[:, 42:].any()


@pytest.mark.parametrize("colour", [(0.95, 0.9, 0.94), (0.02, 0.0, 0.05), (0.5, 0.5, 0.5)])
def test_glass_black_and_the_bars_of_a_padded_image_are_empty(colour):
    pixels = torch.rand(3, 120, 120, generator=torch.Generator().manual_seed(3))
    pixels[:, :40] = torch.tensor(colour)[:, None, None]
    pixels[:, -40:] = torch.tensor(colour)[:, None, None]
    empty = empty_background(pixels)
    assert empty[:38].all()
    assert empty[-38:].all()
    assert not empty[42:-42].any()


def test_skin_of_an_even_tint_is_not_empty():
    shade = torch.linspace(0.6, 0.8, 200)
    pixels = shade.expand(3, 200, 200) * torch.tensor([1.0, 0.75, 0.7])[:, None, None]
    assert not empty_background(pixels).any()


def test_the_border_share_counts_the_margin_and_touching_means_the_last_pixel():
    mask = torch.zeros(100, 200, dtype=torch.bool)
    mask[1:5, 50] = True  # of rows 1 to 4, the margin of two pixels holds row 1
    assert border(mask) == (0.25, False)
    mask[99, 199] = True
    assert border(mask) == (2 / 5, True)
    assert border(mask, margin=0.05) == (1.0, True)
    assert border(torch.zeros_like(mask)) == (0.0, False)


def test_content_is_counted_in_the_evidence():
    pixels, inked = drawn("SAG T2 12", size=32, frame=(256, 256))
    everything = torch.ones(256, 256, dtype=torch.bool)
    whole, away = content(pixels, everything), content(pixels, everything.tril() & ~everything[0])
    assert whole.text == pytest.approx(inked.float().mean().item(), rel=0.4)
    assert whole.text_inside == 1
    assert whole.border == pytest.approx(1 - (246 / 256) ** 2)
    assert whole.empty > 0.9
    assert away == Content(0.0, 0.0, 0.0)


def test_warnings_name_their_figures_and_nothing_is_said_of_what_is_below():
    assert content_notices(Content(0.004, 0.09, 0.49, 0.09)) == ()
    found = content_notices(Content(0.031, 0.12, 0.73, 0.4))
    assert [one.kind for one in found] == ["printed_text", "border", "surround"]
    assert [one.figure for one in found] == [0.4, 0.12, 0.73]
    text, rim, empty = (one.text for one in found)
    assert "printed text" in text
    assert "3.1%" in text
    assert "40%" in text
    assert rim == "12% of the evidence lies at the image's border"
    assert empty == "73% of the evidence lies on the empty background of the image"
    assert len(content_notices(Content(0.001, 0.0, 0.0, 0.5))) == 1


def test_a_map_of_a_resized_image_comes_back_to_the_pixels_it_was_made_of():
    half = torch.tensor([[True, False], [False, True]])
    assert torch.equal(at_size(half, 4, 6), half.repeat_interleave(2, 0).repeat_interleave(3, 1))
    pixels = torch.rand(1, 30, 20)
    assert torch.equal(resized(pixels, largest=30), pixels)
    assert resized(pixels, largest=15).shape == (1, 15, 10)
    assert resized(pixels, smallest=60, largest=90).shape == (1, 60, 40)
