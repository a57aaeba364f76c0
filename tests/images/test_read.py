"""Each kind of file gives the values it was written with; each bad one gives one sentence."""

import hashlib
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from med_cam.errors import ConfigError, ImageError
from med_cam.images.channels import with_channels
from med_cam.images.from_array import image_from_array
from med_cam.images.read import read_image

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (5, 7), dtype=np.uint16)
ORIENTATION = 0x0112


def unit(values, white=255):
    """Slowly: one value after the other."""
    planes = values[..., None] if values.ndim == 2 else values
    h, w, c = planes.shape
    rows = [
        [[float(planes[y, x, k]) / white for x in range(w)] for y in range(h)] for k in range(c)
    ]
    return torch.tensor(rows, dtype=torch.float32)


def saved(path, values, mode=None, **options):
    picture = PIL.Image.fromarray(values) if isinstance(values, np.ndarray) else values
    (picture.convert(mode) if mode else picture).save(path, **options)
    return path


def refusal(path, **options):
    """The one sentence that a bad file is refused with."""
    with pytest.raises(ImageError) as caught:
        read_image(path, **options)
    sentence = str(caught.value)
    assert str(path) in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "BytesIO" not in sentence
    return sentence


def tiff(values, *, photometric=1, bits=16, sample_format=1, samples=1, extra=None, packed=None):
    """A little-endian, uncompressed TIFF, written by hand from the specification."""
    content = values.astype(values.dtype.newbyteorder("<")).tobytes() if packed is None else packed
    h, w = values.shape[:2]
    tags = [
        (256, 4, w), (257, 4, h), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, samples), (278, 4, h), (279, 4, len(content)),
        *([(338, 3, extra)] if extra is not None else []),
        *([(339, 3, sample_format)] if samples == 1 else []),
    ]  # fmt: skip
    many = 8 + len(content) + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHI", number, kind, samples if number == 258 else 1)
        + (struct.pack("<I", many) if number == 258 and samples > 2 else struct.pack("<I", value))
        for number, kind, value in tags
    )
    tail = struct.pack(f"<{samples}H", *[bits] * samples) if samples > 2 else b""
    head = b"II*\0" + struct.pack("<I", 8 + len(content))
    return head + content + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0" + tail


def png(values, *, kind, bits, extra=b""):
    """A PNG of any depth, written by hand from the specification."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    h, w = values.shape[:2]
    lines = b"".join(b"\0" + row.astype(row.dtype.newbyteorder(">")).tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, bits, kind, 0, 0, 0))
    body = extra and chunk(b"tRNS", extra)
    end = chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body + end


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


def test_signed_sixteen_bits_are_refused_below_zero(tmp_path):
    path = tmp_path / "ct.tif"
    path.write_bytes(tiff(np.array([[-1000, 400]], dtype=np.int16), sample_format=2))
    assert "from -1000 to 400" in refusal(path)


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


@pytest.mark.parametrize(
    ("values", "kind", "bits", "key"),
    [
        (GREY, 0, 8, struct.pack(">H", GREY[1, 1])),
        (DEEP, 0, 16, struct.pack(">H", DEEP[1, 1])),
        (COLOUR, 2, 8, struct.pack(">HHH", *COLOUR[1, 1])),
    ],
)
def test_a_colour_declared_transparent_is_refused_if_it_occurs(tmp_path, values, kind, bits, key):
    path = tmp_path / "x.png"
    path.write_bytes(png(values, kind=kind, bits=bits, extra=key))
    assert "transparent" in refusal(path)
    absent = next(bytes([0, v]) for v in range(256) if v not in values) * (len(key) // 2)
    path.write_bytes(png(values, kind=kind, bits=bits, extra=absent))
    assert read_image(path).pixels.shape == (3, 5, 7)


def test_a_transparent_palette_is_refused_without_a_warning(tmp_path):
    palette = PIL.Image.fromarray(COLOUR // 128 * 255).quantize(8)
    path = saved(tmp_path / "x.png", palette, transparency=bytes([0, 10, 200, 255]))
    assert "transparent" in refusal(path)
    assert "transparent" in refusal(saved(tmp_path / "x.gif", palette, transparency=0))


def test_a_fourth_channel_without_meaning_is_refused(tmp_path):
    path = tmp_path / "x.tif"
    four = np.zeros((5, 7, 4), dtype=np.uint8)
    path.write_bytes(tiff(four, photometric=2, bits=8, samples=4, extra=0))
    assert "has 4 channels; save it as grey or RGB" in refusal(path)


def test_lab_is_refused_by_name(tmp_path):
    path = saved(tmp_path / "x.tif", PIL.Image.new("LAB", (4, 4)))
    assert "colour mode LAB" in refusal(path)


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


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_animations_and_pages_are_counted_and_refused(tmp_path, suffix):
    pages = [PIL.Image.fromarray(np.full((8, 8, 3), 80 * i, dtype=np.uint8)) for i in range(3)]
    path = tmp_path / f"x.{suffix}"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    assert "has 3 frames" in refusal(path)


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


def test_what_is_no_file_is_refused(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.png")
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be opened" in refusal(tmp_path / ("x" * 5000))
    assert "cannot be opened" in refusal(Path(f"{tmp_path}/\0.png"))


def test_what_is_no_image_is_refused(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(b"")
    assert "is empty (0 bytes)" in refusal(path)
    path.write_text("This is a text.\n" * 50)
    assert "is a text, which is not read" in refusal(path)
    path.write_bytes(bytes(range(200, 256)) * 9)
    assert "is none of PNG, JPEG, TIFF, BMP, WEBP, GIF" in refusal(path)
    path.write_bytes(bytes(128) + b"DICM" + bytes(400))
    assert "is a DICOM file" in refusal(path)
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert "is a PostScript file" in refusal(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_files_cut_short_are_refused(tmp_path, suffix, share):
    noise = RANDOM.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    path = saved(tmp_path / f"x.{suffix}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refusal(path)


def test_an_image_beyond_the_budget_is_refused(tmp_path):
    path = saved(tmp_path / "x.png", np.zeros((30, 30), dtype=np.uint8))
    assert read_image(path, budget=40_000).pixels.shape == (3, 30, 30)
    sentence = refusal(path, budget=30_000)
    assert "30 x 30 take about" in sentence
    assert "cut out the part to explain" in sentence


WHOLE = {}


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    suffix=st.sampled_from(["png", "jpg", "tif", "bmp", "webp", "gif"]),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
)
def test_damage_gives_an_image_or_an_image_error(tmp_path, suffix, changes):
    path = tmp_path / f"x.{suffix}"
    if suffix not in WHOLE:
        WHOLE[suffix] = saved(path, COLOUR).read_bytes()
    content = bytearray(WHOLE[suffix])
    for place, value in changes:
        content[int(place * place * len(content))] = value  # mostly near the header
    path.write_bytes(content)
    try:
        pixels = read_image(path).pixels
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert pixels.min() >= 0
        assert pixels.max() <= 1


@pytest.mark.parametrize("channels", [0, 2, 4])
def test_other_numbers_of_channels_are_refused(tmp_path, channels):
    path = saved(tmp_path / "x.png", GREY)
    with pytest.raises(ConfigError, match=f"channels is {channels}"):
        read_image(path, channels=channels)


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("values", "white"),
    [(GREY, 255), (DEEP, 65535), (GREY.astype(np.float64) / 255, 1), (GREY > 127, 1)],
)
def test_arrays_are_scaled_by_their_type(kind, values, white):
    image = image_from_array(kind(values))
    torch.testing.assert_close(image.pixels, unit(values, white))
    assert (image.path, image.sha256) == ("", "")


def test_channels_may_be_first_or_last():
    expected = unit(COLOUR)
    torch.testing.assert_close(image_from_array(COLOUR).pixels, expected)
    torch.testing.assert_close(image_from_array(np.moveaxis(COLOUR, 2, 0)).pixels, expected)
    narrow = COLOUR[:3]  # 3 7 3: last in an array, first in a tensor
    torch.testing.assert_close(image_from_array(narrow).pixels, unit(narrow))
    as_tensor = torch.from_numpy(np.moveaxis(narrow, 2, 0).copy())  # 3 3 7
    torch.testing.assert_close(image_from_array(as_tensor).pixels, unit(narrow))
    both = torch.from_numpy(COLOUR[:3, :, :].copy())
    torch.testing.assert_close(image_from_array(both).pixels[0], both[0] / 255)


def test_arrays_of_odd_layout_and_number_are_read():
    torch.testing.assert_close(image_from_array(GREY[::-1, ::2]).pixels, unit(GREY[::-1, ::2]))
    swapped = image_from_array(DEEP.astype(">u2"))
    torch.testing.assert_close(swapped.pixels, unit(DEEP, 65535))
    half = torch.tensor([[0.5, 0.25]], dtype=torch.bfloat16, requires_grad=True)
    torch.testing.assert_close(image_from_array(half).pixels, torch.tensor([[[0.5, 0.25]]]))
    assert image_from_array(GREY, channels=3).pixels.shape == (3, 5, 7)
    assert image_from_array(COLOUR, channels=1).pixels.shape == (1, 5, 7)


def test_an_image_keeps_no_hold_of_its_array():
    values = np.zeros((4, 4), dtype=np.float32)
    image = image_from_array(values)
    values[:] = 1
    assert image.pixels.max() == 0


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.zeros((5, 7, 4), np.uint8), r"\(5, 7, 4\) has neither 1 nor 3 channels"),
        (np.zeros((2, 3, 5, 7), np.uint8), r"\(2, 3, 5, 7\) is no image"),
        (np.zeros((0, 7), np.uint8), r"\(0, 7\) is no image"),
        (np.zeros((5, 7), np.int64), "int64 has no known range"),
        (np.zeros((5, 7), np.complex64), "complex64 has no known range"),
        (np.full((5, 7), 1.5), r"from 1.5 to 1.5; scale them to \[0, 1\]"),
        (np.full((5, 7), -0.1), "from -0.1"),
        (np.full((5, 7), np.nan), "NaN"),
        (torch.full((5, 7), torch.inf), "infinite"),
    ],
)
def test_arrays_without_meaning_are_refused(array, sentence):
    with pytest.raises(ImageError, match=sentence):
        image_from_array(array)


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
