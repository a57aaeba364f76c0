"""The figure of an explanation, fit for a slide: image, outline, evidence, and what was proved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from med_cam.images.geometry import Image
from med_cam.report import wording
from med_cam.report.lettering import DPI, Face, readable, shortened, text_width, wrapped, write
from med_cam.report.panels import FALLBACK_OUTLINE, OUTLINE, draw_panels, stroke
from med_cam.report.schema import JSON_FILE
from med_cam.values import Check, Explanation, Fallback

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 1600.0, 800.0  # pixels
MARGIN = 44.0
ROOM = WIDTH - 2 * MARGIN
WARNINGS_SHOWN = 3

GOOD, BAD = "#005f9e", "#b34400"  # told apart by the colour-blind, dark enough for text on white
HEADING = Face(31, bold=True)
BADGE = Face(21, bold=True, color="white")
STATUS = Face(17, bold=True)
CHECK = {True: Face(16, bold=True, color=GOOD), False: Face(16, bold=True, color=BAD)}
BODY = Face(15)
WARNING = Face(14, color=BAD)
CAPTION = Face(14, color="#5b6470")


def figure(image: Image, explanation: Explanation) -> "matplotlib.figure.Figure":
    """Draw an explanation; nothing is shown, saved or left in matplotlib's global state."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    drawing.set_layout_engine("none")
    page = _page(drawing)
    _header(page, explanation)
    bottom = _footer(page, explanation)
    fallback = None if explanation.fallback is None else explanation.fallback.mask
    box = (MARGIN, 122.0, WIDTH - MARGIN, bottom - 14)
    draw_panels(page, image.pixels, (explanation.mask, fallback), box=box)
    return drawing


def _page(drawing: "matplotlib.figure.Figure") -> "Axes":
    """Axes over the whole figure, in pixels from its top left corner."""
    page = drawing.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0), autoscale_on=False)
    page.set_axis_off()
    return page


def _header(page: "Axes", found: Explanation) -> None:
    """Label, probability before and after, area, verified or not."""
    before = wording.probability(found.before[found.target])
    after = wording.probability(found.after[found.target])
    facts = (
        (wording.percent(found.area), "of the image is evidence"),
        (f"{before} \u2192 {after}", "probability: image \u2192 evidence"),
    )
    right = _badge(page, verified=found.verified)
    for value, caption in facts:
        right -= 48 + max(text_width(value, HEADING), text_width(caption, CAPTION))
        write(page, (right, 68.0), value, HEADING)
        write(page, (right, 98.0), caption, CAPTION)
    _label(page, found.label, width=right - 40 - MARGIN)


def _badge(page: "Axes", *, verified: bool) -> float:
    """The verdict in a word, a sign and a colour; returns its left edge."""
    from matplotlib.patches import FancyBboxPatch

    text = "\u2713  VERIFIED" if verified else "\u2717  NOT VERIFIED"
    width, height, top = text_width(text, BADGE) + 48, 58.0, 34.0
    left, color = WIDTH - MARGIN - width, GOOD if verified else BAD
    shape = "round,pad=0,rounding_size=10"
    page.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=shape, fc=color, ec="none"))
    write(page, (left + 24, top + 38), text, BADGE)
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
    """Legend, status, backgrounds, checks, warnings; returns the height at which they begin."""
    y = HEIGHT - 24
    write(page, (MARGIN, y), wording.NOT_A_DIAGNOSIS, CAPTION)
    y = _rows_up(page, _warnings(found.claim.warnings), WARNING, y=y - 36)
    _checks(page, found.claim.checks, y=y - 2)
    y = _rows_up(page, _relative_to(found), BODY, y=y - 38)
    y = _rows_up(page, wrapped(found.status, STATUS, width=ROOM, lines=2), STATUS, y=y - 6)
    return y if found.fallback is None else _legend(page, found.fallback, y=y - 6)


def _rows_up(page: "Axes", rows: Sequence[str], face: Face, *, y: float) -> float:
    """Lines of text whose last has its baseline at y; returns where a line above would go."""
    for row in reversed(rows):
        write(page, (MARGIN, y), row, face)
        y -= 1.9 * face.size
    return y


def _relative_to(found: Explanation) -> list[str]:
    """On which backgrounds the claim rests and which were only tried, each with its count."""
    rests = [wording.kept_on(b) for b in found.claim.backgrounds if b.searched]
    tried = [wording.kept_on(b) for b in found.claim.backgrounds if not b.searched]
    text = f"Claim relative to these backgrounds: {', '.join(rests) or 'none'}"
    beside = f"Also tried, no part of the claim: {', '.join(tried)}"
    rows = wrapped(text, BODY, width=ROOM, lines=2)
    return [*rows, shortened(beside, BODY, width=ROOM)] if tried else rows


def _checks(page: "Axes", checks: Sequence[Check], *, y: float) -> None:
    """Each check with its count, ticked or crossed."""
    x = MARGIN
    for result in checks:
        sign, face = "\u2713" if result.passed else "\u2717", CHECK[result.passed]
        text = readable(f"{sign} {wording.check(result)}")
        write(page, (x, y), text, face)
        x += text_width(text, face) + 40


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


def _legend(page: "Axes", fallback: Fallback, *, y: float) -> float:
    """What the solid and the dashed outline are; returns the height at which it begins."""
    only = wording.backgrounds(fallback.claim.searched)
    holds = f"holds only on: {only} ({wording.percent(fallback.area)})"
    x = MARGIN
    for color, text in ((OUTLINE, "not verified"), (FALLBACK_OUTLINE, holds)):
        sample = np.array([(x + 2, y - 7), (x + 50, y - 7)])
        stroke(page, [sample], color=color, dashed=color == FALLBACK_OUTLINE)
        text = shortened(text, BODY, width=WIDTH - MARGIN - x - 62)
        write(page, (x + 62, y), text, BODY)
        x += text_width(text, BODY) + 110
    return y - 34
