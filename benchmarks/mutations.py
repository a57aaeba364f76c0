"""Bytes of files with one to three things broken: what the fuzzing of images changes, and how."""

import struct
import zlib

from med_cam.images.damage import PNG

EXTREMES = (0, 1, 2, 255, 256, 4096, 32767, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)


def mutated(content, others, rng):
    """The bytes with one to three things changed, and what."""
    changed, told = bytearray(content), []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        way = rng.choice(WAYS)
        changed = way(changed, others, rng) or bytearray(b"\0")
        told.append(way.__name__)
    if changed.startswith(PNG) and rng.random() < 0.5:
        changed = with_checksums(changed)
        told.append("checksums right")
    return bytes(changed), ", ".join(told)


def place(content, rng):
    """Where: anywhere, or more often near the beginning, where headers are."""
    return min(int(len(content) * rng.random() ** rng.choice((1, 3, 6))), len(content) - 1)


def bits(content, _others, rng):
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        content[place(content, rng)] ^= 1 << rng.randrange(8)
    return content


def values(content, _others, rng):
    for _ in range(rng.choice((1, 1, 2, 8))):
        content[place(content, rng)] = rng.choice((0, 255, rng.randrange(256)))
    return content


def number(content, _others, rng):
    """A whole number of 2, 4 or 8 bytes, as headers have them."""
    kind = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    size, value = struct.calcsize(kind), rng.choice(EXTREMES)
    at = place(content, rng) // 2 * 2
    content[at : at + size] = struct.pack(kind, value % 2 ** (8 * size))
    return content


def cut(content, _others, rng):
    return content[: place(content, rng) + 1]


def taken_out(content, _others, rng):
    at = place(content, rng)
    del content[at : at + rng.choice((1, 2, 12, 200))]
    return content


def doubled(content, _others, rng):
    at, size = place(content, rng), rng.choice((1, 4, 12, 200))
    return content[: at + size] + content[at : at + size] * rng.choice((1, 2, 30)) + content[at:]


def zeros(content, _others, rng):
    at = place(content, rng)
    content[at : at + 64] = bytes(len(content[at : at + 64]))
    return content


def spliced(content, others, rng):
    """Ends as another file does."""
    other = rng.choice(others)
    return content[: place(content, rng)] + bytearray(other[rng.randrange(len(other)) :])


WAYS = (bits, bits, values, values, number, number, cut, taken_out, doubled, zeros, spliced)


def with_checksums(content):
    """A PNG whose parts have the checksums of what they hold now, as far as its lengths lead."""
    at = len(PNG)
    while at + 12 <= len(content):
        (size,) = struct.unpack_from(">I", content, at)
        end = at + 8 + size
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return content
