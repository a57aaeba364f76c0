"""Any form of an image in Python, with a range that is known or asked for."""

import numpy as np
import PIL.Image
import pytest
import torch

from med_cam.errors import ConfigError, ImageError
from med_cam.images.from_python import image_of
from med_cam.images.image import Image

GREY = np.random.default_rng(0).integers(2, 256, (5, 7), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(2, 256, (5, 7, 3), dtype=np.uint8)
TWELVE = np.random.default_rng(2).integers(0, 4096, (6, 8), dtype=np.uint16)
TWELVE[0, :2] = 0, 4095


def shares(values, white):
    """Rows of plain divisions, c h w."""
    planes = [values] if values.ndim == 2 else [values[..., c] for c in range(3)]
    return torch.tensor([[[float(v) / white for v in row] for row in p.tolist()] for p in planes])


@pytest.mark.parametrize("values", [GREY, COLOUR], ids=["grey", "colour"])
def test_every_form_of_the_same_picture_is_the_same_image(values, tmp_path):
    picture = PIL.Image.fromarray(values)
    picture.save(tmp_path / "a.png")
    first = torch.from_numpy(values if values.ndim == 2 else np.moveaxis(values, 2, 0).copy())
    wanted = shares(values, 255)
    forms = {
        "array": values, "tensor": first, "floats": first.double() / 255, "pillow": picture,
        "path": tmp_path / "a.png", "text": str(tmp_path / "a.png"), "opened": PIL.Image.open(
            tmp_path / "a.png"),
    }  # fmt: skip
    for name, form in forms.items():
        found = image_of(form, channels=len(wanted))
        torch.testing.assert_close(found.pixels, wanted, msg=name)
        assert bool(found.sha256) == (name in ("path", "text"))
    assert image_of(found) is found


def test_a_picture_of_pillow_is_turned_as_its_file_would_be_and_not_changed(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    PIL.Image.fromarray(GREY).save(tmp_path / "a.png", exif=exif)
    with PIL.Image.open(tmp_path / "a.png") as picture:
        found = image_of(picture)
        assert picture.size == (7, 5)
    torch.testing.assert_close(found.pixels, image_of(tmp_path / "a.png", channels=1).pixels)
    assert found.pixels.shape == (1, 7, 5)


def test_palettes_one_bit_and_deep_pictures_of_pillow():
    bits = image_of(PIL.Image.fromarray(GREY > 100))
    assert torch.equal(bits.pixels[0] == 1, torch.from_numpy(GREY > 100))
    few = PIL.Image.fromarray(COLOUR // 128 * 255)
    wanted = shares(COLOUR // 128 * 255, 255)
    torch.testing.assert_close(image_of(few.quantize(8)).pixels, wanted)
    deep = PIL.Image.fromarray(TWELVE)
    with pytest.raises(ImageError, match="which value is white with white=VALUE"):
        image_of(deep)
    torch.testing.assert_close(image_of(deep, white=4095).pixels, shares(TWELVE, 4095))
    floats = PIL.Image.fromarray(GREY.astype(np.float32) / 255)
    torch.testing.assert_close(image_of(floats).pixels, shares(GREY, 255))


def test_white_is_heeded_for_every_type():
    for values in (GREY, GREY.astype(np.int64), GREY.astype(np.float64), GREY.astype(np.uint16)):
        torch.testing.assert_close(image_of(values, white=255).pixels, shares(GREY, 255))
    few = (GREY > 100).astype(np.uint8)
    torch.testing.assert_close(image_of(few, white=1).pixels, shares(few, 1))
    torch.testing.assert_close(image_of(few, white=255).pixels, shares(few, 255))


def rgba(alpha):
    return PIL.Image.fromarray(np.dstack([COLOUR, np.full((5, 7), alpha, np.uint8)]))


def test_an_opaque_alpha_is_dropped():
    torch.testing.assert_close(image_of(rgba(255)).pixels, shares(COLOUR, 255))


def several(tmp_path):
    frames = [PIL.Image.fromarray(np.full((8, 8), 80 * i, dtype=np.uint8)) for i in range(3)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    return PIL.Image.open(tmp_path / "a.tif")


REFUSED = {
    "see-through": (rgba(254), None, "partly transparent"),
    "other colours": (PIL.Image.new("LAB", (4, 4)), None, "colour mode LAB"),
    "RGBA array": (np.zeros((5, 7, 4), np.uint8), None, "red, green, blue and alpha"),
    "two channels": (np.zeros((5, 7, 2), np.uint8), None, r"neither 1 nor 3 channels\.$"),
    "batch": (torch.rand(2, 3, 8, 8), None, r"a batch of 2; give one of them, as in images\[0\]"),
    "normalised": (torch.full((3, 4, 4), -0.5), None, "as they are before normalisation"),
    "bytes as floats": (np.full((4, 4), 200.0), None, "what is white with white=VALUE"),
    "whole numbers": (np.full((4, 4), 200), None, "int64 has no known range; say .* white=VALUE"),
    "zeros and ones": ((GREY > 9).astype(np.uint8), None, "say white=1 if 1 is white"),
    "dark": (TWELVE, None, 'white with white=VALUE, or white="file" if it is so dark'),
    "above": (TWELVE, 255, "above the 255 that was declared white; give a higher white"),
    "NaN": (torch.full((3, 4, 4), torch.nan), None, "NaN"),
    "complex": (np.zeros((4, 4), complex), None, "complex128 has no known range"),
    "texts": (np.array([["a"]]), None, "no known range"),
    "an Image": (Image(torch.zeros(1, 4, 4)), 255, "white belongs to a file or an array"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_clear_is_refused_with_what_to_say(kind):
    value, white, words = REFUSED[kind]
    with pytest.raises(ImageError, match=words):
        image_of(value, white=white)


def test_several_frames_are_refused(tmp_path):
    with several(tmp_path) as picture, pytest.raises(ImageError, match="has 3 frames"):
        image_of(picture)


@pytest.mark.parametrize("white", [0, -1, True, float("nan")])
def test_a_white_that_is_none_is_refused(white):
    with pytest.raises(ConfigError, match="grey value above 0"):
        image_of(GREY, white=white)
