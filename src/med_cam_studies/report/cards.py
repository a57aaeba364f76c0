"""What report.html shows of one image: pictures as data, outlines as paths, numbers as cells."""

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import NamedTuple
from urllib.parse import quote

import torch
from jaxtyping import Bool
from PIL import Image as Picture
from torch import Tensor

from med_cam.report import wording
from med_cam.report.panels import OUTLINE
from med_cam_studies.evaluation.rows import OURS, Row, Shown
from med_cam_studies.report import words
from med_cam_studies.report.paths import box_of, divisions_path, outline_path
from med_cam_studies.report.pictures import (
    CUT_OUTLINE,
    FINDING_OUTLINE,
    Pixels,
    cut,
    evidence_in,
    map_over,
    whole,
)
from med_cam_studies.report.tables import NONE

QUALITY = 85  # of JPEG
SIDES = (512, 416, 336, 272, 216, 176, 144, 112)  # pixels, longest side of a picture
BUDGET = 10_000_000  # bytes of all pictures; a third more as text
EVIDENCE = 0.5  # of the bytes of an image are allowed for its evidence: most of it is grey
WEIGHED = 40  # images, spread over all, by which a side is chosen


class Column(NamedTuple):
    """A column of the table; `key` is what it is sorted by, as a word or as a number."""

    name: str
    kind: str
    text: Callable[[Row], str]
    key: Callable[[Row], object]


class Cell(NamedTuple):
    """One value of the table."""

    text: str
    key: str
    kind: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Closed lines as an SVG path, drawn wherever it is named."""

    id: str
    kind: str
    color: str
    path: str


@dataclass(frozen=True, slots=True)
class Pane:
    """One picture and the shapes over it, whose units are those of `box`."""

    title: str
    alt: str
    uri: str
    size: tuple[int, int]
    box: tuple[int, int]
    lines: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One image, ready for the template."""

    id: str
    row: Row
    cells: tuple[Cell, ...]
    panes: tuple[Pane, ...]
    verdict: str
    decision: str
    truth: str
    right: str
    href: str
    reasons: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    needed: str = ""
    outlined: tuple[tuple[str, str], ...] = ()

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Each shape once."""
        return tuple({shape.id: shape for pane in self.panes for shape in pane.lines}.values())


def card(item: Shown, columns: Sequence[Column], *, id: str, longest: int) -> Card:  # noqa: A002
    """All that is shown of an image, its pictures at most `longest` pixels per side."""
    row = item.row
    return Card(
        id=id,
        row=row,
        cells=tuple(Cell(c.text(row), str(c.key(row)), c.kind) for c in columns),
        panes=tuple(panes(item, id, longest)),
        verdict=words.signed(item),
        decision=words.decision(row),
        truth=words.differing_truth(row),
        right=str(int(row.label == row.truth)) if row.truth else "",
        href=f"./{quote(row.folder)}/",
        reasons=item.reasons,
        claims=item.claims,
        needed=item.needed,
        outlined=tuple((other.color, other.text) for other in item.outlined),
    )


def panes(item: Shown, prefix: str, longest: int) -> Iterator[Pane]:
    """The image with its evidence outlined, the evidence alone, and each map over the image."""
    name, label, area = item.row.image, item.row.label, wording.percent(item.row.area)
    box = box_of(item.mask)
    seen = [shape(item.mask, f"{prefix}e", "evidence", OUTLINE)]
    if item.regions is not None and (path := divisions_path(item.regions)):
        seen.append(Shape(f"{prefix}r", "region", OUTLINE, path))
    if item.finding is not None:
        seen.append(shape(item.finding, f"{prefix}f", "finding", FINDING_OUTLINE))
    rgb = whole(item, longest=longest)
    alt = f"{name}: the evidence for {label} outlined, {area} of the image"
    dashed = [
        shape(other.mask, f"{prefix}w{n}", "other", other.color)
        for n, other in enumerate(item.outlined)
    ]
    alt = "; ".join((alt, *(other.text for other in item.outlined)))
    yield pane("Evidence outlined", alt, rgb, box, [*seen, *dashed])
    alt = f"{name}: the evidence alone, neutral grey elsewhere"
    yield pane("Evidence alone", alt, evidence_in(rgb, item.mask), box, seen)
    for n, (title, mask) in enumerate(item.others.items()):
        alt = f"{name}: what {title} shows, outlined, as large as the evidence"
        yield pane(title, alt, rgb, box, [shape(mask, f"{prefix}o{n}", "cut", CUT_OUTLINE)])
    for method, scores in item.maps.items():
        title = words.method(method)
        alt = f"{name}: map of {title}, its brightest part outlined, as large as the evidence"
        line = shape(cut(scores, item.mask), f"{prefix}-{method}", "cut", CUT_OUTLINE)
        yield pane(title, alt, map_over(rgb, scores), box, [line])


def pane(title: str, alt: str, rgb: Pixels, box: tuple[int, int], lines: Sequence[Shape]) -> Pane:
    """A picture as data within the page."""
    height, width = rgb.shape[:2]
    data = base64.b64encode(jpeg(rgb)).decode()
    return Pane(title, alt, f"data:image/jpeg;base64,{data}", (width, height), box, tuple(lines))


def jpeg(rgb: Pixels) -> bytes:
    """The picture as a JPEG file."""
    buffer = BytesIO()
    levels = (rgb * 255).round().to(torch.uint8).contiguous().numpy()
    Picture.fromarray(levels).save(buffer, format="JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def shape(mask: Bool[Tensor, "h w"], id: str, kind: str, color: str) -> Shape:  # noqa: A002
    """The mask's outline; an empty path for an empty mask."""
    return Shape(id, kind, color, outline_path(mask))


def longest_side(shown: Sequence[Shown]) -> int:
    """The largest of `SIDES` at which all pictures, going by a sample, stay within `BUDGET`."""
    sample = shown[:: max(1, -(-len(shown) // WEIGHED))]
    most = BUDGET * len(sample) / max(1, len(shown))
    return next((side for side in SIDES if weight(sample, side) <= most), SIDES[-1])


def weight(shown: Sequence[Shown], longest: int) -> float:
    """Bytes of all pictures, a map's taken to be those of the image under it."""
    return math.fsum(
        len(jpeg(whole(item, longest=longest)))
        * (1 + EVIDENCE + len(item.maps) + len(item.others))
        for item in shown
    )


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """Of the table; those that are empty for all images are left out."""
    left_out = set() if any(row.truth for row in rows) else {"Provider's class"}
    columns = [column for column in COLUMNS if column.name not in left_out]
    return columns + OVERLAP_COLUMNS if any(OURS in row.overlaps for row in rows) else columns


def _number(name: str, field: str, form: Callable[[float], str] = str) -> Column:
    return Column(name, "", lambda r: form(getattr(r, field)), lambda r: getattr(r, field))


def _word(name: str, field: str) -> Column:
    return Column(name, "word", lambda r: str(getattr(r, field)), lambda r: getattr(r, field))


def _overlap(name: str, field: str) -> Column:
    return Column(
        name,
        "",
        lambda r: f"{getattr(r.overlaps[OURS], field):.2f}" if OURS in r.overlaps else NONE,
        lambda r: getattr(r.overlaps[OURS], field) if OURS in r.overlaps else "",
    )


COLUMNS = (
    _word("Image", "image"),
    _word("Class explained", "label"),
    _word("Provider's class", "truth"),
    Column("Sufficiency test", "word", words.verdict, lambda row: int(row.verified)),
    _number("Probability, image", "before", wording.probability),
    _number("Probability, evidence", "after", wording.probability),
    _number("Area", "area", wording.percent),
    _number("Pieces", "components"),
    _number("Forward", "forward"),
    _number("Backward", "backward"),
    _number("Seconds", "seconds", "{:.1f}".format),
    Column("Warnings", "", lambda row: str(len(row.warnings)), lambda row: len(row.warnings)),
)
OVERLAP_COLUMNS = [
    _overlap("Evidence in finding", "inside"),
    _overlap("Intersection over union", "iou"),
]
