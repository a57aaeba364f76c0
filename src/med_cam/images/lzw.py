"""How many bytes an LZW stream holds, without decoding it: TIFF and GIF have no checksums.

A damaged stream is nearly always a valid stream of another length, which decoders fill up or cut
off in silence.
"""

WIDEST = 12  # bits of a code
TABLE = 1 << WIDEST  # codes at most; behind those of the symbols: clear, end


class BadStreamError(ValueError):
    """A code that cannot be there, or no end."""


def length(content: bytes, *, bits: int = 8, most_first: bool = True, most: int) -> int:
    """The number of symbols that a stream decodes to.

    Args:
        content: the stream.
        bits: of a symbol: 8 in TIFF, the minimum code size in GIF.
        most_first: TIFF packs the highest bit first and widens codes one early, GIF does neither.
        most: stop when more than these were found.

    Raises:
        BadStreamError: a code is not in the table, or the stream ends without its end code before
            `most` symbols.
    """
    clear, early = 1 << bits, 1 if most_first else 0
    fresh = [1] * clear + [0, 0]  # the lengths of the strings, by code
    lengths, width, last, total, place = list(fresh), bits + 1, 0, 0, 0
    while total <= most:
        code = _code(content, place, width, most_first=most_first)
        if code is None and total < most:
            raise BadStreamError("it ends before its end code")
        if code is None or code == clear + 1:
            break
        place += width
        if code == clear:
            lengths, width, last = list(fresh), bits + 1, 0
            continue
        if last and len(lengths) < TABLE:
            lengths.append(last + 1)
        if code >= len(lengths):
            raise BadStreamError(f"code {code} is not in its table")
        last = lengths[code]
        total += last
        if len(lengths) + early >= 1 << width and width < WIDEST:
            width += 1
    return total


def _code(content: bytes, place: int, width: int, *, most_first: bool) -> int | None:
    """The code at a bit; None behind the last."""
    if place + width > 8 * len(content):
        return None
    first, mask = place >> 3, (1 << width) - 1
    three = content[first : first + 3].ljust(3, b"\0")
    if most_first:
        return int.from_bytes(three, "big") >> 24 - width - (place & 7) & mask
    return int.from_bytes(three, "little") >> (place & 7) & mask
