"""Damage that a decoder does not tell: checksums and lengths, looked at by themselves.

PNG has a checksum for each part, Deflate in TIFF one for each strip: of these, every changed bit
is noticed. LZW, PackBits, JPEG and GIF have none: what makes the data longer or shorter is
noticed. Pixels that are kept as they are (BMP, uncompressed TIFF) and WebP have nothing to look
at but their length.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from med_cam.errors import ImageError
from med_cam.images.jpeg import jpeg_faults
from med_cam.images.lzw import BadStreamError, length

PNG = b"\x89PNG\r\n\x1a\n"


def faults_in(content: bytes, format_: str | None, name: str) -> tuple[str, ...]:
    """What a reader must know of a file that can be decoded, as sentences; mostly none.

    Args:
        content: of the file.
        format_: PNG, JPEG, GIF, WEBP, ...; TIFF is looked at strip by strip, in `tiff`.
        name: of the image, for sentences.

    Raises:
        ImageError: it is damaged.
    """
    check = CHECKS.get(format_ or "")
    return () if check is None else check(content, name)


def damaged(name: str, why: str) -> ImageError:
    """What to say of a damaged file."""
    return ImageError(f"{name} is damaged or incomplete ({why}); copy or export it again.")


def png_faults(content: bytes, name: str) -> tuple[str, ...]:
    """Every chunk against its checksum, up to the last.

    Raises:
        ImageError: one is missing or changed.
    """
    place, kind = len(PNG), b""
    while kind != b"IEND":
        size, kind = struct.unpack_from(">I4s", content.ljust(place + 8, b"\0"), place)
        end = place + 12 + size
        if end > len(content):
            raise damaged(name, "it ends within a part" if kind.strip(b"\0") else "no end")
        (said,) = struct.unpack_from(">I", content, end - 4)
        if said != zlib.crc32(memoryview(content)[place + 4 : end - 4]):
            part = kind.decode("ascii", "replace")
            raise damaged(name, f"its part {part!a} does not have its checksum")
        place = end
    return ()


def gif_faults(content: bytes, name: str) -> tuple[str, ...]:
    """The first picture's codes against its size.

    Raises:
        ImageError: they are too few, too many, or of no table.
    """
    try:
        for width, height, bits, stream in _gif_pictures(content):
            _refuse_other_length(
                stream, height * width, f"{width} x {height} pixels", name, bits=bits
            )
            break
    except IndexError as error:
        raise damaged(name, "it ends within a part") from error
    return () if content.rstrip(b"\0").endswith(b";") else ("it has no end marker",)


def _gif_pictures(content: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Width, height, bits and codes of each picture of a GIF."""
    flags = content[10]
    place = 13 + (3 << (flags & 7) + 1 if flags & 128 else 0)
    while content[place] != 0x3B:
        if content[place] == 0x21:
            place += 2
        elif content[place] == 0x2C:
            width, height, flags = struct.unpack_from("<HHB", content.ljust(place + 10), place + 5)
            place += 10 + (3 << (flags & 7) + 1 if flags & 128 else 0)
            stream, end = _blocks(content, place + 1)
            yield width, height, content[place], stream
            place = end
            continue
        else:
            place += 1
            continue
        _, place = _blocks(content, place)


def _blocks(content: bytes, place: int) -> tuple[bytes, int]:
    """What a row of blocks holds, each after its length, and where it ends."""
    parts = []
    while size := content[place]:
        parts.append(content[place + 1 : place + 1 + size])
        place += 1 + size
    return b"".join(parts), place + 1


def _refuse_other_length(stream: bytes, most: int, words: str, name: str, *, bits: int) -> None:
    if not 1 <= bits <= 8:
        raise damaged(name, f"symbols of {bits} bits")
    try:
        found = length(stream, bits=bits, most_first=False, most=most)
    except BadStreamError as error:
        raise damaged(name, f"its compressed data: {error}") from error
    if found != most:
        raise damaged(name, f"its compressed data do not hold {words}")


def webp_faults(content: bytes, name: str) -> tuple[str, ...]:
    """The length that the header says.

    Raises:
        ImageError: the file is shorter.
    """
    if 8 + int.from_bytes(content[4:8], "little") > len(content):
        raise damaged(name, "it is shorter than its header says")
    return ()


CHECKS: Mapping[str, Callable[[bytes, str], tuple[str, ...]]] = {
    "PNG": png_faults,
    "JPEG": jpeg_faults,
    "MPO": jpeg_faults,
    "GIF": gif_faults,
    "WEBP": webp_faults,
}
