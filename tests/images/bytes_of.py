"""Files written by hand from their specifications, for what no library at hand writes."""

import io
import struct
import zlib

import numpy as np
import PIL.Image

KINDS = {"B": 1, "s": 2, "H": 3, "I": 4, "Q": 16}


def encoded(values, format_, mode=None, **options):
    picture = values if isinstance(values, PIL.Image.Image) else PIL.Image.fromarray(values)
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, format=format_, **options)
    return buffer.getvalue()


def tiff(*pages, big=False, order="<"):
    """A TIFF or BigTIFF of pages, each a dictionary of tags; `data` is the one strip of it."""
    wide = "Q" if big else "I"
    mark = b"II" if order == "<" else b"MM"
    head = mark + (struct.pack(f"{order}HHHQ", 43, 8, 0, 0) if big else b"")
    head = head if big else mark + struct.pack(f"{order}HI", 42, 0)
    file = bytearray(head)
    link = 8 if big else 4
    for page in pages:
        tags = dict(page)
        data = tags.pop("data")
        tags |= {273: ("I", len(file)), 279: ("I", len(data))}
        file += data + b"\0" * (len(data) % 2)
        entries = b""
        for number, (kind, value) in sorted(tags.items()):
            packed = (
                value
                if kind == "s"
                else b"".join(
                    struct.pack(order + kind, one)
                    for one in (value if isinstance(value, tuple) else (value,))
                )
            )
            count = len(packed) // struct.calcsize(order + kind.replace("s", "B"))
            room = 8 if big else 4
            if len(packed) > room:
                place = len(file)
                file += packed + b"\0" * (len(packed) % 2)
                packed = struct.pack(order + wide, place)
            entries += struct.pack(f"{order}HH{wide}", number, KINDS[kind], count)
            entries += packed.ljust(room, b"\0")
        struct.pack_into(order + wide, file, link, len(file))
        file += struct.pack(order + ("Q" if big else "H"), len(tags)) + entries
        link = len(file)
        file += struct.pack(order + wide, 0)
    return bytes(file)


def page(values, *, order="<", described=b"", **more):
    """The tags of a page of grey values, uncompressed; more by number: t254=("I", 1)."""
    kind = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    rows, columns = values.shape
    tags = {
        256: ("I", columns), 257: ("I", rows), 258: ("H", 8 * values.itemsize), 259: ("H", 1),
        262: ("H", 1), 277: ("H", 1), 278: ("I", rows), 339: ("H", kind),
        "data": values.astype(values.dtype.newbyteorder(order)).tobytes(),
    }  # fmt: skip
    tags |= {270: ("s", described + b"\0")} if described else {}
    return tags | {int(key[1:]) if key != "data" else key: value for key, value in more.items()}


def png_chunk(name, content):
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def png(height, width, *, bits=8, kind=0, lines=None, extra=b""):
    """A PNG; without `lines`, of one value throughout, as small as it can be."""
    samples = {0: 1, 2: 3}[kind]
    lines = bytes(height * (1 + width * samples * bits // 8)) if lines is None else lines
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(lines, 9)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + extra + body


def deep_png(values, extra=b""):
    """16-bit grey h w, or colour h w 3."""
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = 0 if values.ndim == 2 else 2
    return png(*values.shape[:2], bits=16, kind=kind, lines=lines, extra=extra)


def noise(height=40, width=48, seed=0):
    """A smooth colour picture with all values: blocks of random colours, enlarged."""
    few = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    large = PIL.Image.fromarray(few).resize((width, height), PIL.Image.Resampling.BICUBIC)
    return np.asarray(large)
