"""Each kind of file gives the values it was written with."""

import hashlib
import tracemalloc

import numpy as np
import PIL.Image
import pytest
import torch

from images.small_files import COLOUR, DEEP, GREY, RANDOM, png, refusal, saved, tiff, unit
from med_cam.images.channels import with_channels
from med_cam.images.read import read_image

ORIENTATION = 0x0112


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "webp"])
def test_eight_bit_colour_is_read_exactly(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path / f"x.{suffix}", COLOUR, **options)
    image = read_image(path)
    torch.testing.assert_close(image.pixels, unit(COLOUR), atol=0, rtol=1e-7)
    assert image.path == str(path)
    assert image.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_eight_bit_grey_is_read_exactly_and_repeated(tmp_path, suffix):
    path = saved(tmp_path / f"x.{suffix}", GREY)
    torch.testing.assert_close(
        read_image(path, channels=1).pixels, unit(GREY), atol=1e-6, rtol=1e-6
    )
    torch.testing.assert_close(
        read_image(path).pixels, unit(GREY).expand(3, -1, -1), atol=1e-7, rtol=0
    )


def test_jpeg_is_read_up_to_its_losses(tmp_path):
    smooth = np.linspace(0, 255, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    path = saved(tmp_path / "x.jpg", smooth, quality=95)
    assert (read_image(path).pixels - unit(smooth)).abs().mean() < 0.02


def test_grey_of_colour_is_rec_601(tmp_path):
    path = saved(tmp_path / "x.png", COLOUR)
    r, g, b = unit(COLOUR)
    expected = (0.299 * r + 0.587 * g + 0.114 * b)[None]
    torch.testing.assert_close(read_image(path, channels=1).pixels, expected)
    by_pillow = np.asarray(PIL.Image.fromarray(COLOUR).convert("L"), dtype=np.float32)
    assert np.abs(expected[0].numpy() * 255 - by_pillow).max() <= 0.51


def test_white_stays_white_in_grey():
    assert with_channels(torch.ones(3, 2, 2), 1).max() <= 1


@pytest.mark.parametrize("order", ["<u2", ">u2"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_grey_keeps_all_its_bits(tmp_path, suffix, order):
    mode = {"<u2": "I;16", ">u2": "I;16B"}[order]
    picture = PIL.Image.frombytes(mode, (7, 5), DEEP.astype(order).tobytes())
    path = saved(tmp_path / f"x.{suffix}", picture)
    torch.testing.assert_close(read_image(path, channels=1).pixels, unit(DEEP, 65535))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate"])
def test_compressed_sixteen_bit_tiff_is_read(tmp_path, compression):
    path = saved(tmp_path / "x.tif", DEEP, compression=compression)
    torch.testing.assert_close(read_image(path, channels=1).pixels, unit(DEEP, 65535))


def test_sixteen_bit_colour_png_keeps_its_upper_eight_bits(tmp_path):
    deep = RANDOM.integers(0, 65536, (5, 7, 3), dtype=np.uint16)
    path = tmp_path / "x.png"
    path.write_bytes(png(deep, kind=2, bits=16))
    torch.testing.assert_close(read_image(path).pixels, unit(deep >> 8))
    assert (read_image(path).pixels - unit(deep, 65535)).abs().max() <= 1 / 255


def test_twelve_bit_tiff_is_scaled_by_its_own_white(tmp_path):
    values = RANDOM.integers(0, 4096, (4, 6), dtype=np.uint16)
    bits = "".join(f"{value:012b}" for value in values.ravel())
    packed = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    path = tmp_path / "x.tif"
    path.write_bytes(tiff(values, bits=12, packed=packed))
    torch.testing.assert_close(read_image(path, channels=1).pixels, unit(values, 4095))


@pytest.mark.parametrize(
    ("values", "bits", "white"),
    [(GREY, 8, 255), (DEEP, 16, 65535)],
)
def test_tiff_whose_zero_is_white_is_turned_round(tmp_path, values, bits, white):
    path = tmp_path / "x.tif"
    path.write_bytes(tiff(values, photometric=0, bits=bits))
    torch.testing.assert_close(
        read_image(path, channels=1).pixels, 1 - unit(values, white), atol=1e-6, rtol=0
    )


def test_whole_numbers_of_32_bits_need_a_white(tmp_path):
    path = saved(tmp_path / "x.tif", DEEP.astype(np.int32))
    assert "of the 2147483647 that signed 32-bit values reach" in refusal(path)
    found = read_image(path, channels=1, white=65535)
    torch.testing.assert_close(found.pixels, unit(DEEP, 65535))
    beyond = saved(tmp_path / "y.tif", np.array([[-5, 70000]], dtype=np.int32))
    assert "from -5 to 70000; scale them to [0, 2147483647]" in refusal(beyond)


def test_floats_are_taken_in_their_range_only(tmp_path):
    values = RANDOM.random((5, 7), dtype=np.float32)
    path = saved(tmp_path / "x.tif", values)
    torch.testing.assert_close(read_image(path, channels=1).pixels, torch.from_numpy(values)[None])
    assert "from 0 to 255" in refusal(saved(tmp_path / "y.tif", np.float32([[0, 255]])))
    assert "NaN" in refusal(saved(tmp_path / "z.tif", np.float32([[0, np.nan]])))


def test_one_bit_and_palettes_are_read(tmp_path):
    bits = saved(tmp_path / "x.png", (GREY > 127).astype(np.uint8) * 255, "1")
    torch.testing.assert_close(read_image(bits, channels=1).pixels, (unit(GREY) > 0.5).float())
    few = COLOUR // 128 * 255
    palette = saved(tmp_path / "y.png", PIL.Image.fromarray(few).quantize(8))
    torch.testing.assert_close(read_image(palette).pixels, unit(few))


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_becomes_rgb(tmp_path, suffix):
    red = np.zeros((16, 16, 4), dtype=np.uint8)
    red[..., 1:3] = 255  # full magenta and yellow ink
    options = {"quality": 95} if suffix == "jpg" else {}
    path = saved(tmp_path / f"x.{suffix}", PIL.Image.fromarray(red, "CMYK"), **options)
    with PIL.Image.open(path) as picture:
        assert picture.mode == "CMYK"
    mean = read_image(path).pixels.mean(dim=(1, 2))
    torch.testing.assert_close(mean, torch.tensor([1.0, 0.0, 0.0]), atol=0.03, rtol=0)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_opaque_alpha_is_dropped_and_any_other_refused(tmp_path, suffix):
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    alpha = np.full((5, 7, 1), 255, dtype=np.uint8)
    opaque = saved(tmp_path / f"x.{suffix}", np.concatenate([COLOUR, alpha], axis=2), **options)
    torch.testing.assert_close(read_image(opaque).pixels, unit(COLOUR))
    alpha[2, 3] = 254
    clear = saved(tmp_path / f"y.{suffix}", np.concatenate([COLOUR, alpha], axis=2), **options)
    assert "has 4 channels, the last of them partly transparent" in refusal(clear)


def test_grey_with_alpha_is_treated_alike(tmp_path):
    opaque = PIL.Image.fromarray(GREY).convert("LA")
    path = saved(tmp_path / "x.png", opaque)
    torch.testing.assert_close(read_image(path, channels=1).pixels, unit(GREY))
    opaque.putpixel((0, 0), (9, 0))
    assert "has 2 channels" in refusal(saved(tmp_path / "y.png", opaque))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(tmp_path, suffix, orientation):
    """Dark in the stored picture's top left quarter; where it must lie is in the EXIF standard."""
    stored = np.full((32, 64), 255, dtype=np.uint8)
    stored[:16, :32] = 0
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    path = saved(tmp_path / f"x.{suffix}", stored, exif=exif)
    pixels = read_image(path, channels=1).pixels[0]
    assert pixels.shape == ((32, 64) if orientation < 5 else (64, 32))
    h, w = (side // 2 for side in pixels.shape)
    top, left = {1: (1, 1), 2: (1, 0), 3: (0, 0), 4: (0, 1), 5: (1, 1), 6: (1, 0), 7: (0, 0),
                 8: (0, 1)}[orientation]  # fmt: skip
    quarter = pixels[:h] if top else pixels[h:]
    quarter = quarter[:, :w] if left else quarter[:, w:]
    assert quarter.mean() < 0.05
    assert pixels.mean() == pytest.approx(0.75, abs=0.02)


def test_sixteen_bit_pictures_are_turned_too(tmp_path):
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6  # to be turned clockwise by a quarter
    path = saved(tmp_path / "x.png", DEEP, exif=exif)
    expected = unit(np.rot90(DEEP, -1), 65535)
    torch.testing.assert_close(read_image(path, channels=1).pixels, expected)


def test_a_camera_jpeg_with_a_preview_gives_its_main_picture(tmp_path):
    main, preview = PIL.Image.new("L", (16, 16), 200), PIL.Image.new("L", (8, 8), 0)
    path = tmp_path / "x.jpg"
    main.save(path, format="MPO", save_all=True, append_images=[preview])
    with PIL.Image.open(path) as picture:
        assert picture.n_frames == 2
    assert read_image(path).pixels.shape == (3, 16, 16)
    assert read_image(path).pixels.mean() == pytest.approx(200 / 255, abs=0.01)


def test_a_file_is_known_by_its_content(tmp_path):
    path = saved(tmp_path / "really_a_png.jpg", COLOUR, format="PNG")
    torch.testing.assert_close(read_image(path).pixels, unit(COLOUR))


def test_a_small_file_takes_little_memory(tmp_path):
    """Where memory is limited to less than the budget of one image, images are read too."""
    path = tmp_path / "small.png"
    PIL.Image.new("L", (8, 8)).save(path)
    read_image(path)  # what is imported now is not counted
    tracemalloc.start()
    try:
        read_image(path)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**24
