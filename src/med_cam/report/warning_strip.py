"""The verdict and every warning in full, as a strip to stand below a figure.

The figure has room for the first warnings only; where it stands alone, as in a PACS, the others
would be lost.
"""

import numpy as np
from jaxtyping import UInt8

from med_cam.report import wording
from med_cam.report.backend import in_memory
from med_cam.report.lettering import DPI, Face, wrapped, write
from med_cam.results.explanation import Explanation

MARGIN, SPACING = 44.0, 28.0  # pixels
HEAD, TEXT = Face(15, bold=True), Face(14, color="#b34400")
MOST = 1000  # lines of one warning: all of it


def strip(found: Explanation, *, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """The strip, as wide as the figure; black on white, warnings in the figure's colour."""
    with in_memory():
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

    lines = strip_lines(found, width=width)
    height = round(SPACING * (len(lines) + 1))
    drawing = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    page = drawing.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    page.set_axis_off()
    for number, line in enumerate(lines, start=1):
        write(page, (MARGIN, SPACING * number), line, TEXT if number > 1 else HEAD)
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()  # type: ignore[no-untyped-call]
    drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return drawn[..., :3].copy()


def strip_lines(found: Explanation, *, width: int) -> list[str]:
    """The verdict with how many warnings there are; each of them on as many lines as it takes."""
    warnings = found.claim.warnings
    head = f"{wording.verdict(found)}; {wording.warnings_counted(found)}"
    numbered = [f"{number}. {text}" for number, text in enumerate(warnings, start=1)]
    room = width - 2 * MARGIN
    rows = [line for text in numbered for line in wrapped(text, TEXT, width=room, lines=MOST)]
    return [*wrapped(head, HEAD, width=room, lines=1), *rows]
