"""The figure of an explanation, fit for a slide: image, outline, evidence, and the tests."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from med_cam.images.image import Image
from med_cam.report import wording
from med_cam.report.choice_text import choice_line
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
from med_cam.report.file_names import JSON_FILE
from med_cam.report.fonts import undrawable
from med_cam.report.lettering import DPI, Face, readable, shortened, text_width, wrapped, write
from med_cam.report.manifest import SHOWN
from med_cam.report.panels import OUTLINE, OUTLINED, draw_panels, stroke
from med_cam.results.explanation import Explanation

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes

_LOG = logging.getLogger(__name__)
WIDTH, HEIGHT = 1600.0, 1020.0  # pixels
MARGIN = 44.0
ROOM = WIDTH - 2 * MARGIN
WARNINGS_SHOWN = 3
INDENT, BETWEEN = 26.0, 44.0  # pixels: from a sign to its text, between claims of one row
PROBABILITIES, TOP = 136.0, 152.0  # the line of probabilities, and where the pictures begin
NOTES, LAST = HEIGHT - 50, HEIGHT - 22  # the last lines
SPACING = 1.9  # pixels from line to line for each point of the letters

HEADING = Face(31, bold=True)
BADGE, BADGE_COUNT = Face(17, bold=True, color="white"), Face(14, color="white")
STATUS = Face(17, bold=True)
BODY = Face(15)
HEADED = Face(15, bold=True)
SIGNS = {
    True: ("\u2713", Face(15, bold=True, color=GOOD)),
    False: ("\u2717", Face(15, bold=True, color=BAD)),
    None: ("\u2022", BODY),
}
CLAIMS = {True: BODY, False: Face(15, color=BAD), None: BODY}
WARNING = Face(14, color=BAD)
CLAIM_FAILED = "the mask whose sufficiency failed"
CAPTION = Face(14, color="#5b6470")


def figure(
    image: Image,
    explanation: Explanation,
    result_id: str = "",
    source: str = "",
    style: str = OUTLINED,
) -> "matplotlib.figure.Figure":
    """Draw an explanation; nothing is shown, saved or left in matplotlib's global state.

    Args:
        image: that was explained.
        explanation: what was found.
        result_id: of the result.
        source: file, classifier, version and date, for the last line.
        style: of the picture with the outline, one of `panels.STYLES`.
    """
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    drawing.set_layout_engine("none")
    page = _page(drawing)
    _tell_of_undrawable(explanation)
    _header(page, explanation)
    _probabilities(page, explanation)
    _mark(page, result_id, source)
    _choice(page, explanation)
    bottom = _footer(page, explanation)
    box = (MARGIN, TOP, WIDTH - MARGIN, bottom - 14)
    others = [(other.mask, other.color) for other in outlined_too(explanation)]
    shown, alone = shown_parts(explanation), last_panel(explanation)
    compared = compared_panels(explanation)
    draw_panels(
        page, image.pixels, shown, others, box=box, alone=alone, style=style, compared=compared
    )
    return drawing


def _page(drawing: "matplotlib.figure.Figure") -> "Axes":
    """Axes over the whole figure, in pixels from its top left corner."""
    page = drawing.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), autoscale_on=False)
    page.set_axis_off()
    return page


def _header(page: "Axes", found: Explanation) -> None:
    """Label, probability before and after, area, and the badge."""
    right = _badge(page, found)
    for value, caption in facts(found):
        right -= 48 + max(text_width(value, HEADING), text_width(caption, CAPTION))
        write(page, (right, 68.0), value, HEADING)
        write(page, (right, 98.0), caption, CAPTION)
    _label(page, named(found), width=right - 40 - MARGIN)


def _probabilities(page: "Axes", found: Explanation) -> None:
    """The three highest probabilities on the whole image and on the evidence alone, in a line."""
    x = MARGIN
    for text in leading(found):
        text = shortened(text, BODY, width=(ROOM - BETWEEN) / 2)
        write(page, (x, PROBABILITIES), text, BODY)
        x = max(x + text_width(text, BODY) + BETWEEN, WIDTH / 2)


def _tell_of_undrawable(found: Explanation) -> None:
    """A note of the run on the characters of labels that the figure shows by their numbers."""
    said = (found.status, *found.claim.warnings, *(s.text for s in statements(found)))
    if lost := undrawable(" ".join((found.label, *said))):
        shown = "".join(c for c in lost if c.isprintable()) or "of control"
        _LOG.warning(
            "figure.png shows these characters by their numbers in Unicode, since no font of this "
            "machine draws them, or matplotlib does not set their script: %s.",
            shown,
        )


def _badge(page: "Axes", found: Explanation) -> float:
    """The verdict in words, a sign and a colour, with the warnings; returns its left edge."""
    from matplotlib.patches import FancyBboxPatch

    sign, color = judged(found)
    text, count = f"{sign}  {wording.verdict(found).upper()}", wording.warnings_counted(found)
    indent = text_width(f"{sign}  ", BADGE)
    width, height, top = text_width(text, BADGE) + 40, 64.0, 34.0
    left = WIDTH - MARGIN - width
    shape = "round,pad=0,rounding_size=10"
    page.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=shape, fc=color, ec="none"))
    write(page, (left + 20, top + (28 if count else 40)), text, BADGE)
    if count:
        write(page, (left + 20 + indent, top + 53), count.upper(), BADGE_COUNT)
    return left


def _label(page: "Axes", label: str, *, width: float) -> None:
    """The label as large as fits in one line, or in two lines of a smaller size."""
    text = readable(label)
    for face in (HEADING, Face(28, bold=True), Face(25, bold=True)):
        if text_width(text, face) <= width:
            write(page, (MARGIN, 68.0), text, face)
            write(page, (MARGIN, 98.0), "label explained", CAPTION)
            return
    small = Face(21, bold=True)
    for row, line in enumerate(wrapped(text, small, width=width, lines=2)):
        write(page, (MARGIN, 60.0 + 36 * row), line, small)


def _footer(page: "Axes", found: Explanation) -> float:
    """Legend, status, claims, baselines, warnings; returns the height at which they begin."""
    y = NOTES
    write(page, (MARGIN, y), wording.NOT_A_DIAGNOSIS, CAPTION)
    y = _rows_up(page, _warnings(found.claim.warnings), WARNING, y=y - 36)
    y = _rows_up(page, _relative_to(found), BODY, y=y - 2)
    y = _tests(page, found, y=y - 4)
    y = _rows_up(
        page, wrapped(wording.status(found), STATUS, width=ROOM, lines=2), STATUS, y=y - 6
    )
    return _legend(page, found, y=y - 6) if outlined_too(found) else y


def _mark(page: "Axes", result_id: str, source: str) -> None:
    """The last line: where the result comes from, and the first digits of its ID at the right."""
    room = ROOM
    if result_id:
        text = f"result {result_id[:SHOWN]}"
        room -= text_width(text, CAPTION) + BETWEEN
        write(page, (WIDTH - MARGIN - text_width(text, CAPTION), LAST), text, CAPTION)
    if source:
        write(page, (MARGIN, LAST), shortened(source, CAPTION, width=room), CAPTION)


def _choice(page: "Axes", found: Explanation) -> None:
    """How the removals were chosen, behind the note that this is no diagnosis."""
    if found.removal_choice is not None:
        left = MARGIN + text_width(wording.NOT_A_DIAGNOSIS, CAPTION) + BETWEEN / 2
        text = shortened(choice_line(found.removal_choice), CAPTION, width=WIDTH - MARGIN - left)
        write(page, (left, NOTES), text, CAPTION)


def _rows_up(page: "Axes", rows: Sequence[str], face: Face, *, y: float) -> float:
    """Lines of text whose last has its baseline at y; returns where a line above would go."""
    for row in reversed(rows):
        write(page, (MARGIN, y), row, face)
        y -= SPACING * face.size
    return y


def _relative_to(found: Explanation) -> list[str]:
    """The baselines of the claim, each with its count, unless the certificate names them."""
    if found.claim.certificate is not None:
        return []
    rests = [wording.retained_on(b) for b in found.claim.baselines if b.searched]
    text = f"Claim relative to these baselines: {', '.join(rests) or 'none'}"
    return wrapped(text, BODY, width=ROOM, lines=2)


def _tests(page: "Axes", found: Explanation, *, y: float) -> float:
    """The claims under a heading, short ones side by side; returns where a line above would go."""
    reported = statements(found)
    rows = _side_by_side(reported)
    for row in reversed(rows):
        y = _claims_up(page, row, y=y)
    failed = sum(claim.holds is False for claim in reported)
    what = "Tests" if wording.weaker(found) is None else "Tests of the mask of the solid line"
    passed = "all passed" if found.area < 1 else "of the whole image, which shows nothing"
    heading = f"{what} ({failed} not passed)" if failed else f"{what} ({passed})"
    return _rows_up(page, [heading] if rows else [], HEADED, y=y)


def _side_by_side(reported: Sequence[Statement]) -> list[list[Statement]]:
    """Rows of claims, each claim in the first row that has room for it."""
    rows: list[list[Statement]] = []
    rooms: list[float] = []
    for claim in reported:
        needed = BETWEEN + INDENT + text_width(readable(claim.text), CLAIMS[claim.holds])
        place = next((i for i, room in enumerate(rooms) if needed <= room), len(rows))
        if place == len(rows):
            rows.append([])
            rooms.append(ROOM + BETWEEN)
        rows[place].append(claim)
        rooms[place] -= needed
    return rows


def _claims_up(page: "Axes", row: Sequence[Statement], *, y: float) -> float:
    """Claims beside each other, or one in two lines; returns where a line above would go."""
    leading = SPACING * BODY.size
    texts = [wrapped(c.text, CLAIMS[c.holds], width=ROOM - INDENT, lines=2) for c in row]
    x, top = MARGIN, y - leading * (max(map(len, texts)) - 1)
    for claim, lines in zip(row, texts, strict=True):
        sign, face = SIGNS[claim.holds]
        write(page, (x, top), sign, face)
        for number, line in enumerate(lines):
            write(page, (x + INDENT, top + leading * number), line, CLAIMS[claim.holds])
        x += INDENT + text_width(lines[0], CLAIMS[claim.holds]) + BETWEEN
    return top - leading


def _warnings(warnings: Sequence[str]) -> list[str]:
    """The first warnings, each in a line, and how many are left."""
    rows = [shortened(f"\u26a0 {text}", WARNING, width=ROOM) for text in warnings[:WARNINGS_SHOWN]]
    rest = len(warnings) - WARNINGS_SHOWN
    if rest <= 0:
        return rows
    more = f"  (+{rest} more in {JSON_FILE})"
    return [
        *rows[:-1],
        shortened(rows[-1], WARNING, width=ROOM - text_width(more, WARNING)) + more,
    ]


def _legend(page: "Axes", found: Explanation, *, y: float) -> float:
    """What the solid and the dashed outlines are; returns the height at which it begins."""
    x, labels = MARGIN, (found.label, *found.labels)
    first = wording.verdict(found) if wording.weaker(found) is None else CLAIM_FAILED
    dashed = [(color, brief(text, labels)) for _, color, text in outlined_too(found)]
    if found.beside is not None:
        first += f": {wording.percent(found.area)} over {wording.baselines(found.claim.searched)}"
    for color, text in ((OUTLINE, first), *dashed):
        sample = np.array([(x + 2, y - 7), (x + 50, y - 7)])
        stroke(page, [sample], color=color, dashed=color != OUTLINE)
        text = shortened(text, BODY, width=WIDTH - MARGIN - x - 62)
        write(page, (x + 62, y), text, BODY)
        x += text_width(text, BODY) + 110
    return y - 34
