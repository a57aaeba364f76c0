"""The aligned lines of a run: one an image, none wider than the terminal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from med_cam.report.line import Line

HEAD = Line(
    name="image",
    label="label",
    before="before",
    after="after",
    area="area",
    outcome="sufficient",
    well=True,
    remark="most telling",
    brief="",
    more=0,
)
FIXED = (6, 5, 6, 13)  # before, after, area, sufficient
GAP = 2  # columns between two others
NAME, LABEL = (8, 40), (5, 24)  # columns of a name and of a label, at least and at most
REMARK = 17  # columns that the remark is to have, before a name gets more than `ENOUGH`
ENOUGH = 12
SENTENCE = 44  # columns from which on the remark is the sentence; below that a few words
SIGN = 9  # columns of what stands before a detail
ELLIPSIS = "\u2026"
FAILED = "not explained, see the end"


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide the columns are; `remark` is 0 where there is no room for one."""

    name: int
    label: int
    remark: int
    width: int


def columns(names: Iterable[str], labels: Iterable[str], width: int) -> Columns:
    """The widths for a run.

    Args:
        names: of its images.
        labels: that its classifier knows.
        width: of the terminal.
    """
    room = width - sum(FIXED) - GAP * (len(FIXED) + 1)
    label = min(max(map(cell_len, labels), default=0), LABEL[1], max(LABEL[0], room // 4))
    label = max(label, cell_len(HEAD.label))
    room -= label
    longest = max(map(cell_len, names), default=0)
    most = max(ENOUGH, room - GAP - REMARK) if room > ENOUGH else max(NAME[0], room)
    name = max(min(longest, most, NAME[1]), cell_len(HEAD.name))
    remark = room - name - GAP
    return Columns(name, label, remark if remark >= REMARK // 2 else 0, width)


def head(at: Columns) -> str:
    """The names of the columns."""
    return _joined(HEAD, at, HEAD.remark)


def line(found: Line, at: Columns) -> str:
    """An image's line."""
    if at.remark >= SENTENCE or not found.brief:
        return _joined(found, at, _with_rest(found.remark, found.more, at.remark))
    return _joined(found, at, _with_rest(found.brief, found.more, at.remark))


def failed(name: str, at: Columns) -> str:
    """The line of an image that could not be explained; why is said once, at the end."""
    return shortened(f"{_cell(middle_out(name, at.name), at.name)}{' ' * GAP}{FAILED}", at.width)


def below(details: Iterable[tuple[str, str]], at: Columns) -> Iterator[str]:
    """What is said of an image below its line, indented and broken between words."""
    for sign, text in details:
        start = f"    {sign:<{SIGN}}"
        for part in Text(text).wrap(Console(width=at.width), at.width - len(start)):
            yield f"{start}{part.plain.rstrip()}"
            start = " " * len(start)


def shortened(text: str, width: int) -> str:
    """A text in so many columns at most, with an ellipsis if it was longer."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + ELLIPSIS


def middle_out(name: str, width: int) -> str:
    """A name without its middle: the ends tell files apart."""
    if cell_len(name) <= width:
        return name
    tail = name
    while cell_len(tail) > width // 2:
        tail = tail[1:]
    return set_cell_size(name, width - 1 - cell_len(tail)).rstrip() + ELLIPSIS + tail


def _with_rest(text: str, more: int, width: int) -> str:
    """A remark and how many warnings more there are."""
    rest = f" (+{more})" if more else ""
    return f"{shortened(text, width - len(rest))}{rest}" if text else rest.strip()


def _joined(found: Line, at: Columns, remark: str) -> str:
    before, after, area, sufficient = FIXED
    cells = (
        _cell(middle_out(found.name, at.name), at.name),
        _cell(shortened(found.label, at.label), at.label),
        f"{found.before:>{before}}",
        f"{found.after:>{after}}",
        f"{found.area:>{area}}",
        f"{found.outcome:<{sufficient}}",
        *([shortened(remark, at.remark)] if at.remark else []),
    )
    return shortened((" " * GAP).join(cells).rstrip(), at.width)


def _cell(text: str, width: int) -> str:
    """A text with spaces to a width."""
    return text + " " * (width - cell_len(text))
