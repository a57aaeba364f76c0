"""The figure of a study: by class a few images, each with its evidence and other methods' maps."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from med_cam.report import wording
from med_cam.report.figure_words import BAD, GOOD
from med_cam.report.lettering import DPI, Face, write
from med_cam.report.panels import Line
from med_cam_studies.evaluation.rows import Row, Shown
from med_cam_studies.report import words
from med_cam_studies.report.layout import (
    BETWEEN_IMAGES,
    BETWEEN_PANELS,
    BODY,
    CLASS,
    FOOT,
    HEAD,
    HEADING,
    MARGIN,
    ROOM,
    SMALL,
    TITLE,
    WIDTH,
    WORDS,
    Grid,
    Place,
    Strip,
    fitted,
    fitting,
    grid_of,
    page_height,
    paged,
    printed_width,
    strips,
)
from med_cam_studies.report.pictures import FINDING_OUTLINE, Outlines, Pixels, legend, pictures

if TYPE_CHECKING:
    import matplotlib.figure
    from matplotlib.axes import Axes

LINE = 12.5  # from one line of words to the next
THICK, THIN = 0.6, 0.4  # points
DOTS = {"pdf": 300, "png": 200}  # per inch; the PDF has them in its pictures only
VERDICT = {True: Face(7, bold=True, color=GOOD), False: Face(7, bold=True, color=BAD)}


def gallery_files(
    shown: Sequence[Shown], *, title: str, classes: Sequence[str], rows: int = 2
) -> dict[str, bytes]:
    """The figure as figure.pdf of one or more pages, and each page as figure.png, figure-2.png.

    Text stays text in the PDF, and the same input gives the same bytes. See `gallery`.
    """
    pages = gallery(shown, title=title, classes=classes, rows=rows)
    names = ["figure.png", *(f"figure-{n}.png" for n in range(2, len(pages) + 1))]
    pngs = {name: _png(page) for name, page in zip(names, pages, strict=True)}
    return {"figure.pdf": _pdf(pages), **pngs}


def gallery(
    shown: Sequence[Shown], *, title: str, classes: Sequence[str], rows: int = 2
) -> tuple["matplotlib.figure.Figure", ...]:
    """Pages with the first images of each class explained; nothing is shown, saved or global.

    Args:
        shown: all that was explained; an image without some method's map has a gap there.
        title: above every page.
        classes: in their order; a label that is not among them comes after them.
        rows: of images, at most, of each class.
    """
    grid = grid_of(shown)
    pages = list(paged(strips(shown, classes, rows, grid), grid))
    keys = legend(shown)
    titles = [title] if len(pages) == 1 else [f"{title} ({n + 1})" for n in range(len(pages))]
    return tuple(
        _page(page, grid, title=text, keys=keys) for page, text in zip(pages, titles, strict=True)
    )


def _page(
    page: Sequence[Strip], grid: Grid, *, title: str, keys: Mapping[str, str]
) -> "matplotlib.figure.Figure":
    from matplotlib.figure import Figure

    tall = page_height(page, grid)
    drawing = Figure(figsize=(WIDTH / DPI, tall / DPI), dpi=DPI, facecolor="white")
    drawing.set_layout_engine("none")
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(tall, 0), autoscale_on=False)
    axes.set_axis_off()
    write(axes, (MARGIN, 15.0), fitting(title, TITLE, ROOM), TITLE)
    y = HEAD
    for n, strip in enumerate(page):
        y = _strip(axes, strip, grid, y, titled=n == 0)
    _legend(axes, keys, y=tall - FOOT + 12)
    return drawing


def _strip(axes: "Axes", strip: Strip, grid: Grid, y: float, *, titled: bool) -> float:
    """Draw a strip whose top is at y; returns the top of the next."""
    if strip.heading:
        _heading(axes, strip, y=y + 13)
        y += CLASS
    if titled:
        y += grid.titles_height
    for n, item in enumerate(strip.items):
        left = MARGIN + n * (grid.image_width + BETWEEN_IMAGES)
        if titled:
            _titles(axes, grid, left=left, y=y - 5)
        _panels(axes, item, grid, (left, y, grid.panel_width, strip.height))
        _words(axes, item.row, (left, y + strip.height + LINE - 1), width=grid.image_width)
    return y + strip.height + WORDS


def _heading(axes: "Axes", strip: Strip, *, y: float) -> None:
    """The class over a thin line."""
    note = printed_width(strip.note, SMALL)
    write(axes, (MARGIN, y), fitting(strip.heading, HEADING, ROOM - note - 20), HEADING)
    write(axes, (WIDTH - MARGIN - note, y), strip.note, SMALL)
    rule = np.array([(MARGIN, y + 5), (WIDTH - MARGIN, y + 5)])
    _lines(axes, [rule], color="#9aa1a9", width=0.5)


def _titles(axes: "Axes", grid: Grid, *, left: float, y: float) -> None:
    """What each panel of an image is, in a line or two that end above it."""
    for n, title in enumerate(grid.titles):
        middle = left + n * (grid.panel_width + BETWEEN_PANELS) + grid.panel_width / 2
        for up, row in enumerate(reversed(grid.title_lines(title))):
            write(axes, (middle, y - 9 * up), row, SMALL, centred=True)


def _panels(axes: "Axes", item: Shown, grid: Grid, place: Place) -> None:
    """Image, evidence and maps, the first of them in this place."""
    left, top, width, height = place
    for n, (rgb, outlines) in enumerate(pictures(item, grid.methods)):
        x = left + n * (width + BETWEEN_PANELS)
        _picture(axes, rgb, outlines, fitted(rgb, (x, top, width, height)))


def _picture(axes: "Axes", rgb: Pixels, outlines: Outlines, place: Place) -> None:
    """A picture with the lines over it."""
    left, top, width, height = place
    extent = (left, left + width, top + height, top)
    smooth = "antialiased"
    axes.imshow(rgb.numpy(), extent=extent, origin="upper", aspect="auto", interpolation=smooth)
    for color, lines in outlines.items():
        on_page = [line * (width, height) + (left, top) for line in lines]
        _cased(axes, on_page, color=color, width=THIN if color == FINDING_OUTLINE else THICK)


def _words(axes: "Axes", row: Row, corner: tuple[float, float], *, width: float) -> None:
    """Label and figures; the verdict; the provider's class where it differs; the image's name."""
    x, y = corner
    figures = f": {words.decision(row)}"
    label = fitting(row.label, BODY, width - printed_width(figures, BODY))
    write(axes, (x, y), label + figures, BODY)
    verdict, face = words.verdict(row), VERDICT[row.verified]
    write(axes, (x, y + LINE), verdict, face)
    truth = words.differing_truth(row)
    if truth:
        begun = printed_width(verdict, face) + 8
        said = fitting(f"provider's class: {truth}", BODY, width - begun)
        write(axes, (x + begun, y + LINE), said, BODY)
    write(axes, (x, y + 2 * LINE - 1), fitting(row.image, SMALL, width), SMALL)


def _legend(axes: "Axes", keys: Mapping[str, str], *, y: float) -> None:
    """What the lines and the figures are."""
    x = MARGIN
    for color, text in keys.items():
        _cased(axes, [np.array([(x + 1, y - 3), (x + 21, y - 3)])], color=color, width=1.0)
        write(axes, (x + 27, y), text, SMALL)
        x += 45 + printed_width(text, SMALL)
    figures = "Figures: probability of the label on the image \u2192 on its evidence alone."
    write(axes, (MARGIN, y + LINE), f"{figures} {wording.NOT_A_DIAGNOSIS}", SMALL)


def _cased(axes: "Axes", lines: Sequence[Line], *, color: str, width: float) -> None:
    """Lines in a colour between black ones, to show on dark and on bright content."""
    _lines(axes, lines, color="black", width=2 * width)
    _lines(axes, lines, color=color, width=width)


def _lines(axes: "Axes", lines: Sequence[Line], *, color: str, width: float) -> None:
    from matplotlib.collections import LineCollection

    batch = LineCollection(lines, colors=color, linewidths=width, zorder=3)
    batch.set(capstyle="round", joinstyle="round")
    axes.add_collection(batch, autolim=False)


def _pdf(pages: Sequence["matplotlib.figure.Figure"]) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_pdf import FigureCanvasPdf, PdfPages

    buffer = BytesIO()
    whole_fonts = mpl.rc_context({"pdf.fonttype": 42, "pdf.use14corefonts": False})
    with whole_fonts, PdfPages(buffer, metadata={"CreationDate": None}) as book:
        for page in pages:
            page.set_dpi(DOTS["pdf"])
            FigureCanvasPdf(page).print_pdf(book)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _png(page: "matplotlib.figure.Figure") -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = BytesIO()
    page.set_dpi(DOTS["png"])
    FigureCanvasAgg(page).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
