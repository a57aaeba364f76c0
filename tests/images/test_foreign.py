"""A file that is not read is called what it is, and never damaged."""

import gzip
import struct

import numpy as np
import PIL.Image
import pytest

from images.bytes_of import encoded, noise
from med_cam.errors import ImageError
from med_cam.images.dicom_file import is_dicom
from med_cam.images.read import read_image

GREY = np.zeros((8, 8), dtype=np.uint8)
EXPLICIT = b"\x02\0\0\0UL\x04\0\x9c\0\0\0\x02\0\x01\0OB\0\0" + bytes(40)
IMPLICIT = b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100" + bytes(40)


def frame(marker, bits):
    """A JPEG whose frame header is of this kind."""
    return b"\xff\xd8\xff" + bytes([marker]) + struct.pack(">HBHHB", 11, bits, 8, 8, 1) + bytes(40)


FILES = {
    "a DICOM file in gzip": gzip.compress(bytes(128) + b"DICM" + bytes(99)),
    "a DICOM file without its preamble in gzip": gzip.compress(EXPLICIT),
    "a MetaImage file": b"ObjectType = Image\nNDims = 3\nElementDataFile = LOCAL\n" + bytes(9),
    "an NRRD file": b"NRRD0004\ntype: short\n" + bytes(9),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "a NumPy array": b"\x93NUMPY\x01\0" + bytes(60),
    "a JPEG 2000 file": encoded(GREY, "JPEG2000"),
    # By hand: the lowest Pillow writes none.
    "an AVIF file": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(40),
    "a portable bitmap (PNM)": encoded(GREY, "PPM"),
    "a Photoshop file": b"8BPS\0\1" + bytes(30),
    "a PDF file": b"%PDF-1.7\n\x80",
    "an archive": b"PK\3\4" + bytes(40),
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "a web page": b"\n<!DOCTYPE html><html></html>",
    "a text": "Größe,Klasse\n1,glioma\n".encode(),
    "a JPEG file of 12 bits": frame(0xC1, 12),
    "a lossless JPEG file": frame(0xC3, 16),
    "a JPEG-LS file": frame(0xF7, 8),
}


@pytest.mark.parametrize(("kind", "content"), FILES.items(), ids=FILES)
def test_a_file_is_named_for_what_it_is(tmp_path, kind, content):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} is {kind}, which is not read; ")
    assert sentence.endswith(".")
    assert "damaged" not in sentence


def test_implicit_dicom_is_known_too():
    assert is_dicom(IMPLICIT)
    assert is_dicom(EXPLICIT)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_what_is_read_is_never_taken_for_foreign(tmp_path, format_):
    for seed in range(20):
        path = tmp_path / "x"
        path.write_bytes(encoded(noise(9, 17, seed=seed), format_))
        assert read_image(path).pixels.shape == (3, 9, 17)


def test_a_progressive_jpeg_behind_long_headers_is_read(tmp_path):
    path = tmp_path / "x.jpg"
    PIL.Image.fromarray(noise()).save(path, progressive=True, icc_profile=bytes(70_000))
    assert read_image(path).pixels.shape == (3, 40, 48)
