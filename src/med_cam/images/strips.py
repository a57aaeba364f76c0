"""The strips and tiles of a TIFF against their lengths and checksums: see `damage`."""

import zlib
from collections.abc import Callable, Iterator, Mapping

from med_cam.images.damage import damaged
from med_cam.images.jpeg import jpeg_faults
from med_cam.images.lzw import BadStreamError, length
from med_cam.images.tiff import DEFLATE, JPEG, LZW, PACKBITS, RAW, YCBCR, Tiff


def tiff_faults(tiff: Tiff, content: bytes, name: str) -> tuple[str, ...]:
    """Every strip or tile of the first page against its length, and its checksum if it has one.

    Raises:
        ImageError: one is damaged.
    """
    page = tiff.page
    if tiff.photometric == YCBCR and tiff.compression != JPEG:  # of lengths that depend on more
        return ()
    found: list[str] = []
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    for (offset, count), expected in zip(places, _expected(tiff, len(places)), strict=True):
        part = content[offset : offset + count]
        if len(part) < count:
            raise damaged(name, "it ends within its pixels")
        try:
            found += _fault(tiff, part, expected, name)
        except (BadStreamError, zlib.error) as error:
            raise damaged(name, f"its compressed data: {error}") from error
    return tuple(dict.fromkeys(found))


def _expected(tiff: Tiff, parts: int) -> Iterator[int]:
    """How many bytes each strip or tile holds, decoded."""
    page, (rows, columns) = tiff.page, tiff.size
    separate = int(page.planarconfig or 1) == 2
    values = 1 if separate else tiff.samples
    if page.is_tiled:
        row = -(-int(page.tilewidth) * values * tiff.bits // 8)
        yield from (int(page.tilelength) * row for _ in range(parts))
        return
    high = min(int(page.rowsperstrip or rows), rows) or 1
    row = -(-columns * values * tiff.bits // 8)
    strips = -(-rows // high)
    for i in range(parts):
        yield row * min(high, rows - (i % strips) * high)


def _fault(tiff: Tiff, part: bytes, expected: int, name: str) -> tuple[str, ...]:
    """What is only suspicious of one strip.

    Raises:
        BadStreamError: it does not hold what it has to.
        ImageError: it is a damaged JPEG.
    """
    if tiff.compression == JPEG:
        tables = tiff.page.jpegtables
        return jpeg_faults(part if not tables else tables[:-2] + part[2:], name)
    measure = LENGTHS.get(tiff.compression)
    if measure is not None and measure(part, expected) != expected:
        raise BadStreamError("a strip does not hold its pixels")
    return ()


def _raw_length(part: bytes, expected: int) -> int:
    """As they are; what is behind them does not matter."""
    return min(len(part), expected)


def _lzw_length(part: bytes, expected: int) -> int:
    """Of LZW that begins with the clear code; files from before 1992 pack it otherwise."""
    return length(part, most=expected) if part[:1] == b"\x80" else expected


def _deflate_length(part: bytes, expected: int) -> int:
    """Of Deflate with its checksum; one more if it is not looked at within that length.

    Raises:
        zlib.error: it is not that of the data.
    """
    unpacker = zlib.decompressobj()
    found = len(unpacker.decompress(part, expected + 1))
    if found == expected and not unpacker.eof:
        found += len(unpacker.decompress(unpacker.unconsumed_tail, 1))
    return found if unpacker.eof else found + 1


def _packbits_length(part: bytes, expected: int) -> int:
    place = total = 0
    while place < len(part) and total <= expected:
        control = part[place]
        run = control + 1 if control < 128 else 257 - control
        total += run if control != 128 else 0
        place += 1 + (run if control < 128 else control != 128)
    return total


LENGTHS: Mapping[int, Callable[[bytes, int], int]] = {
    RAW: _raw_length,
    LZW: _lzw_length,
    PACKBITS: _packbits_length,
    **dict.fromkeys(DEFLATE, _deflate_length),
}
