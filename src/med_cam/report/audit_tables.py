"""The numbers of an audit as tables, for the terminal and for Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from med_cam.audit.answers import Answers, Labels, most_given
from med_cam.audit.ask import FILLS, OVER, SHARES
from med_cam.audit.findings import Findings, Retained, Silhouette
from med_cam.masking import CONTENT
from med_cam.report.text_table import aligned, markdown
from med_cam.report.wording import percent, probability

WIDTH = 100  # columns of a terminal
LABEL = 12  # characters of a label in a cell; more are in audit.json
CLASSES = 12  # labels with a column of their own
NONE = "no label"


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, what stands below it, and cells.

    Attributes:
        title: the heading.
        note: what the columns are.
        head: names of the columns.
        rows: their cells.
        words: columns that are set to the left.
        needed: columns that stay where all of them are too wide.
    """

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int]
    needed: int


def tables(found: Findings, labels: Labels, *, cell: int) -> tuple[Table, ...]:
    """All tables that have rows.

    Args:
        found: the numbers.
        labels: the classifier's.
        cell: side of the cells that are hidden, in pixels.
    """
    every = (alone_table(found, labels), blob_table(found, labels), gap_table(found, labels, cell))
    return tuple(table for table in every if table.rows)


def alone_table(found: Findings, labels: Labels) -> Table:
    """Each background alone, with every class's mean probability if there are few."""
    classes = labels.names if len(labels.names) <= CLASSES else ()
    head = ("alone", "frames", "called", "share", "mean", "sure", "highest")
    rows = tuple(
        (
            starred(name),
            *counted(answers, labels),
            *each(answers, classes),
        )
        for name, answers in found.alone.items()
    )
    return Table(
        "Nothing shown: each background alone",
        "called: the label given most often. share: of the frames, on which it is. mean: its mean "
        "probability. sure: frames on which some label has the probability of an opinion. "
        "highest: of any label on any frame."
        + (
            " * shows content of its own: no answer to nothing."
            if CONTENT & {*found.alone}
            else ""
        ),
        head + tuple(shortened(name) for name in classes),
        rows,
        frozenset({0, 2}),
        len(head),
    )


def starred(name: str) -> str:
    """A background, marked if it shows content of its own."""
    return f"{name}*" if name in CONTENT else name


def counted(answers: Answers, labels: Labels) -> tuple[str, ...]:
    """What frames of one kind are called, in numbers."""
    label = most_given(answers)
    given = ("-", "-") if label is None else shares(answers, label)
    return (
        str(answers.frames),
        NONE if label is None else shortened(labels.names[label]),
        *given,
        percent(answers.sure / answers.frames),
        probability(answers.highest),
    )


def shares(answers: Answers, label: int) -> tuple[str, str]:
    """How often a label is given, and its mean probability."""
    return percent(answers.given[label] / answers.frames), probability(answers.means[label])


def each(answers: Answers, classes: Sequence[str]) -> Iterator[str]:
    """Mean probability of each class that has a column."""
    yield from (probability(mean) for mean, _ in zip(answers.means, classes, strict=False))


def blob_table(found: Findings, labels: Labels) -> Table:
    """Silhouettes, one row a colour and surroundings, one column a size."""
    rows = tuple(
        (fill, over, *(blob_cell(found, labels, Silhouette(fill, over, s)) for s in SHARES))
        for fill in FILLS
        for over in OVER
        if Silhouette(fill, over, SHARES[0]) in found.silhouettes
    )
    return Table(
        "Shapes without content: blobs of one colour",
        "By the share of the frame that they take: the label given most often, on which share of "
        "the frames, its mean probability.",
        ("blobs of", "over", *(f"{s:.0%}" for s in SHARES)),
        rows,
        frozenset(range(5)),
        5,
    )


def blob_cell(found: Findings, labels: Labels, kind: Silhouette) -> str:
    """What one kind of silhouette is called."""
    answers = found.silhouettes[kind]
    label = most_given(answers)
    if label is None:
        return NONE
    return " ".join((shortened(labels.names[label]), *shares(answers, label)))


def gap_table(found: Findings, labels: Labels, cell: int) -> Table:
    """Images with parts missing, one row a background and share."""
    rows = tuple(
        (
            starred(gap.over),
            f"{gap.share:.0%}",
            str(r.frames),
            percent(r.retained / r.frames),
            probability(r.own / r.frames),
            probability(r.peaks / r.frames),
            destinations(r, labels),
        )
        for gap, r in found.gaps.items()
    )
    return Table(
        f"Parts missing: cells of {cell} x {cell} pixels of the classifier's frame",
        "kept: share of frames with the image's own answer. own: its mean probability. "
        "highest: mean of the highest probability.",
        ("over", "hidden", "frames", "kept", "own", "highest", "lost answers go to"),
        rows,
        frozenset({0, 6}),
        7,
    )


def destinations(r: Retained, labels: Labels) -> str:
    """The two labels that most lost answers go to."""
    if not r.losses:
        return "-"
    counts = [*zip(r.lost, labels.names, strict=True), (r.unnamed, NONE)]
    most = sorted((pair for pair in counts if pair[0]), key=lambda pair: -pair[0])[:2]
    reported = (f"{shortened(name)} {percent(count / r.losses)}" for count, name in most)
    return f"{', '.join(reported)} (of {r.losses})"


def shortened(label: str) -> str:
    """A label that fits a cell."""
    return label if len(label) <= LABEL else f"{label[: LABEL - 1]}…"


def as_text(table: Table) -> str:
    """A table for the terminal; columns that are not needed are left out if it is too wide."""
    lines = [table.head, *table.rows]
    body = aligned(lines, left=table.words)
    if max(map(len, body.split("\n"))) > WIDTH:
        body = aligned([line[: table.needed] for line in lines], left=table.words)
    return "\n".join([table.title, body, *wrap(table.note, WIDTH)])


def as_markdown(table: Table) -> str:
    """A table of Markdown below its heading."""
    numbers = {*range(len(table.head))} - table.words
    body = markdown(table.head, table.rows, right=numbers, escaped="|")
    return f"## {table.title}\n\n{table.note}\n\n{body}"
