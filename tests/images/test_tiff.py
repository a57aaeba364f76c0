"""TIFFs that Pillow misreads or does not know: read as they are, or called what they are."""

import io
import json

import numpy as np
import PIL.Image
import pytest
import tifffile
import torch

from images.bytes_of import encoded, noise, page, tiff
from med_cam.errors import ImageError
from med_cam.images.decode import TURNS
from med_cam.images.read import read_image

RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 65536, (5, 7), dtype=np.uint16)
GREY = RANDOM.integers(0, 256, (5, 7), dtype=np.uint8)
FLOATS = RANDOM.random((5, 7))


def read(tmp_path, content, **options):
    path = tmp_path / "x.tif"
    path.write_bytes(content)
    return read_image(path, channels=1, **options)


def refusal(tmp_path, content):
    with pytest.raises(ImageError) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(values, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("values", "white"),
    [
        (GREY, 255), (DEEP, 65535), (GREY.astype(np.int8) & 127, 127),
        ((DEEP >> 1).astype(np.int16), 32767), (DEEP.astype(np.uint32) << 16, 2**32 - 1),
        (FLOATS.astype(np.float16), 1), (FLOATS.astype(np.float32), 1), (FLOATS, 1),
    ],
    ids=["u8", "u16", "i8", "i16", "u32", "f16", "f32", "f64"],
)  # fmt: skip
def test_every_type_of_value_is_read(tmp_path, values, white, big, order):
    found = read(tmp_path, tiff(page(values, order=order), big=big, order=order))
    wanted = torch.tensor([[float(v) / white for v in row] for row in values.tolist()])
    torch.testing.assert_close(found.pixels[0], wanted, atol=1e-6, rtol=0)
    assert found.notes == ()


def test_negative_bytes_are_not_white(tmp_path):
    values = np.array([[-5, 100]], dtype=np.int8)
    assert "holds values from -5 to 100; scale them to [0, 127]" in refusal(
        tmp_path, tiff(page(values))
    )


@pytest.mark.parametrize("compression", ["zlib", None])
def test_compressed_doubles_are_read(tmp_path, compression):
    found = read(tmp_path, written(FLOATS, compression=compression))
    torch.testing.assert_close(
        found.pixels[0].double(), torch.from_numpy(FLOATS), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colour_of_sixteen_bits_is_read_whole_where_white_is_declared(tmp_path, planar):
    values = RANDOM.integers(0, 4096, (5, 7, 3), dtype=np.uint16)
    stored = values if planar == "contig" else np.moveaxis(values, 2, 0)
    path = tmp_path / "x.tif"
    path.write_bytes(written(stored, photometric="rgb", planarconfig=planar))
    found = read_image(path, white=4095).pixels
    wanted = torch.from_numpy(values.astype(np.float32) / 4095).permute(2, 0, 1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_picture_is_turned_as_pillow_turns_it(tmp_path, orientation):
    doubled = (GREY // 2).astype(np.int8)
    found = read(tmp_path, tiff(page(doubled, t274=("H", orientation))))
    plain = read(tmp_path, tiff(page(GREY // 2, t274=("H", orientation))))
    torch.testing.assert_close(found.pixels * 127, plain.pixels * 255)
    assert orientation in TURNS


IMAGEJ = b"ImageJ=1.54f\nimages=%d\nslices=%d\nloop=false\n"
OME = (
    b'<?xml version="1.0"?><OME><Image><Pixels SizeX="7" SizeY="5" SizeZ="3" SizeC="1" '
    b'SizeT="2"/></Image></OME>'
)


@pytest.mark.parametrize(
    ("described", "more", "planes"),
    [
        (IMAGEJ % (5, 5), {}, 5),
        (b"ImageJ=1.54f\nchannels=2\nslices=3\n", {}, 6),
        (json.dumps({"shape": [4, 5, 7]}).encode(), {}, 4),
        (OME, {}, 6),
        (b"", {"t33629": ("I", (0,) * 18)}, 18),
        (b"", {"t32997": ("I", 9)}, 9),
    ],
    ids=["imagej", "imagej channels", "tifffile", "ome", "metamorph", "depth"],
)
def test_planes_behind_one_page_are_counted(tmp_path, described, more, planes):
    content = tiff(page(GREY, described=described, **more)) + GREY.tobytes() * planes
    assert f"has {planes} frames; save the one to explain by itself" in refusal(tmp_path, content)


def test_a_stack_of_one_plane_is_an_image(tmp_path):
    for described in (IMAGEJ % (1, 1), json.dumps({"shape": [5, 7]}).encode()):
        found = read(tmp_path, tiff(page(GREY, described=described)))
        assert found.pixels.shape == (1, 5, 7)


def test_pages_are_counted_and_reduced_copies_are_not(tmp_path):
    small = page(GREY[:2, :3], t254=("I", 1))
    found = read(tmp_path, tiff(page(GREY), small, page(GREY, t254=("I", 4))))
    assert found.notes == ()  # strips with a preview are no pyramid: slides have tiles
    torch.testing.assert_close(found.pixels[0] * 255, torch.from_numpy(GREY).float())
    assert "has 2 frames" in refusal(tmp_path, tiff(page(GREY), page(GREY), small))


@pytest.mark.parametrize(
    ("described", "more", "vendor"),
    [
        (b"Aperio Image Library v12\n7x5", {}, "Aperio"),
        (b"", {"t65420": ("I", 1)}, "Hamamatsu"),
    ],
)
def test_whole_slides_are_called_so(tmp_path, described, more, vendor):
    sentence = refusal(tmp_path, tiff(page(GREY, described=described, **more), page(GREY)))
    assert f"is a whole-slide image ({vendor})" in sentence


def test_a_compression_that_is_not_read_is_named(tmp_path):
    for number, name in ((34712, "JPEG 2000"), (50002, "JPEG XL"), (33003, "JPEG 2000")):
        content = tiff(page(GREY, t259=("H", number)))
        sentence = refusal(tmp_path, content)
        assert f"a TIFF of unsigned 8-bit values with {name} compression" in sentence
        assert "damaged" not in sentence


@pytest.mark.parametrize(
    ("format_", "options"),
    [
        ("TIFF", {"compression": c})
        for c in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "raw")
    ],
)
def test_whole_files_of_every_compression_raise_nothing(tmp_path, format_, options):
    for mode in ("L", "RGB"):
        found = read(tmp_path, encoded(noise(), format_, mode, **options))
        assert found.notes == ()
    if options["compression"] != "jpeg":
        found = read(tmp_path, encoded(PIL.Image.fromarray(DEEP), format_, **options))
        assert found.notes == ()


@pytest.mark.parametrize("below", [True, False], ids=["SubIFDs", "pages"])
def test_a_pyramid_is_never_shrunk_without_a_word(tmp_path, below):
    """As OME-TIFF has its levels (below the page), and as scanners do (pages marked reduced)."""
    full = RANDOM.integers(0, 256, (64, 96), dtype=np.uint8)
    options = {"tile": (16, 16), "photometric": "minisblack"}
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(full, subifds=2 if below else None, metadata=None, **options)
        for step in (2, 4):
            file.write(full[::step, ::step], subfiletype=1, metadata=None, **options)
    found = read(tmp_path, buffer.getvalue())
    assert (found.pixels[0] * 255).round().numpy().astype(np.uint8).tolist() == full.tolist()
    assert [note for note in found.notes if "pyramid of 3 levels" in note and "96 x 64" in note]


@pytest.mark.parametrize("side", [2048, 2064])
def test_a_pyramid_is_read_whole_up_to_2048_pixels(tmp_path, side):
    plain = {"tile": (16, 1024), "photometric": "minisblack", "metadata": None}
    plain["compression"] = "zlib"
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(np.zeros((16, side), np.uint8), **plain)
        file.write(np.zeros((8, side // 2), np.uint8), subfiletype=1, **plain)
    if side <= 2048:
        (note,) = read(tmp_path, buffer.getvalue()).notes
        assert "pyramid of 2 levels" in note
    else:
        said = refusal(tmp_path, buffer.getvalue())
        assert "is a pyramid of 2 levels (2,064 x 16 pixels), which is not read whole" in said
        assert "--region X,Y,W,H --mpp M" in said
        assert "--tiles" in said


def test_a_tiled_picture_without_levels_is_no_pyramid(tmp_path):
    assert read(tmp_path, written(np.tile(GREY, (9, 9)), tile=(16, 16))).notes == ()
