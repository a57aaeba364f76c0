"""Whether the compressed data of a JPEG hold the blocks that its header says: ITU-T T.81.

JPEG has no checksums, and decoders fill up in silence what they cannot read. A flipped bit mostly
shifts the codes behind it; then a code is met that no table has, a block with more than 64
coefficients, or data that end too early or too late. Nothing is decoded but the lengths of the
codes. Scans of progressive files are only counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from med_cam.errors import ImageError

SEQUENTIAL = (0xC0, 0xC1)  # frames whose scans are walked through
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SCANS = 100  # a progressive file has about ten; each is decoded over the whole image
ALONE = frozenset({0xFF, 0x01, *range(0xD0, 0xD8)})  # markers without a segment; filling
END, SCAN, TABLES, INTERVAL = 0xD9, 0xDA, 0xC4, 0xDD
BLOCK = 2**16  # bytes of compressed data whose codes are looked up at a time
LONGEST = 2**13  # bytes that one unit takes at most: 10 blocks of 64 codes of 31 bits
BAD_RUN, BLOCK_END = 255, 128  # added to the place in a block: of no code, of the end of a block


class BadScanError(ValueError):
    """What is wrong with the data of a scan."""


@dataclass(frozen=True, slots=True)
class Table:
    """A Huffman table by the next 16 bits: bits to go on, and places in the block (AC)."""

    advance: np.ndarray  # uint8 65536; 255 of no code in a DC table
    run: np.ndarray  # uint8 65536


@dataclass(slots=True)
class Header:
    """What stands before a scan: it is added to from scan to scan."""

    frame: int = 0
    size: tuple[int, int] = (0, 0)
    components: dict[int, tuple[int, int]] = field(default_factory=dict)  # sampling: h v
    tables: dict[int, Table] = field(default_factory=dict)  # by class * 16 + number
    interval: int = 0


def jpeg_faults(content: bytes, name: str) -> tuple[str, ...]:
    """What a reader must know of a JPEG that can be decoded: sentences, mostly none.

    Raises:
        ImageError: its data are damaged, or it has so many scans that it is meant to.
    """
    try:
        return tuple(_faults(content))
    except BadScanError as error:
        raise ImageError(
            f"{name} is damaged or incomplete ({error}); copy or export it again."
        ) from error
    except (IndexError, ValueError) as error:
        raise ImageError(
            f"{name} is damaged or incomplete (a header is cut short); copy or export it again."
        ) from error


def _faults(content: bytes) -> Iterator[str]:
    """What is only suspicious.

    Raises:
        BadScanError: what is surely wrong.
    """
    header, scans, end = Header(), 0, len(content)
    for marker, segment, place in _segments(content):
        if marker == END:
            end = place
        elif marker != SCAN:
            _taken(header, marker, segment)
        else:
            scans += 1
            if scans > SCANS:
                raise BadScanError(f"it has more than {SCANS} scans")
            spare = _walk(header, segment, _intervals(content, place)[0])
            if spare:
                yield f"its compressed data have {spare:,} bytes more than its pixels need"
    if not scans:
        raise BadScanError("it has no pixels")
    if end == len(content):
        yield "it has no end marker"


def _segments(content: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, what its segment holds, and where the next byte is; the end is the last."""
    place = 2
    while place + 1 < len(content):
        marker = content[place + 1]
        if content[place] != 0xFF:
            raise BadScanError(f"no marker at byte {place:,}")
        if marker in ALONE:
            place += 1 if marker == 0xFF else 2
            continue
        if marker == END:
            yield marker, b"", place
            return
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        segment = content[place + 4 : place + 2 + length]
        if length < 2 or len(segment) < length - 2:
            raise BadScanError(f"the segment at byte {place:,} is cut short")
        place += 2 + length
        yield marker, segment, place
        if marker == SCAN:
            _, place = _intervals(content, place)


def _taken(header: Header, marker: int, segment: bytes) -> None:
    """A segment's part in what the scans rest on."""
    if marker in FRAMES:
        header.frame = marker
        header.size = (int.from_bytes(segment[1:3], "big"), int.from_bytes(segment[3:5], "big"))
        parts = [segment[6 + 3 * i : 9 + 3 * i] for i in range(segment[5])]
        header.components = {part[0]: (part[1] >> 4, part[1] & 15) for part in parts}
        if not all(1 <= side <= 4 for sampling in header.components.values() for side in sampling):
            raise BadScanError("a component has a sampling that there is not")
    elif marker == INTERVAL:
        header.interval = int.from_bytes(segment[:2], "big")
    elif marker == TABLES:
        while segment:
            counts = segment[1:17]
            symbols = segment[17 : 17 + sum(counts)]
            header.tables[segment[0]] = _table(counts, symbols, ac=bool(segment[0] >> 4))
            segment = segment[17 + sum(counts) :]


def _table(counts: bytes, symbols: bytes, *, ac: bool) -> Table:
    advance = np.full(2**16, 1 if ac else 255, np.uint8)
    run = np.full(2**16, BAD_RUN, np.uint8)
    code, index = 0, 0
    for bits, count in enumerate(counts, start=1):
        for _ in range(count):
            first, last = code << (16 - bits), (code + 1) << (16 - bits)
            if last > 2**16:
                raise BadScanError("a Huffman table has more codes than fit")
            zeros, size = symbols[index] >> 4, symbols[index] & 15
            if ac and (size or zeros in (0, 15)):
                run[first:last] = zeros + 1 if size or zeros else BLOCK_END
                advance[first:last] = bits + size
            elif not ac and symbols[index] <= 11:
                advance[first:last] = bits + symbols[index]
            code, index = code + 1, index + 1
        code <<= 1
    return Table(advance, run)


def _intervals(content: bytes, place: int) -> tuple[list[bytes], int]:
    """The data between restart markers, stuffing taken out, and where the next marker is."""
    parts, begin, numbers = [], place, []
    while True:
        place = content.find(b"\xff", place)
        if place < 0 or place + 1 >= len(content):
            parts.append(content[begin:])
            place = len(content)
            break
        marker = content[place + 1]
        if marker == 0 or marker == 0xFF:
            place += 1 if marker == 0xFF else 2
            continue
        parts.append(content[begin:place])
        if not 0xD0 <= marker <= 0xD7:
            break
        numbers.append(marker & 7)
        place += 2
        begin = place
    if any(number != i % 8 for i, number in enumerate(numbers)):
        raise BadScanError("a part of its data is missing")
    return [part.rstrip(b"\xff").replace(b"\xff\0", b"\xff") for part in parts], place


def _walk(header: Header, segment: bytes, parts: Sequence[bytes]) -> int:
    """All units of a scan, if its codes are known; returns how many bytes are left over."""
    if header.frame not in SEQUENTIAL:
        return 0
    chosen = [(segment[1 + 2 * i], segment[2 + 2 * i]) for i in range(segment[0])]
    units, blocks = _layout(header, chosen)
    interval = header.interval or units
    if len(parts) != -(-units // interval):
        raise BadScanError("its data are not as many parts as its header says")
    spare = 0
    for i, part in enumerate(parts):
        spare += _walk_part(part, blocks, min(interval, units - i * interval))
    return spare


def _layout(
    header: Header, chosen: Sequence[tuple[int, int]]
) -> tuple[int, list[tuple[Table, Table]]]:
    """The number of units of a scan, and the tables of each block of a unit."""
    wide = max(h for h, _ in header.components.values())
    high = max(v for _, v in header.components.values())
    rows, columns = header.size
    blocks = []
    try:
        for number, tables in chosen:
            h, v = header.components[number]
            pair = (header.tables[tables >> 4], header.tables[16 + (tables & 15)])
            blocks += [pair] * (h * v if len(chosen) > 1 else 1)
    except KeyError as error:
        raise BadScanError("it names a table that there is not") from error
    if len(chosen) > 1:
        return -(-columns // (8 * wide)) * -(-rows // (8 * high)), blocks
    h, v = header.components[chosen[0][0]]
    across, down = -(-columns * h // wide), -(-rows * v // high)
    return -(-across // 8) * -(-down // 8), blocks


def _walk_part(data: bytes, blocks: Sequence[tuple[Table, Table]], units: int) -> int:
    """The units between two restart markers; returns how many bytes are left over."""
    start, end = 0, 8 * len(data)  # of the window in bytes, of the data in bits
    window, place = _looked_up(data, start, blocks), 0
    for _ in range(units):
        if place > 8 * (BLOCK - LONGEST):
            start, place = start + place // 8, place % 8
            window = _looked_up(data, start, blocks)
        for dc, ac, runs in window:
            step = dc[place]
            if step == 255:
                raise BadScanError("its compressed data have a code that no table has")
            place += step
            k = 1
            while k < 64:
                k += runs[place]
                place += ac[place]
            if k != 64 and not BLOCK_END < k < BLOCK_END + 64:
                raise BadScanError("its compressed data have a code that no table has")
        if 8 * start + place > end:
            raise BadScanError("its compressed data end too early")
    return (end - 8 * start - place) // 8


def _looked_up(
    data: bytes, start: int, blocks: Sequence[tuple[Table, Table]]
) -> list[tuple[bytes, bytes, bytes]]:
    """For every bit of a window, what the codes that may begin there do."""
    piece = np.frombuffer(data[start : start + BLOCK], np.uint8).astype(np.uint32)
    piece = np.concatenate([piece, np.full(LONGEST + 2, 255, np.uint32)])
    three = piece[:-2] << 16 | piece[1:-1] << 8 | piece[2:]
    next16 = np.stack([three >> (8 - s) & 0xFFFF for s in range(8)], axis=1).ravel()
    known: dict[int, tuple[bytes, bytes]] = {}

    def of(table: Table) -> tuple[bytes, bytes]:
        if id(table) not in known:
            known[id(table)] = (table.advance[next16].tobytes(), table.run[next16].tobytes())
        return known[id(table)]

    return [(of(dc)[0], *of(ac)) for dc, ac in blocks]
