"""Where things stand in the figure of a study: a page of text wide, no letter below 6 points.

Lengths are in hundredths of an inch, as `report.lettering` counts them.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from med_cam.report.lettering import DPI, Face, shortened, text_width, wrapped
from med_cam_studies.evaluation.rows import Shown
from med_cam_studies.report import words

WIDTH, TALLEST = 180 / 25.4 * DPI, 9.4 * DPI
MARGIN = 3.0
ROOM = WIDTH - 2 * MARGIN
FEWEST_PANELS, MOST_PANELS = 3, 8  # across; of 24 to 58 mm and of 2 cm
IMAGES_ACROSS = 3  # more would leave no room for the words under each
BETWEEN_PANELS, BETWEEN_IMAGES = 5.0, 15.0
HEAD, CLASS, WORDS, FOOT = 24.0, 26.0, 48.0, 30.0  # heights, from top to bottom
TALL = 1.3  # of a panel's width; what is taller is drawn narrower
FINE = 16  # times larger is text measured: letters in print are not fitted to pixels
SLACK = 1.03  # of its width, for the PNG, where they are

TITLE, HEADING = Face(10, bold=True), Face(9, bold=True)
BODY, SMALL = Face(7), Face(6, color="#5b6470")

Place = tuple[float, float, float, float]  # left top width height


@dataclass(frozen=True, slots=True)
class Strip:
    """Images side by side; `heading` and `note` stand above where they are not empty."""

    label: str
    heading: str
    note: str
    items: tuple[Shown, ...]
    height: float  # of its panels

    @property
    def room(self) -> float:
        """Height with all words but titles of columns."""
        return self.height + WORDS + (CLASS if self.heading else 0)


@dataclass(frozen=True, slots=True)
class Grid:
    """What every strip has across: so many images, each with two panels and one per method."""

    images: int
    methods: tuple[str, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """Of the panels of one image."""
        return ("Image", "Evidence alone", *map(words.method, self.methods))

    @property
    def titles_height(self) -> float:
        """Of the titles above the panels."""
        return 5.0 + 9 * max(len(self.title_lines(title)) for title in self.titles)

    @property
    def image_width(self) -> float:
        """Of all panels of one image."""
        return (ROOM - (self.images - 1) * BETWEEN_IMAGES) / self.images

    @property
    def panel_width(self) -> float:
        """Of one panel."""
        count = len(self.titles)
        return (self.image_width - (count - 1) * BETWEEN_PANELS) / count

    def title_lines(self, title: str) -> list[str]:
        """A title in the width of a panel."""
        return wrapped(title, large(SMALL), width=FINE * self.panel_width / SLACK, lines=2)


def grid_of(shown: Sequence[Shown]) -> Grid:
    """As many images across as can be seen well, and no more than a class has."""
    methods = methods_of(shown)
    panels = 2 + len(methods)
    labels = [item.row.label for item in shown]
    most = max((labels.count(label) for label in labels), default=1)
    fits = min(IMAGES_ACROSS, max(1, MOST_PANELS // panels))
    return Grid(min(fits, max(most, math.ceil(FEWEST_PANELS / panels))), methods)


def methods_of(shown: Sequence[Shown]) -> tuple[str, ...]:
    """Methods that some image has a map of, in the order met."""
    return tuple(dict.fromkeys(name for item in shown for name in item.maps))


def strips(
    shown: Sequence[Shown], classes: Sequence[str], rows: int, grid: Grid
) -> Iterator[Strip]:
    """The first images of each class in so many strips; a class without images has none."""
    for label in dict.fromkeys((*classes, *(item.row.label for item in shown))):
        own = [item for item in shown if item.row.label == label]
        chosen = own[: rows * grid.images]
        heading = label
        note = f"first {len(chosen)} of {len(own)} images" if len(chosen) < len(own) else ""
        for i in range(0, len(chosen), grid.images):
            items = tuple(chosen[i : i + grid.images])
            yield Strip(label, heading, note, items, panels_height(items, grid))
            heading = note = ""


def panels_height(items: Sequence[Shown], grid: Grid) -> float:
    """Of panels that hold these images."""
    tallest = max(item.mask.shape[0] / item.mask.shape[1] for item in items)
    return grid.panel_width * min(tallest, TALL)


def paged(all_strips: Iterable[Strip], grid: Grid) -> Iterator[list[Strip]]:
    """Strips in pages that are not taller than `TALLEST`; one empty page if there are none."""
    page: list[Strip] = []
    for strip in all_strips:
        if page and page_height([*page, strip], grid) > TALLEST:
            yield page
            page = []
        again = f"{strip.label}, continued"
        page.append(strip if page or strip.heading else replace(strip, heading=again))
    yield page


def page_height(page: Sequence[Strip], grid: Grid) -> float:
    """With title, titles of columns and legend."""
    return HEAD + grid.titles_height + sum(strip.room for strip in page) + FOOT


def fitted(rgb: Float[Tensor, "h w 3"], place: Place) -> Place:
    """The largest part of a place that has the picture's shape: at its bottom, in the middle."""
    left, top, width, height = place
    h, w = rgb.shape[:2]
    scale = min(width / w, height / h)
    return (left + (width - scale * w) / 2, top + height - scale * h, scale * w, scale * h)


def printed_width(text: str, face: Face) -> float:
    """Width of a line in print and on the screen, whichever is larger."""
    return SLACK * text_width(text, large(face)) / FINE


def fitting(text: str, face: Face, width: float) -> str:
    """The text, or as much of it as fits."""
    return shortened(text, large(face), width=FINE * width / SLACK)


def large(face: Face) -> Face:
    """The face, `FINE` times larger."""
    return replace(face, size=FINE * face.size)
