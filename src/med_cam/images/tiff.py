"""What a TIFF holds beside the picture that Pillow shows: pages, planes, types of values.

Pillow counts pages marked as reduced copies as frames, and planes behind the only page not at all;
it reads signed bytes as unsigned ones, and calls valid files unknown. tifffile knows better.
"""

import io
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from med_cam.errors import ImageError, first_line
from med_cam.images.damage import damaged
from med_cam.images.slide import not_whole
from med_cam.images.white import Range

PAGES = 1000  # counted at most
UNSIGNED, SIGNED, FLOAT = 1, 2, 3  # SampleFormat
NAMES = {UNSIGNED: "unsigned", SIGNED: "signed", FLOAT: "float"}
RAW, LZW, JPEG, PACKBITS = 1, 5, 7, 32773
DEFLATE = (8, 32946)
FAX = (2, 3, 4)
COMPRESSIONS = {  # as sentences call them
    **dict.fromkeys(FAX, "fax"),
    LZW: "LZW", 6: "old JPEG", JPEG: "JPEG", 33003: "JPEG 2000", 33004: "JPEG 2000",
    33005: "JPEG 2000", 34712: "JPEG 2000", 34892: "lossy JPEG", 34925: "LZMA", 50000: "Zstandard",
    50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL", 34713: "Nikon", 22610: "JPEG XR",
    34934: "JPEG XR", 34887: "LERC",
}  # fmt: skip
REDUCED, MASK = 1, 4  # bits of NewSubfileType
YCBCR = 6
STK_PLANES, DEPTH = 33629, 32997  # tags of planes behind one page
WHOLE = 2048  # pixels of the longer side of a pyramid that is still read whole: nine times 224
SUB_IFDS = 330  # tag of the pages below a page


@dataclass(frozen=True, slots=True)
class Tiff:
    """A TIFF's first page, and what else there is.

    Attributes:
        pages: pictures of their own: reduced copies and masks left out.
        planes: pictures of the first page and behind it.
        vendor: of a whole-slide image; "" for any other.
        size: rows and columns.
        bits, format: of a value (bits, and SampleFormat).
        samples: values per pixel.
        levels: of a pyramid, the full resolution among them; 1 for any other.
        compression, photometric: as the tags have it.
        range: of the values.
        page: tifffile's, to decode it.
    """

    pages: int
    planes: int
    vendor: str
    size: tuple[int, int]
    bits: int
    format: int
    samples: int
    levels: int
    compression: int
    photometric: int
    range: Range
    page: Any

    @property
    def plain(self) -> bool:
        """Whether Pillow reads such values right: unsigned ones up to 16 bits, floats of 32."""
        return (self.format, self.bits) == (FLOAT, 32) or (
            self.format == UNSIGNED and self.bits <= 16
        )

    @property
    def orientation(self) -> int:
        """How the picture has to be turned, as in EXIF; 1 is not at all."""
        return int(_number(self.page, 274)) or 1

    @property
    def words(self) -> str:
        """Of its kind, as in "a TIFF of signed 8-bit values with LZW compression"."""
        kind = NAMES.get(self.format, "other")
        packed = COMPRESSIONS.get(self.compression, f"number {self.compression}")
        how = "" if self.compression == RAW else f" with {packed} compression"
        return f"a TIFF of {kind} {self.bits}-bit values{how}"


def is_tiff(content: bytes) -> bool:
    """Whether it begins as a TIFF or BigTIFF does."""
    return content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def tiff_of(content: bytes, name: str) -> Tiff:
    """What a TIFF holds; nothing is decoded.

    Raises:
        ImageError: it has no page that can be understood.
    """
    from tifffile import TiffFile

    try:
        file = TiffFile(io.BytesIO(content))  # left open: the page is decoded from it
        return _facts([page for page, _ in zip(file.pages, range(PAGES), strict=False)])
    except Exception as error:
        reason = first_line(error)
        raise damaged(name, reason) from error


def refuse_several(tiff: Tiff, name: str) -> None:
    """Check that there is one picture.

    Raises:
        ImageError: several pages, planes behind one page, a whole slide, or a large pyramid.
    """
    if tiff.vendor:
        raise not_whole(name, f"a whole-slide image ({tiff.vendor})")
    if tiff.levels > 1 and max(tiff.size) > WHOLE:
        height, width = tiff.size
        raise not_whole(name, f"a pyramid of {tiff.levels} levels ({width:,} x {height:,} pixels)")
    frames = max(tiff.pages, tiff.planes)
    if frames > 1:
        raise ImageError(f"{name} has {frames} frames; save the one to explain by itself.")
    if tiff.pages == 0:
        raise ImageError(f"{name} holds reduced copies only; save the image itself.")


def note_on_pyramid(tiff: Tiff) -> tuple[str, ...]:
    """What a reader must know of a pyramid: a classifier sees all of it at its own size."""
    if tiff.levels == 1:
        return ()
    height, width = tiff.size
    return (
        f"the file is a pyramid of {tiff.levels} levels, of which the full resolution was read "
        f"whole ({width:,} x {height:,} pixels); fitting it to the classifier's input hides fine "
        "detail: export the region to explain, at the resolution that the classifier was trained "
        "on",
    )


def refuse_fax(tiff: Tiff, name: str) -> None:
    """Check that a decoder would say what it cannot read: Pillow's fills up fax lines unheard.

    Raises:
        ImageError: it is compressed as fax pages are.
    """
    if tiff.compression in FAX:
        raise ImageError(f"{name} is {tiff.words}, which is not read; save it uncompressed.")


def decoded(tiff: Tiff, name: str) -> NDArray[np.generic]:
    """The values of the first page where Pillow does not read them right: h w, or h w 3.

    Raises:
        ImageError: its compression or its kind of values is not read.
    """
    if tiff.bits not in (8, 16, 32, 64) or tiff.format not in NAMES or tiff.samples not in (1, 3):
        raise ImageError(f"{name} is {tiff.words}, which is not read; save it as grey or RGB.")
    try:
        values = np.asarray(tiff.page.asarray(maxworkers=1))  # here, so that what it logs is heard
    except Exception as error:
        if tiff.compression not in (RAW, PACKBITS, *DEFLATE):
            raise ImageError(
                f"{name} is {tiff.words}, which is not read; save it uncompressed."
            ) from error
        raise damaged(name, (str(error).splitlines() or [""])[0].rstrip(".")) from error
    if tiff.page.axes.startswith("S"):  # planes of colours one after the other
        values = np.moveaxis(values, 0, -1)
    values = values.reshape(*tiff.size, tiff.samples)
    return values[..., 0] if tiff.samples == 1 else values


def _facts(pages: list[Any]) -> Tiff:
    page = pages[0]
    own = [one for one in pages if not int(one.subfiletype or 0) & (REDUCED | MASK)]
    bits, samples = int(page.bitspersample), int(page.samplesperpixel)
    kind = int(page.sampleformat or UNSIGNED)
    described = str(page.description or "")
    return Tiff(
        pages=len(own),
        planes=max(_planes(described, page), 1),
        vendor=_vendor(described, page),
        size=(int(page.imagelength), int(page.imagewidth)),
        bits=bits,
        format=kind,
        samples=samples,
        levels=_levels(page, pages),
        compression=int(page.compression),
        photometric=int(page.photometric),
        range=_range(page, bits, kind),
        page=page,
    )


def _levels(page: Any, pages: list[Any]) -> int:  # noqa: ANN401  tifffile's
    """Resolutions of a tiled picture, as pages of their own or below the first."""
    reduced = sum(bool(int(one.subfiletype or 0) & REDUCED) for one in pages[1:])
    below = page.tags.valueof(SUB_IFDS, default=()) if reduced == 0 else ()
    count = len(below) if isinstance(below, tuple) else 1
    return 1 + reduced + count if page.is_tiled else 1


def _range(page: Any, bits: int, kind: int) -> Range:  # noqa: ANN401  tifffile's
    """Of the values; MaxSampleValue counts as white only where it is one less than 2^n."""
    if kind == FLOAT:
        return Range(1.0, "floats", deep=True)
    full = float(2 ** (bits - (kind == SIGNED)) - 1)
    words = f"{'signed ' if kind == SIGNED else ''}{bits}-bit values"
    said = max(_number(page, 281), _number(page, 341))
    whole = said > 255 and float(said).is_integer() and math.log2(said + 1).is_integer()
    if bits > 8 and whole and said < full:
        return Range(full, words, said=said, deep=True)
    hint = f" (the file's MaxSampleValue is {said:g})" if bits > 8 and 0 < said < full else ""
    return Range(full, words, hint=hint, deep=bits > 8)


def _number(page: Any, tag: int) -> float:  # noqa: ANN401  tifffile's
    value = page.tags.valueof(tag, default=0)
    value = value[0] if isinstance(value, tuple) and value else value
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else 0.0


def _planes(described: str, page: Any) -> int:  # noqa: ANN401  tifffile's
    """Pictures that the first page stands for: as ImageJ, tifffile, OME and MetaMorph write it."""
    counts = [1, int(getattr(page, "imagedepth", 1) or 1)]
    stk = page.tags.get(STK_PLANES)
    counts.append(int(stk.count) if stk is not None else 1)
    if described.startswith("ImageJ="):
        said = dict(re.findall(r"^(images|channels|slices|frames)=(\d{1,9})\s*$", described, re.M))
        product = math.prod(int(said.get(key, 1)) for key in ("channels", "slices", "frames"))
        counts += [int(said.get("images", 1)), product if page.samplesperpixel == 1 else 1]
    if described.startswith('{"shape":'):
        counts.append(_of_shape(described, page))
    if "<OME" in described:
        sizes = [int(n) for n in re.findall(r'\bSize[ZT]="(\d{1,9})"', described)]
        channels = re.search(r'\bSizeC="(\d{1,9})"', described)
        spread = int(channels[1]) // max(1, int(page.samplesperpixel)) if channels else 1
        counts.append(math.prod(sizes[:2]) * max(1, spread))
    return max(counts)


def _of_shape(described: str, page: Any) -> int:  # noqa: ANN401  tifffile's
    try:
        shape = json.loads(described)["shape"]
        values = math.prod(int(side) for side in shape)
    except (ValueError, KeyError, TypeError):
        return 1
    return int(values // max(1, page.imagelength * page.imagewidth * page.samplesperpixel))


def _vendor(described: str, page: Any) -> str:  # noqa: ANN401  tifffile's
    marks = {
        "Aperio": described.startswith("Aperio"),
        "Hamamatsu": 65420 in page.tags,
        "Philips": described.startswith("<?xml") and "DPUfsImport" in described[:2000],
        "Ventana": "<iScan" in described,
        "Leica": "http://www.leica-microsystems.com/scn" in described,
    }
    return next((vendor for vendor, there in marks.items() if there), "")
