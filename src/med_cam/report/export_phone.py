"""The figure for a phone: everything below each other, letters that are read at 390 pixels.

It is twice as wide as the screen it is for, and as tall as what it says.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from med_cam.images.image import Image
from med_cam.report import wording
from med_cam.report.backend import as_png, in_memory
from med_cam.report.claims import Statement
from med_cam.report.figure_words import (
    BAD,
    GOOD,
    brief,
    compared_panels,
    facts,
    judged,
    last_panel,
    leading,
    named,
    outlined_too,
    shown_parts,
    statements,
)
from med_cam.report.lettering import DPI, Face, readable, wrapped, write
from med_cam.report.manifest import SHOWN
from med_cam.report.panels import (
    COMPARED_OUTLINE,
    OUTLINE,
    TITLES,
    Box,
    display_mask,
    display_pixels,
    draw_evidence,
    draw_image,
    draw_parts,
    fitted,
    outline,
    panel,
    stroke,
)
from med_cam.report.result import Result, image_of
from med_cam.report.source_line import source_line
from med_cam.results.explanation import Explanation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, MARGIN = 780.0, 36.0  # pixels; twice those of a common phone
ROOM = WIDTH - 2 * MARGIN
TALLEST = 1.25  # of a picture's width: a taller one is drawn narrower
SPACING = 1.9  # pixels from line to line for each point
MOST = 40  # lines of one sentence; none is so long
INDENT = 38.0
PLAIN = 0.5  # grey in the place of an image of which no copy was kept
LABEL, BADGE, BODY = Face(30, bold=True), Face(20, bold=True, color="white"), Face(20)
HEADED, CAPTION, WARNING = Face(20, bold=True), Face(18, color="#5b6470"), Face(20, color=BAD)
SIGNS = {
    True: ("\u2713", Face(20, bold=True, color=GOOD)),
    False: ("\u2717", Face(20, bold=True, color=BAD)),
    None: ("\u2022", BODY),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; what is drawn before it (a sign, or an outline of a colour)."""

    text: str
    face: Face
    sign: tuple[str, Face] | None = None
    stroke: str = ""
    indent: float = 0.0
    above: float = 0.0


def phone(result: Result) -> bytes:
    """The figure as PNG.

    Raises:
        OutputError: the copy of the image is not the one that was explained.
    """
    image, found = image_of(result), result.explanation
    if image is None:
        image = Image(torch.full((1, *found.mask.shape), PLAIN))
    with in_memory():
        return as_png(phone_figure(found, image, result.result_id, source_line(result.document)))


def phone_figure(found: Explanation, image: Image, result_id: str, source: str = "") -> "Figure":
    """The drawing, as tall as it has to be; `source` is file, classifier, version and date."""
    from matplotlib.figure import Figure

    head, foot = list(_head(found)), list(_foot(found, result_id, source))
    height, width = image.pixels.shape[1:]
    picture = min(TALLEST, height / width) * ROOM + 60
    badge, texts = 100.0, _height(head) + _height(foot)
    tall = 2 * MARGIN + texts + badge + (3 + len(found.compared)) * picture
    drawing = Figure(figsize=(WIDTH / DPI, tall / DPI), dpi=DPI, facecolor="white")
    drawing.set_layout_engine("none")
    page = drawing.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, WIDTH), ylim=(tall, 0), autoscale_on=False)
    page.set_axis_off()
    y = _texts(page, head, y=MARGIN)
    _badge(page, found, top=y + 12)
    y = _pictures(page, found, image, top=y + badge, each=picture)
    _texts(page, foot, y=y)
    return drawing


def _head(found: Explanation) -> Iterator[Line]:
    """The label and what the mask amounts to."""
    yield from _wrapped(named(found), LABEL)
    for value, caption in facts(found):
        yield from _wrapped(f"{value} {caption}", BODY)
    for text in leading(found):
        yield from _wrapped(text, CAPTION)


def _foot(found: Explanation, result_id: str, source: str) -> Iterator[Line]:
    """What the outlines are, how it ended, tests, warnings; where it comes from."""
    labels = (found.label, *found.labels)
    dashed = outlined_too(found)
    if dashed:
        yield from _wrapped("evidence", BODY, stroke=OUTLINE)
    for other in dashed:
        yield from _wrapped(brief(other.text, labels), BODY, stroke=other.color)
    yield from _wrapped(wording.status(found), HEADED, above=14.0)
    for claim in statements(found):
        yield from _claim(claim)
    for text in found.claim.warnings:
        yield from _wrapped(brief(text, labels), WARNING, sign=("\u26a0", WARNING))
    yield from _wrapped(wording.NOT_A_DIAGNOSIS, CAPTION, above=14.0)
    yield from _wrapped(source, CAPTION)
    yield from _wrapped(f"result {result_id[:SHOWN]}", CAPTION)


def _claim(claim: Statement) -> Iterator[Line]:
    face = WARNING if claim.holds is False else BODY
    return _wrapped(claim.text, face, sign=SIGNS[claim.holds])


def _wrapped(
    text: str,
    face: Face,
    *,
    sign: tuple[str, Face] | None = None,
    stroke: str = "",
    above: float = 8.0,
) -> Iterator[Line]:
    """Lines of a text, none of it left out."""
    indent = INDENT if sign else 2 * INDENT if stroke else 0.0
    for row, line in enumerate(wrapped(readable(text), face, width=ROOM - indent, lines=MOST)):
        first = row == 0
        yield Line(
            line, face, sign if first else None, stroke if first else "", indent,
            above if first else 0.0,
        )  # fmt: skip


def _height(lines: Sequence[Line]) -> float:
    return sum(line.above + SPACING * line.face.size for line in lines)


def _texts(page: "Axes", lines: Sequence[Line], *, y: float) -> float:
    """Put lines below each other from this height on; returns where they end."""
    for line in lines:
        y += line.above + SPACING * line.face.size
        place = (MARGIN + line.indent, y - 0.5 * line.face.size)
        if line.sign is not None:
            write(page, (MARGIN, place[1]), *line.sign)
        write(page, place, line.text, line.face)
        if line.stroke:
            _sample(page, line.stroke, y=place[1] - 8)
    return y


def _sample(page: "Axes", color: str, *, y: float) -> None:
    """A piece of an outline, before what it is."""
    import numpy as np

    piece = np.array([(MARGIN + 2, y), (MARGIN + 2 * INDENT - 14, y)])
    stroke(page, [piece], color=color, dashed=color != OUTLINE)


def _badge(page: "Axes", found: Explanation, *, top: float) -> None:
    """The verdict over the whole width, with the number of warnings."""
    from matplotlib.patches import FancyBboxPatch

    sign, color = judged(found)
    shape = "round,pad=0,rounding_size=10"
    box = FancyBboxPatch((MARGIN, top), ROOM, 76, boxstyle=shape, fc=color, ec="none")
    page.add_patch(box)
    counted = wording.warnings_counted(found)
    text = f"{sign}  {wording.verdict(found)}" + (f", {counted}" if counted else "")
    face = next(
        (f for f in (BADGE, Face(17, bold=True, color="white")) if _fits(text, f)),
        Face(14, bold=True, color="white"),
    )
    write(page, (MARGIN + 20, top + 48), text, face)


def _fits(text: str, face: Face) -> bool:
    return len(wrapped(text, face, width=ROOM - 40, lines=2)) == 1


def _pictures(page: "Axes", found: Explanation, image: Image, *, top: float, each: float) -> float:
    """Outlined evidence, evidence alone and the image, each as large as fits; returns the end."""
    rgb = display_pixels(image.pixels)
    title, region = last_panel(found) or (TITLES[2], found.mask)
    compared = compared_panels(found)
    titles = (TITLES[1], title, TITLES[0], *(name for name, _ in compared))
    outlined, alone, plain, *more = (
        panel(page, _place(rgb.shape[0], rgb.shape[1], top + i * each, each), name, CAPTION)
        for i, name in enumerate(titles)
    )
    others = [(other.mask, other.color) for other in outlined_too(found)]
    draw_parts(outlined, rgb, shown_parts(found), others)
    draw_evidence(alone, rgb, display_mask(region))
    draw_image(plain, rgb)
    for axes, (_, mask) in zip(more, compared, strict=True):
        draw_image(axes, rgb)
        stroke(axes, outline(display_mask(mask)), color=COMPARED_OUTLINE)
    return top + len(titles) * each


def _place(height: int, width: int, top: float, each: float) -> Box:
    return fitted(height, width, (MARGIN, top + 10, WIDTH - MARGIN, top + each - 12))
