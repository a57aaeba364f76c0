"""Small pictures of known values, files of them, and the refusal of a bad file."""

import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import torch

from med_cam.errors import ImageError
from med_cam.images.read import read_image

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (5, 7), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (5, 7, 3), dtype=np.uint8)
DEEP = RANDOM.integers(0, 65536, (5, 7), dtype=np.uint16)


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
