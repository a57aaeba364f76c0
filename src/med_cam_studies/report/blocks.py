"""What a section of a sheet is made of; the template knows how each kind is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from med_cam.report.wording import percent
from med_cam_studies.evaluation.intervals import Interval, share_interval
from med_cam_studies.report.cards import Card
from med_cam_studies.report.tables import NONE, Table


@dataclass(frozen=True, slots=True)
class Said:
    """A paragraph; `alert` for what a reader must not miss."""

    text: str
    alert: bool = False
    kind: ClassVar[str] = "said"


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by name."""

    facts: Mapping[str, str]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True, slots=True)
class Listed:
    """Sentences, one below the other."""

    sentences: Sequence[str]
    kind: ClassVar[str] = "listed"


@dataclass(frozen=True, slots=True)
class Tabled:
    """A table with what it is of; `small` where it is long and has hashes."""

    caption: str
    table: Table
    small: bool = False
    kind: ClassVar[str] = "tabled"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram, in units of its box."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """One distribution: bars of equal width, and a mark at the median; x goes from 0 to 100."""

    name: str
    words: str
    bars: tuple[Bar, ...]
    median: float | None
    highest: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """Histograms with one axis, one below the other."""

    caption: str
    axis: str
    histograms: tuple[Histogram, ...]
    kind: ClassVar[str] = "drawn"


@dataclass(frozen=True, slots=True)
class Pictures:
    """Images with their evidence; `pairs`: two of each image, side by side."""

    caption: str
    cards: tuple[Card, ...]
    pairs: bool = False
    kind: ClassVar[str] = "pictures"


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, as it was."""

    text: str
    kind: ClassVar[str] = "output"


Block = Said | Facts | Listed | Tabled | Drawn | Pictures | Output


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a sheet.

    Attributes:
        id: its anchor.
        title: its heading.
        blocks: what it is made of.
        missing: what is not stated or not done, in a sentence each; they stand at the top too.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    missing: tuple[str, ...] = field(default=())


def share(count: int, of: int) -> str:
    """A share with its denominator and its exact 95% interval."""
    if not of:
        return NONE
    low, high = share_interval(count, of)
    return f"{count} of {of}: {percent(count / of)} ({percent(low)} to {percent(high)})"


def measured(found: Interval) -> str:
    """A number in [0, 1] with its 95% interval."""
    if found.mean != found.mean:  # NaN
        return NONE
    if found.low != found.low:
        return f"{found.mean:.2f} (no interval)"
    return f"{found.mean:.2f} ({found.low:.2f} to {found.high:.2f})"
