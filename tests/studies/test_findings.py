"""Mask files of every kind that providers ship, and the sentences that refuse bad ones."""

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.errors import ImageError
from med_cam_studies.data.findings import finding, fitted

OUTLINED = np.zeros((6, 9), dtype=bool)
OUTLINED[1:4, 2:7] = True
OUTLINED[5, 0] = True


def truth(values=OUTLINED):
    return torch.from_numpy(values)


def palette(values, colours):
    h, w = values.shape
    picture = PIL.Image.frombytes("P", (w, h), values.astype(np.uint8).tobytes())
    picture.putpalette(colours)
    return picture


def coloured(channel, bands=3):
    values = np.zeros((*OUTLINED.shape, bands), dtype=np.uint8)
    values[..., channel] = OUTLINED * 255
    if bands in (2, 4):
        values[..., -1] = 255
    return PIL.Image.fromarray(values)


GREYS = [i for value in range(256) for i in (value, value, value)]
PICTURES = {
    "one bit": PIL.Image.fromarray(OUTLINED),
    "grey 255": PIL.Image.fromarray(OUTLINED.astype(np.uint8) * 255),
    "grey 1": PIL.Image.fromarray(OUTLINED.astype(np.uint8)),
    "sixteen bits": PIL.Image.fromarray(OUTLINED.astype(np.uint16) * 65535),
    "palette 1, red": palette(OUTLINED * 1, [0, 0, 0, 255, 0, 0]),
    "palette 1, black on black": palette(OUTLINED * 1, [0, 0, 0, 0, 0, 0]),
    "palette 255": palette(OUTLINED * 255, GREYS),
    "red": coloured(0),
    "blue": coloured(2),
    "opaque": coloured(1, bands=4),
    "opaque grey": coloured(0, bands=2),
}


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("kind", PICTURES)
def test_every_kind_of_mask_is_read_as_it_was_outlined(tmp_path, kind, suffix):
    path = tmp_path / f"x.{suffix}"
    PICTURES[kind].save(path)
    assert torch.equal(finding(path), truth())


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_palettes_of_few_bits_and_with_a_clear_entry_are_read_by_their_indices(tmp_path, bits):
    path = tmp_path / "x.png"
    picture = palette(OUTLINED * 1, [255, 255, 255, 0, 0, 0])  # the colours say the contrary
    picture.save(path, bits=bits, transparency=0)
    assert torch.equal(finding(path), truth())


def test_a_compressed_palette_tiff_is_read_by_its_indices(tmp_path):
    path = tmp_path / "x.tif"
    PICTURES["palette 1, red"].save(path, compression="tiff_adobe_deflate")
    assert torch.equal(finding(path), truth())


def test_a_mask_is_turned_as_its_tags_say(tmp_path):
    path = tmp_path / "x.png"
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    PICTURES["grey 255"].save(path, exif=exif)
    assert torch.equal(finding(path), truth(np.rot90(OUTLINED, -1).copy()))


def test_several_files_are_one_finding(tmp_path):
    random = np.random.default_rng(0)
    parts = random.random((3, 6, 9)) < 0.2
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, part in zip(paths, parts, strict=True):
        PIL.Image.fromarray(part).save(path)
    assert torch.equal(finding(paths), truth(parts[0] | parts[1] | parts[2]))
    assert torch.equal(finding(paths[:1]), truth(parts[0]))


def refusal(paths):
    with pytest.raises(ImageError) as caught:
        finding(paths)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_files_of_different_sizes_are_refused_by_name(tmp_path):
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    PICTURES["grey 255"].save(a)
    PICTURES["grey 255"].resize((10, 6)).save(b)
    sentence = refusal([a, b])
    assert f"{b} has 6 x 10" in sentence
    assert f"{a} has 6 x 9" in sentence
    assert "No mask" in refusal([])


def broken(path):
    whole = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 2, (64, 64), np.uint8))
    whole.save(path)
    path.write_bytes(path.read_bytes()[:-120])


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_a_file_that_is_cut_short_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    broken(path)
    assert str(path) in refusal(path)


def test_files_that_are_no_masks_are_refused_by_name(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_bytes(b"no picture at all")
    PICTURES["grey 255"].save(tmp_path / "lossy.jpg")
    PICTURES["red"].convert("CMYK").save(tmp_path / "print.tif")
    pages = PICTURES["grey 255"], PICTURES["one bit"].convert("L")
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    values = np.zeros((6, 9, 4), dtype=np.uint8)
    values[..., 3] = OUTLINED * 255
    PIL.Image.fromarray(values).save(tmp_path / "clear.png")
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 6
    for path in (*paths, tmp_path / "missing.png", tmp_path):
        assert str(path) in refusal(path)
    assert "see-through" in refusal(tmp_path / "clear.png")
    assert "2 pages" in refusal(tmp_path / "pages.tif")
    assert "CMYK" in refusal(tmp_path / "print.tif")


@settings(max_examples=60, deadline=None)
@given(h=st.integers(1, 9), w=st.integers(1, 9), times=st.integers(1, 5), seed=st.integers(0, 99))
def test_a_mask_is_enlarged_pixel_by_pixel_and_comes_back(h, w, times, seed):
    mask = torch.rand(h, w, generator=torch.Generator().manual_seed(seed)) < 0.4
    large = fitted(mask, h * times, w * times)
    for y in range(h * times):
        for x in range(w * times):
            assert large[y, x] == mask[y // times, x // times]
    assert torch.equal(fitted(large, h, w), mask)


def test_a_mask_is_shrunk_by_pixel_centres():
    mask = torch.rand(28, 42, generator=torch.Generator().manual_seed(0)) < 0.4
    small = fitted(mask, 9, 14)  # 9.33 rounded down, as resizing by whole pixels does
    for y in range(9):
        for x in range(14):
            assert small[y, x] == mask[int((y + 0.5) * 28 / 9), int((x + 0.5) * 3)]


@pytest.mark.parametrize("size", [(298, 448), (297, 448), (2848, 4288), (1424, 2144)])
def test_sizes_that_rounding_explains_are_fitted(size):
    mask = torch.zeros(2848, 4288, dtype=torch.bool)
    assert fitted(mask, *size).shape == size


@pytest.mark.parametrize("size", [(448, 298), (300, 448), (448, 448), (2848, 4200), (1, 100)])
def test_other_proportions_are_refused(size):
    mask = torch.zeros(2848, 4288, dtype=torch.bool)
    with pytest.raises(ImageError, match=f"2848 x 4288 .* {size[0]} x {size[1]}"):
        fitted(mask, *size)
