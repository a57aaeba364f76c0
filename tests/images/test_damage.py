"""Damage is refused where it can be known, and only there."""

import random
import struct

import numpy as np
import PIL.Image
import pytest

from images.bytes_of import encoded, noise
from med_cam.errors import ImageError
from med_cam.images.damage import faults_in
from med_cam.images.jpeg import SCANS, jpeg_faults
from med_cam.images.lzw import BadStreamError, length
from med_cam.images.read import read_image

WHOLE = noise(70, 90)
JPEGS = {
    "plain": {},
    "best": {"quality": 95, "subsampling": 0},
    "4:2:2": {"subsampling": 1, "optimize": True},
    "grey": {"mode": "L"},
    "cmyk": {"mode": "CMYK"},
    "restarts": {"restart_marker_blocks": 3},
    "progressive": {"progressive": True},
    "of one pixel": {"size": (1, 1)},
    "large": {"size": (700, 900), "quality": 97},
}


def jpeg(size=(70, 90), **options):
    values = noise(*size) if size != (1, 1) else WHOLE[:1, :1]
    if size == (700, 900):  # so much detail that it takes several windows
        values = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    return encoded(values, "JPEG", **options)


def read(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    return read_image(tmp_path / "x")


def noticed(content, format_, *, seed=0, tries=60):
    """Of one changed bit at a time, in how many of the tries something is said."""
    chosen, found = random.Random(seed), 0
    for _ in range(tries):
        changed = bytearray(content)
        changed[chosen.randrange(len(changed))] ^= 1 << chosen.randrange(8)
        try:
            found += bool(faults_in(bytes(changed), format_, "x"))
        except ImageError:
            found += 1
    return found


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_whole_jpegs_raise_nothing(options):
    assert jpeg_faults(jpeg(**options), "x") == ()


@pytest.mark.parametrize("kind", ["plain", "grey", "restarts", "4:2:2"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_jpeg_cut_short_that_ends_properly_is_refused(tmp_path, kind, share):
    content = jpeg(**JPEGS[kind])
    begin = content.index(b"\xff\xda")
    cut = begin + int((len(content) - begin) * share)
    with pytest.raises(ImageError, match="damaged or incomplete"):
        read(tmp_path, content[:cut].rstrip(b"\xff") + b"\xff\xd9")


def test_data_left_over_are_a_note_and_the_image_is_read(tmp_path):
    content = jpeg()
    found = read(tmp_path, content[:-2] + bytes(9) + b"\xff\xd9")
    assert found.notes == (
        "the image's file may be damaged: its compressed data have 9 bytes more than its pixels "
        "need",
    )


def test_a_missing_restart_interval_is_refused():
    content = jpeg(restart_marker_blocks=3)
    first, second = content.index(b"\xff\xd1"), content.index(b"\xff\xd2")
    with pytest.raises(ImageError, match="missing"):
        jpeg_faults(content[:first] + content[second:], "x")


def test_so_many_scans_are_refused():
    content = jpeg(progressive=True)
    begin = content.index(b"\xff\xda")
    end = content.index(b"\xff", begin + 2)
    while content[end + 1] == 0:
        end = content.index(b"\xff", end + 2)
    many = content[:begin] + content[begin:end] * (SCANS + 1) + content[end:]
    with pytest.raises(ImageError, match=f"more than {SCANS} scans"):
        jpeg_faults(many, "x")


def test_every_changed_bit_of_a_png_is_noticed():
    content = encoded(WHOLE, "PNG")
    assert noticed(content[8:], None) == 0
    for _ in range(1):
        chosen = random.Random(1)
        for _ in range(80):
            changed = bytearray(content)
            changed[chosen.randrange(8, len(changed))] ^= 1 << chosen.randrange(8)
            with pytest.raises(ImageError):
                faults_in(bytes(changed), "PNG", "x")


def test_changed_bits_of_compressed_data_are_noticed_as_far_as_they_can_be():
    assert noticed(encoded(WHOLE, "JPEG", "L"), "JPEG") >= 9
    assert noticed(encoded(WHOLE, "GIF"), "GIF") >= 25


@pytest.mark.parametrize(("compression", "least"), [("tiff_lzw", 12), ("tiff_deflate", 55)])
def test_changed_bits_of_compressed_tiffs_are_noticed(tmp_path, compression, least):
    content = encoded(noise(40, 50), "TIFF", compression=compression)
    chosen, found, tries = random.Random(0), 0, 60
    for _ in range(tries):
        changed = bytearray(content)
        changed[chosen.randrange(8, len(content) - 400)] ^= 1 << chosen.randrange(8)
        try:
            found += bool(read(tmp_path, bytes(changed)).notes)
        except ImageError:
            found += 1
    assert found >= least


def lzw(values, most_first=True):
    """A plain encoder: every value by itself, a clear code so often that codes keep 9 bits."""
    codes = []
    for i, value in enumerate(values):
        codes += [256] * (i % 200 == 0) + [value]
    codes.append(257)
    if most_first:
        bits = "".join(f"{code:09b}" for code in codes)
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    number = sum(code << 9 * i for i, code in enumerate(codes))
    return number.to_bytes(-(-9 * len(codes) // 8), "little")


@pytest.mark.parametrize("most_first", [True, False])
def test_lengths_of_lzw_are_those_of_a_plain_encoder(most_first):
    for count in (0, 1, 199, 200, 201, 1000):
        stream = lzw([i % 251 for i in range(count)], most_first=most_first)
        assert length(stream, most_first=most_first, most=10_000) == count
    assert length(stream, most_first=most_first, most=50) > 50


def test_lzw_without_an_end_or_of_unknown_codes_is_refused():
    with pytest.raises(BadStreamError, match="ends before"):
        length(lzw([1, 2, 3])[:2], most=10)
    with pytest.raises(BadStreamError, match="not in its table"):
        length(bytes([0x80, 0x7F, 0xFF, 0xFF]), most=10)  # 256, 511


def test_lengths_of_lzw_are_those_of_whole_files(tmp_path):
    for seed in range(4):
        for mode in ("L", "P", "1"):
            picture = PIL.Image.fromarray(noise(60, 83, seed=seed)).convert(mode)
            for format_, options in (("GIF", {}), ("TIFF", {"compression": "tiff_lzw"})):
                assert read(tmp_path, encoded(picture, format_, **options)).notes == ()


def test_a_webp_shorter_than_it_says_is_refused():
    content = encoded(WHOLE, "WEBP")
    with pytest.raises(ImageError, match="shorter than its header says"):
        faults_in(content[:-9], "WEBP", "x")


def test_what_pillow_warns_of_is_a_note(tmp_path):
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x9C9B, 1, 2**30, 8)
    content = encoded(WHOLE, "JPEG", exif=exif)
    found = read(tmp_path, content)
    assert any(note.startswith("the image's decoder warns: ") for note in found.notes)
