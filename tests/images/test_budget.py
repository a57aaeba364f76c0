"""What would take too much memory is refused before it is decoded."""

import os
import socket
import struct
import subprocess
import sys

import numpy as np
import pytest

from images.bytes_of import encoded, noise, page, png, png_chunk, tiff
from med_cam.errors import ImageError
from med_cam.images.budget import BUDGET, PER_PIXEL, refuse_beyond
from med_cam.images.read import read_image

PEAK = """
import resource, sys
from pathlib import Path
from med_cam.errors import ImageError
from med_cam.images.read import read_image
read_image(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    image = read_image(Path(sys.argv[2]), budget=int(sys.argv[3]))
except ImageError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def peak(tmp_path, content, budget=BUDGET):
    """Bytes that reading a file takes at the highest beyond a tiny one, and what was said."""
    (tmp_path / "tiny").write_bytes(encoded(noise(), "PNG"))
    (tmp_path / "tested").write_bytes(content)
    words = [sys.executable, "-c", PEAK, tmp_path / "tiny", tmp_path / "tested", str(budget)]
    *said, number = subprocess.run(
        words, capture_output=True, text=True, check=True, env=os.environ
    ).stdout.splitlines()
    return int(number), " ".join(said)


def gif_header(height, width):
    """A GIF that says it is so large, and has one small picture."""
    small = encoded(noise(8, 8), "GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def bmp(height, width):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


HUGE = np.zeros((1, 1), dtype=np.uint8)
BOMBS = {
    "narrow png": lambda: png(4_194_328, 32, bits=8),
    "wide png": lambda: png(12_000, 14_000),
    "png of 100,000 a side": lambda: (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
        + png_chunk(b"IDAT", b"x")
        + png_chunk(b"IEND", b"")
    ),
    "tiff of one strip": lambda: tiff(page(HUGE, t256=("I", 60_000), t257=("I", 60_000))),
    "gif": lambda: gif_header(65_000, 65_000),
    "bmp": lambda: bmp(30_000, 30_000),
    "jpeg": lambda: encoded(noise(), "JPEG").replace(
        struct.pack(">HH", 40, 48), struct.pack(">HH", 65_000, 65_000), 1
    ),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_for_the_memory_that_it_would_take(tmp_path, bomb):
    content = bomb()
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ImageError, match="too many pixels"):
        read_image(tmp_path / "x")


def test_a_refused_bomb_takes_no_memory(tmp_path):
    took, said = peak(tmp_path, png(4_194_328, 32))
    assert "32 x 4,194,328 take about 5 GiB, and one image may take 4 GiB" in said
    assert took < 2**26


@pytest.mark.parametrize(
    "content",
    [
        png(2000, 2500),
        png(2000, 2500, kind=2),
        encoded(noise(2000, 2500), "JPEG", progressive=True),
    ],
    ids=["grey", "colour", "progressive"],
)
def test_what_is_read_stays_within_the_memory_that_was_reckoned(tmp_path, content):
    budget = 2000 * 2500 * PER_PIXEL + 2 * len(content)
    took, said = peak(tmp_path, content, budget)
    assert said == ""
    assert took < budget
    _, said = peak(tmp_path, content, budget - 1)
    assert "cut out the part to explain" in said


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt"])
def test_parts_that_unpack_to_much_are_no_way_round(tmp_path, name):
    import zlib

    packed = png_chunk(name, b"x\0\0" + zlib.compress(bytes(2**28), 9))
    took, _ = peak(tmp_path, png(8, 8, extra=packed))
    assert took < 2**27


def test_the_file_itself_counts():
    refuse_beyond("x", (10, 10), 100, budget=100 * PER_PIXEL + 200)
    with pytest.raises(ImageError):
        refuse_beyond("x", (10, 10), 101, budget=100 * PER_PIXEL + 200)


def test_a_file_larger_than_the_budget_is_not_read(tmp_path):
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(BUDGET + 1)  # takes no room on the disk
    with pytest.raises(ImageError, match="more than 4 GiB"):
        read_image(path)


def test_special_files_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="is a pipe, no image file"):
        read_image(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(ImageError, match="is a socket"):
            read_image(tmp_path / "s")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ImageError, match="cannot be opened"):
        read_image(tmp_path / "loop")
    (tmp_path / "zero").symlink_to("/dev/zero")
    with pytest.raises(ImageError, match="is a device"):
        read_image(tmp_path / "zero")
