"""Text that fits its place: measured, wrapped, shortened; on a page counted in pixels."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from med_cam.report.fonts import families, spelled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 100  # pixels of the page to the inch: a point is DPI / 72 pixels
INK = "#1b1f24"
ELLIPSIS = "\u2026"


@dataclass(frozen=True, slots=True)
class Face:
    """How a text is set: its size in points, its weight and its colour."""

    size: int
    bold: bool = False
    color: str = INK


def readable(text: str) -> str:
    r"""One line, and the number of each character that would not be drawn: \u80ba."""
    return spelled(" ".join(text.split()))


def text_width(text: str, face: Face) -> float:
    """Width of a readable line in pixels of the page."""
    extent = _ruler().get_text_width_height_descent(
        text, _font(face, families(text)), ismath=False
    )
    return float(extent[0])


def wrapped(text: str, face: Face, *, width: float, lines: int) -> list[str]:
    """At most so many lines of at most that width; what does not fit ends in an ellipsis."""
    rows: list[str] = []
    rest = readable(text)
    while rest and len(rows) < lines:
        row = _first_line(rest, face, width)
        rest = rest[len(row) :].lstrip()
        rows.append(row.rstrip())
    if rest:
        rows[-1] = shortened(f"{rows[-1]} {rest}", face, width=width)
    return rows


def shortened(text: str, face: Face, *, width: float) -> str:
    """The text, or as much of its beginning as fits before an ellipsis."""
    text = readable(text)
    if text_width(text, face) <= width:
        return text
    length = _longest(text, face, width - text_width(ELLIPSIS, face))
    return text[:length].rstrip(" ,;:.(") + ELLIPSIS


def write(
    page: "Axes", place: tuple[float, float], text: str, face: Face, *, centred: bool = False
) -> None:
    """Put a line on the page, its baseline at the place. Dollar signs are dollar signs."""
    page.text(
        *place,
        text,
        fontproperties=_font(face, families(text)),
        color=face.color,
        ha="center" if centred else "left",
        va="baseline",
        parse_math=False,
        usetex=False,
    )


def _first_line(text: str, face: Face, width: float) -> str:
    """The longest beginning that fits, up to a space if there is one."""
    length = _longest(text, face, width)
    if length == len(text) or text[length] == " ":
        return text[:length]
    space = text.rfind(" ", 0, length)
    return text[: space if space > 0 else length]


def _longest(text: str, face: Face, width: float) -> int:
    """How many characters fit, at least one; by bisection, since width grows with length."""
    if text_width(text, face) <= width:
        return len(text)
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = text_width(text[:middle], face) <= width
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


@cache
def _font(face: Face, names: tuple[str, ...]) -> Any:  # noqa: ANN401  matplotlib is imported inside
    from matplotlib.font_manager import FontProperties

    weight = "bold" if face.bold else "normal"
    return FontProperties(family=list(names), size=face.size, weight=weight, style="normal")


@cache
def _ruler() -> Any:  # noqa: ANN401  matplotlib is imported inside
    from matplotlib.backends.backend_agg import RendererAgg

    return RendererAgg(1, 1, DPI)  # type: ignore[no-untyped-call]
