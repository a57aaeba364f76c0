"""What a file is that is not read, by its first bytes, and what to do with it instead."""

import re
import zlib
from collections.abc import Callable

Fits = Callable[[bytes], bool]
HEAD = 4096  # bytes that are looked at
PICTURE = "save it as PNG or TIFF"
SCALED = (
    "export the slice to explain as PNG or TIFF, its window scaled to the full range of 8 or 16 "
    "bits, or say what is white with --white"
)
UNPACK = "unpack it first"
REGION = "export the region to explain as PNG or TIFF"


def starts(*signatures: bytes, at: int = 0) -> Fits:
    """Whether one of the signatures stands at a place."""
    return lambda head: any(head.startswith(s, at) for s in signatures)


def is_headless_dicom(head: bytes) -> bool:
    """DICOM without its 128 bytes of preamble: it begins with group 2 or 8."""
    if head[1:2] != b"\0" or head[:1] not in (b"\2", b"\x08"):
        return False
    explicit = re.fullmatch(rb"[A-Z]{2}", head[4:6]) is not None
    implicit = head[6:8] == b"\0\0" and 0 < int.from_bytes(head[4:8], "little") <= 256
    return len(head) > 16 and head[3:4] == b"\0" and (explicit or implicit)


def is_nifti(head: bytes) -> bool:
    """NIfTI-1 and NIfTI-2, header and values in one file or two."""
    first = head[344:348] in (b"n+1\0", b"ni1\0") and b"\x01\x5c" in (head[2:4], head[1::-1])
    return first or head[4:8] in (b"n+2\0", b"ni2\0")


def is_analyze(head: bytes) -> bool:
    """The header of Analyze 7.5: 348 as its own size, 16384 as its extents."""
    little = head[:4] == b"\x5c\x01\0\0" and head[32:36] == b"\0\x40\0\0"
    return little or (head[:4] == b"\0\0\x01\x5c" and head[32:36] == b"\0\0\x40\0")


def is_metaimage(head: bytes) -> bool:
    """A header of MetaImage: lines of `key = value`."""
    return re.match(rb"(?:Comment|ObjectType|NDims)\s*=", head) is not None


def is_pnm(head: bytes) -> bool:
    """Portable bitmaps, floats among them."""
    return re.match(rb"P[1-7Ff]\s", head) is not None


def is_text(head: bytes) -> bool:
    """Bytes that people can read."""
    text = head[:HEAD].rstrip(b"\x80\x81\x82\x83")  # a letter may be cut at the end
    try:
        return text[:-3].decode("utf-8").isprintable() or not re.search(
            r"[\x00-\x08\x0e-\x1f]", text[:-3].decode("utf-8")
        )
    except UnicodeDecodeError:
        return False


FTYP = starts(b"ftyp", at=4)
FOREIGN: tuple[tuple[Fits, str, str], ...] = (  # the first that fits: what it is, what to do
    (starts(b"DICM", at=128), "a DICOM file", UNPACK),
    (is_nifti, "a NIfTI volume", SCALED),
    (is_analyze, "the header of an Analyze volume", SCALED),
    (is_metaimage, "a MetaImage file", SCALED),
    (starts(b"NRRD000"), "an NRRD file", SCALED),
    (starts(b"\x89HDF\r\n\x1a\n"), "an HDF5 file", SCALED),
    (starts(b"CDF\1", b"CDF\2"), "a NetCDF or MINC file", SCALED),
    (starts(b"\x93NUMPY"), "a NumPy array", "read it in Python, with image_from_array"),
    (starts(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), "a JPEG 2000 file", PICTURE),
    (starts(b"\0\0\0\x0cJXL \r\n\x87\n", b"\xff\x0a"), "a JPEG XL file", PICTURE),
    (starts(b"II\xbc\x01"), "a JPEG XR file", PICTURE),
    (lambda head: FTYP(head) and head[8:12] in (b"avif", b"avis"), "an AVIF file", PICTURE),
    (
        lambda head: FTYP(head) and head[8:11] in (b"hei", b"hev", b"mif", b"msf"),
        "a HEIF file",
        PICTURE,
    ),
    (FTYP, "a video (MP4)", "save the frame to explain as PNG"),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ", "a video (AVI)", PICTURE),
    (starts(b"\x1a\x45\xdf\xa3"), "a video (Matroska or WebM)", PICTURE),
    (starts(b"ZISRAWFILE"), "a Zeiss CZI file", REGION),
    (starts(b"\xda\xce\xbe\x0a", b"\0\0\0\x0cjP  \x1a"), "a Nikon ND2 file", REGION),
    (starts(b"\x70\0\0\0"), "a Leica LIF file", REGION),
    (starts(b"8BPS"), "a Photoshop file", PICTURE),
    (starts(b"gimp xcf"), "a GIMP file", PICTURE),
    (starts(b"%PDF"), "a PDF file", PICTURE),
    (starts(b"%!PS", b"\xc5\xd0\xd3\xc6"), "a PostScript file", PICTURE),
    (starts(b"v/1\1"), "an OpenEXR file", PICTURE),
    (starts(b"SIMPLE  ="), "a FITS file", SCALED),
    (starts(b"\0\0\1\0", b"\0\0\2\0"), "a Windows icon", PICTURE),
    (is_pnm, "a portable bitmap (PNM)", PICTURE),
    (starts(b"PK\3\4", b"Rar!", b"7z\xbc\xaf"), "an archive", UNPACK),
    (starts(b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"), "a compressed file", UNPACK),
    (starts(b"version https://git-lfs"), "a pointer of Git LFS", "fetch it with git lfs pull"),
    (is_headless_dicom, "a DICOM file without its preamble", UNPACK),
    (lambda head: b"<svg" in head[:HEAD], "an SVG drawing", PICTURE),
    (
        lambda head: head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")),
        "a web page",
        "download the image itself",
    ),
    (is_text, "a text", "name an image"),
)
READ = (b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PRECISION_12 = "a JPEG file of {} bits"
JPEG_FRAMES = {
    0xC3: "a lossless JPEG file",
    0xC5: "a hierarchical JPEG file",
    0xC6: "a hierarchical JPEG file",
    0xC7: "a hierarchical JPEG file",
    0xCB: "a lossless JPEG file",
    0xF7: "a JPEG-LS file",
}


def foreign(content: bytes) -> str:
    """What the file is and what to do, as the end of a sentence; "" if it is nothing known.

    Formats that are read have kinds that are not (JPEG of 12 bits): these are named too.
    """
    head = content[:HEAD]
    if head.startswith(b"\x1f\x8b"):
        inner = foreign(_unpacked(head))
        what = inner.partition(", which")[0] or "a file"
        cure = inner.partition("; ")[2] or UNPACK
        return f"{what} in gzip, which is not read; {cure}"
    if head.startswith(b"\xff\xd8\xff"):
        return _kind_of_jpeg(content)
    if head.startswith(READ) or head[8:12] == b"WEBP":
        return ""
    known = (f"{what}, which is not read; {cure}" for fits, what, cure in FOREIGN if fits(head))
    return next(known, "")


def _unpacked(head: bytes) -> bytes:
    """The first bytes of what a gzip file holds, as far as these bytes go."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error:
        return b""


def _kind_of_jpeg(content: bytes) -> str:
    """Of a JPEG that is not read, what it is; else "". Its frame header says so."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 9 < len(content):
        marker = content[place + 1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD7 or marker == 0x01:
            place += 1 if marker == 0xFF else 2
            continue
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            bits = content[place + 4]
            what = JPEG_FRAMES.get(marker, "" if bits == 8 else PRECISION_12.format(bits))
            return f"{what}, which is not read; {PICTURE}" if what else ""
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return ""
