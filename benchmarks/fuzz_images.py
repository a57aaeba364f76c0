"""Mutate image files of every format: is each read, or refused in one sentence?

    python benchmarks/fuzz_images.py [--count N] [--seed N] [--workers N] [--verbose]

Small pictures of every format and kind that is read, and some that are refused (animations,
several pages), with bytes and bits changed, numbers of headers replaced by extremes, parts cut
out, doubled, moved or taken from another file, ends cut off; in PNG half of the time with the
checksums set right again. Each is read in a process that is replaced if it takes longer than 20
seconds. A file has to give a picture of finite values in [0, 1], or an ImageError of one
sentence; within the memory that `images/budget.py` states for one image; nothing may be opened to
be written, made, moved or removed. Nothing may be printed but what libtiff, which has no way to be
asked for it, prints beside a refusal; these are counted below the table.

Prints a table, a line for each format; the status is 1 if anything was found. Memory is what the
process had at its peak while it read, less what it had before (Linux only).
"""

import io
import json
import random
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile
import torch
from command import parser_of
from mutations import mutated

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from images.bytes_of import deep_png, encoded, noise, page, tiff
from med_cam.errors import ImageError
from med_cam.images.budget import BUDGET
from med_cam.images.read import read_image

SECONDS, LONGEST = 20, 600  # of one file; characters of a sentence
COLUMNS = ("read", "warned", "refused")
GOOD = (*COLUMNS, "refused, printed")
WRITES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate",
          "subprocess.Popen", "os.system", "socket.connect")  # fmt: skip


# -- whole files ----------------------------------------------------------------------------------


def of_tifffile(values, **options):
    """A TIFF as tifffile writes it, without a description."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def of_frames(format_, **options):
    """Three pictures in one file."""
    frames = [PIL.Image.fromarray(noise(40, 48, seed)) for seed in range(3)]
    return encoded(frames[0], format_, save_all=True, append_images=frames[1:], **options)


def palette(**options):
    """A PNG with 16 colours."""
    return encoded(PIL.Image.fromarray(noise()).quantize(16), "PNG", **options)


def whole_files():
    """Each kind of file: name, what is declared white, bytes."""
    colour = noise()
    grey = colour[..., 0]
    deep = np.random.default_rng(0).integers(0, 65536, (20, 24), dtype=np.uint16)
    wide = np.random.default_rng(0).integers(0, 65536, (20, 24, 3), dtype=np.uint16)
    share = grey.astype(np.float32) / 255
    opaque = np.dstack([colour, np.full_like(grey, 255)])
    files = {
        "PNG colour": encoded(colour, "PNG"),
        "PNG grey": encoded(grey, "PNG"),
        "PNG 1 bit": encoded(grey, "PNG", mode="1"),
        "PNG palette": palette(),
        "PNG palette, alpha": palette(transparency=b"\xff" * 16),
        "PNG alpha": encoded(opaque, "PNG"),
        "PNG see-through": encoded(np.dstack([colour, grey]), "PNG"),
        "PNG 16 bits": deep_png(deep),
        "PNG 12 bits in 16": deep_png(deep >> 4),
        "PNG 16-bit colour": deep_png(wide),
        "PNG animated": of_frames("PNG"),
        "JPEG": encoded(colour, "JPEG"),
        "JPEG 4:4:4": encoded(colour, "JPEG", quality=95, subsampling=0),
        "JPEG grey": encoded(grey, "JPEG"),
        "JPEG CMYK": encoded(colour, "JPEG", mode="CMYK"),
        "JPEG progressive": encoded(colour, "JPEG", progressive=True),
        "JPEG restarts": encoded(colour, "JPEG", restart_marker_blocks=3),
        "JPEG MPO": of_frames("MPO"),
        "TIFF": encoded(colour, "TIFF"),
        "TIFF LZW": encoded(colour, "TIFF", compression="tiff_lzw"),
        "TIFF Deflate": encoded(colour, "TIFF", compression="tiff_deflate"),
        "TIFF PackBits": encoded(colour, "TIFF", compression="packbits"),
        "TIFF JPEG": encoded(colour, "TIFF", compression="jpeg"),
        "TIFF fax": encoded(grey, "TIFF", mode="1", compression="group4"),
        "TIFF tiles": of_tifffile(colour, tile=(16, 16), photometric="rgb"),
        "TIFF tiles, Deflate": of_tifffile(
            colour, tile=(16, 16), photometric="rgb", compression="zlib"
        ),
        "TIFF planes": of_tifffile(
            np.ascontiguousarray(np.moveaxis(colour, 2, 0)),
            photometric="rgb",
            planarconfig="separate",
        ),
        "TIFF strips": of_tifffile(grey, rowsperstrip=7),
        "TIFF 16 bits": tiff(page(deep)),
        "TIFF 12 bits in 16": tiff(page(deep >> 4)),
        "TIFF 16-bit colour": of_tifffile(wide, photometric="rgb"),
        "TIFF signed": tiff(page((deep >> 1).astype(np.int16), order=">"), order=">"),
        "TIFF floats": tiff(page(share)),
        "TIFF double floats": tiff(page(share.astype(np.float64))),
        "BigTIFF": tiff(page(deep), big=True),
        "TIFF pages": of_frames("TIFF"),
        "BMP": encoded(colour, "BMP"),
        "BMP palette": encoded(PIL.Image.fromarray(colour).quantize(16), "BMP"),
        "BMP 1 bit": encoded(grey, "BMP", mode="1"),
        "GIF": encoded(colour, "GIF"),
        "GIF 4 colours": encoded(PIL.Image.fromarray(colour).quantize(4), "GIF"),
        "GIF animated": of_frames("GIF"),
        "WebP": encoded(colour, "WEBP"),
        "WebP lossless": encoded(colour, "WEBP", lossless=True),
        "WebP animated": of_frames("WEBP"),
    }
    return {name: (4095 if "12 bits" in name else None, file) for name, file in files.items()}


# -- the process that reads -----------------------------------------------------------------------


def serve():
    """Read the files that are named, one a line, and answer with what became of each."""
    written = []

    def heed(event, given):
        if event == "open" and isinstance(given[1], str) and set(given[1]) & set("wax+"):
            written.append(f"open {given[0]}")
        elif event in WRITES:
            written.append(event)

    sys.addaudithook(heed)
    for line in sys.stdin:
        path, white = json.loads(line)
        before, begun = memory("VmRSS"), time.monotonic()
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
        written.clear()
        kind, words = attempt(path, white)
        answer = {
            "kind": f"written: {written[0]}" if written else kind,
            "words": words,
            "seconds": time.monotonic() - begun,
            "memory": memory("VmHWM") - before,
        }
        print(json.dumps(answer), flush=True)


def attempt(path, white):
    """What becomes of one file, and what is said."""
    try:
        image = read_image(path, white=white)
    except ImageError as error:
        words = str(error)
        plain = words.isprintable() and len(words) < LONGEST and words.endswith((".", ")"))
        return ("refused" if plain else "sentence"), words
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        return "error", f"{type(error).__name__}: {error}"
    pixels, notes = image.pixels, image.notes
    if not (torch.isfinite(pixels).all() and pixels.min() >= 0 and pixels.max() <= 1):
        return "values", f"{pixels.min()} to {pixels.max()}"
    plain = all(note.isprintable() and len(note) < LONGEST for note in notes)
    return (("warned" if notes else "read") if plain else "sentence"), "; ".join(notes)


def memory(name):
    """A figure of this process in bytes, as Linux gives it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


class Reader:
    """A process that reads, replaced when it does not answer."""

    def __init__(self, home):
        self.home, self.child, self.said = home, None, None

    def read(self, path, white):
        """What became of a file."""
        if self.child is None:
            self.begin()
        self.child.stdin.write(json.dumps([str(path), white]) + "\n")
        self.child.stdin.flush()
        if not select.select([self.child.stdout], [], [], SECONDS)[0]:
            return self.ended({"kind": "hang", "words": "", "seconds": SECONDS, "memory": 0})
        line = self.child.stdout.readline()
        if not line:
            return self.ended({"kind": "crash", "words": "", "seconds": 0, "memory": 0})
        found = json.loads(line)
        self.said.seek(0)
        printed = self.said.read().decode(errors="replace").strip("\0\n ")
        if printed and found["kind"] in ("read", "warned"):
            found |= {"kind": "printed", "words": printed}
        elif printed and found["kind"] == "refused":
            found["kind"] = "refused, printed"
        self.said.truncate(0)
        if found["kind"] in GOOD and found["memory"] > BUDGET:
            found["kind"] = "memory"
        return found

    def begin(self):
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        self.child = subprocess.Popen(
            [sys.executable, __file__, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            cwd=self.home,
            text=True,
        )

    def ended(self, found):
        """The answer for the process, which is no more."""
        self.child.kill()
        self.child.wait()
        self.said.seek(0)
        found["words"] = self.said.read().decode(errors="replace")[-300:]
        self.child = None
        return found

    def close(self):
        if self.child is not None:
            self.child.stdin.close()
            self.child.wait()


# -- all of them ----------------------------------------------------------------------------------


def fuzzed(share, options, room, home):
    """The outcomes of one process's share of all files, by kind of file."""
    files = whole_files()
    names, reader, found = list(files), Reader(home), []
    path = room / f"{share}.bin"
    for index in range(share, options.count, options.workers):
        name = names[index % len(names)]
        white, content = files[name]
        others = [file for other, (_, file) in files.items() if other != name]
        changed, how = mutated(content, others, random.Random(f"{options.seed} {index}"))
        path.write_bytes(changed)
        one = reader.read(path, white)
        if path.read_bytes() != changed:
            one["kind"] = "written"
        found.append((name, one))
        if options.verbose or one["kind"] not in GOOD:
            shown = f"{index} {name}: {how}: {one['kind']}: {one['words'][:300]}"
            print(shown.replace(str(path), "FILE"), file=sys.stderr, flush=True)
    reader.close()
    return found


def line_of(name, found):
    """A row of the table."""
    kinds = Counter(
        one["kind"].partition(",")[0] if one["kind"] in GOOD else "bad" for one in found
    )
    slowest = max(one["seconds"] for one in found)
    most = max(one["memory"] for one in found) / 2**20
    counts = " | ".join(str(kinds[kind]) for kind in (*COLUMNS, "bad"))
    return f"| {name} | {len(found)} | {counts} | {slowest:.1f} s | {most:,.0f} MiB |"


def main():
    """Change, read, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=8000, help="files in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="print each of them")
    parser.add_argument("--serve", action="store_true", help="for the processes that read")
    options = parser.parse_args()
    if options.serve:
        return serve()
    with tempfile.TemporaryDirectory() as place_:
        room, home = Path(place_, "files"), Path(place_, "home")
        room.mkdir()
        home.mkdir()
        with ThreadPoolExecutor(options.workers) as pool:
            shares = [
                pool.submit(fuzzed, share, options, room, home) for share in range(options.workers)
            ]
            found = [one for share in shares for one in share.result()]
        if made := [*home.iterdir(), *room.iterdir()][options.workers :]:
            found.append(("left behind", {"kind": "written", "seconds": 0, "memory": 0}))
            print(f"left behind: {made}", file=sys.stderr)
    print(
        "| format | files | read | read with a warning | refused | anything else | slowest | ",
        end="",
    )
    print("memory |\n" + "|---" * 8 + "|")
    for name in dict.fromkeys(name for name, _ in found):
        print(line_of(name, [one for other, one in found if other == name]))
    print(line_of("all", [one for _, one in found]))
    printed = sum(one["kind"] == GOOD[-1] for _, one in found)
    print(f"\nrefused, with a line that libtiff printed: {printed}")
    return int(any(one["kind"] not in GOOD for _, one in found))


if __name__ == "__main__":
    raise SystemExit(main())
