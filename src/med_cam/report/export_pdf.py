"""One document for the reader of a case: image, outline, verdict, warnings, what to make of it.

A4, in vectors, with text that can be searched. The same result gives the same bytes: the only date
is the result's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

import torch

from med_cam.images.image import Image
from med_cam.report import wording
from med_cam.report.backend import in_memory
from med_cam.report.lettering import (
    DPI,
    INK,
    Face,
    readable,
    shortened,
    text_width,
    wrapped,
    write,
)
from med_cam.report.manifest import SHOWN
from med_cam.report.panels import draw_outlined, fitted
from med_cam.report.parts import parts
from med_cam.report.reader_text import Section, sections, usable
from med_cam.report.result import Result, image_of
from med_cam.report.source_line import image_named
from med_cam.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 827.0, 1169.0  # A4 in pixels of the page
MARGIN, BOTTOM = 62.0, 1096.0  # the text ends above the foot
ROOM = WIDTH - 2 * MARGIN
PICTURES = (136.0, 426.0)  # top and bottom of the pictures on the first page
CONTINUED = " (continued)"
INDENT, GAP, SPACING = 20.0, 11.0, 1.85  # pixels; from line to line for each point
GOOD, BAD = "#005f9e", "#b34400"  # distinct for the colour-blind
TITLE, HEADING, BODY = Face(17, bold=True), Face(11, bold=True), Face(10)
SMALL = Face(8, color="#5b6470")
SIGNS: Mapping[bool | str | None, tuple[str, Face]] = {
    True: ("\u2713", Face(10, bold=True, color=GOOD)),
    False: ("\u2717", Face(10, bold=True, color=BAD)),
    None: ("\u2022", BODY),
}
SETTINGS: Any = {  # whatever the user's own are
    "pdf.fonttype": 42, "pdf.compression": 6, "pdf.use14corefonts": False,
    "savefig.bbox": "standard", "savefig.dpi": "figure", "image.composite_image": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, perhaps with a sign before it; `kept` with the one after it.

    `sign` is how a statement turned out, or what is drawn in the place of that.
    """

    text: str
    face: Face
    sign: bool | str | None = ""
    indent: float = 0.0
    above: float = 0.0
    kept: bool = False


def pdf(result: Result) -> bytes:
    """The document.

    Raises:
        OutputError: the copy of the image is not the one that was explained.
    """
    image = image_of(result)
    with in_memory():
        import matplotlib as mpl
        from matplotlib.backends.backend_pdf import PdfPages

    buffer = BytesIO()
    with mpl.rc_context(SETTINGS), PdfPages(buffer, metadata=_metadata(result)) as document:
        for page in pages(result, image):
            document.savefig(page)
    return buffer.getvalue()


def _metadata(result: Result) -> dict[str, Any]:
    created = result.document["created"]
    when = None if created is None else datetime.fromisoformat(created).astimezone(UTC)
    return {
        "Title": f"Explanation of a classifier's answer: {readable(result.explanation.label)}",
        "Subject": wording.NOT_A_DIAGNOSIS,
        "Creator": "med-cam",
        "Keywords": result.result_id,
        "CreationDate": when,
    }


def pages(result: Result, image: Image | None) -> list["Figure"]:
    """The pages of the document, not yet drawn; without an image the outline alone."""
    lines = [line for part in sections(result.explanation) for line in _lines_of(part)]
    drawn: list[Figure] = []
    while lines or not drawn:
        figure, page = _blank()
        top = MARGIN if drawn else _head(page, result, image)
        count = _fitting(lines, top)
        _set(page, lines[:count], top)
        lines = _continued(lines[:count], lines[count:])
        drawn.append(figure)
    for number, figure in enumerate(drawn, start=1):
        _foot(figure.axes[0], result, f"page {number} of {len(drawn)}")
    return drawn


def _blank() -> tuple["Figure", "Axes"]:
    """An empty page, and axes over all of it in pixels from its top left corner."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    figure.set_layout_engine("none")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), autoscale_on=False)
    page.set_axis_off()
    return figure, page


def _head(page: "Axes", result: Result, image: Image | None) -> float:
    """Title, verdict and pictures; returns where the text begins."""
    found = result.explanation
    title = f"What the answer \u201c{readable(found.label)}\u201d rests on"
    write(page, (MARGIN, 68.0), shortened(title, TITLE, width=ROOM), TITLE)
    write(page, (MARGIN, 90.0), shortened(_of(result), SMALL, width=ROOM), SMALL)
    good = usable(found)
    sign, face = SIGNS[good][0], Face(12, bold=True, color=GOOD if good else BAD)
    count = wording.warnings_counted(found)
    verdict = f"{sign}  {wording.verdict(found).capitalize()}"
    write(page, (MARGIN, 120.0), verdict, face)
    if count:
        warned = Face(12, bold=True, color=BAD)
        write(page, (MARGIN + text_width(verdict, face) + 30, 120.0), f"\u26a0  {count}", warned)
    half = (ROOM - 24) / 2
    top, bottom = PICTURES
    places = tuple(
        (MARGIN + i * (half + 24), top, MARGIN + i * (half + 24) + half, bottom) for i in (0, 1)
    )
    height, width = found.mask.shape
    pixels = torch.full((1, height, width), 0.5) if image is None else image.pixels
    regions = [part for part in parts(found) if part.name in ("evidence", "weaker evidence")]
    name = "Image" if image is not None else "No copy of the image was kept"
    drawn = [(part.mask, part.color) for part in regions]
    draw_outlined(page, pixels, drawn, places=places, titles=(name, _outlined(found)))
    return max(fitted(height, width, place)[3] for place in places) + 16


def _outlined(found: Explanation) -> str:
    """The title of the picture with the outline."""
    if not bool(found.mask.any()):
        return "No region was found"
    if usable(found):
        return f"Evidence outlined: {wording.percent(found.area)}"
    claimed = found.ladder is not None and found.ladder.rung is not None
    weaker = "; yellow: weaker claim" if claimed else ""
    what = "Large region" if found.verified else "Did NOT pass"
    return f"{what}: {wording.percent(found.area)}{weaker}"


def _of(result: Result) -> str:
    """Image, classifier and date, in one line."""
    document = result.document
    made = (document["created"] or "")[:10]
    return (
        f"{image_named(document)}, {document['classifier']['name']}{f', {made}' if made else ''}"
    )


def _lines_of(section: Section) -> Iterator[Line]:
    yield Line(section.heading, HEADING, above=GAP, kept=True)
    for statement in section.statements:
        face = BODY if statement.holds is not False else Face(10, color=BAD)
        text = statement.text.replace("->", "\u2192")
        text = f"{text[:1].upper()}{text[1:]}"
        rows = wrapped(text, face, width=ROOM - INDENT, lines=12)
        for number, row in enumerate(rows):
            sign = "" if number else ("\u26a0" if section.warns else statement.holds)
            yield Line(row, face, sign, INDENT, kept=number < len(rows) - 1)


def _fitting(lines: Sequence[Line], y: float) -> int:
    """How many lines go onto a page, below a height.

    Whole sections where what is left fits onto the page after it, so that no few lines of a
    section stand there alone; else as many as there is room for, no heading without its text.
    """
    count = _room(lines, y)
    whole = [i for i in range(1, count + 1) if i < len(lines) and lines[i].face == HEADING]
    if (
        count < len(lines)
        and whole
        and _room(lines[whole[-1] :], MARGIN) == len(lines) - whole[-1]
    ):
        return whole[-1]
    while 0 < count < len(lines) and lines[count - 1].kept:
        count -= 1
    return max(count, 1)


def _room(lines: Sequence[Line], y: float) -> int:
    """How many lines there is room for below a height."""
    count = 0
    for line in lines:
        y += _advance(line)
        if y > BOTTOM:
            break
        count += 1
    return count


def _continued(before: Sequence[Line], rest: list[Line]) -> list[Line]:
    """What is left for the pages after, its section named again where it was begun before."""
    if not rest or rest[0].face == HEADING:
        return rest
    heading = [line.text for line in before if line.face == HEADING][-1]
    text = heading if heading.endswith(CONTINUED) else f"{heading}{CONTINUED}"
    return [Line(text, HEADING, kept=True), *rest]


def _set(page: "Axes", lines: Sequence[Line], y: float) -> None:
    for line in lines:
        y += _advance(line)
        sign, face = SIGNS.get(line.sign, (str(line.sign), line.face))
        write(page, (MARGIN, y), sign, face)
        write(page, (MARGIN + line.indent, y), readable(line.text), line.face)


def _advance(line: Line) -> float:
    return line.above + SPACING * line.face.size


def _foot(page: "Axes", result: Result, place: str) -> None:
    text = f"{wording.NOT_A_DIAGNOSIS} Med-CAM is not a medical device."
    write(page, (MARGIN, HEIGHT - 44), text, Face(9, bold=True, color=INK))
    version = result.document["versions"].get("med-cam", "")
    line = f"result {result.result_id[:SHOWN]}, med-cam {version}, {place}"
    write(page, (WIDTH - MARGIN - text_width(line, SMALL), HEIGHT - 26), line, SMALL)
