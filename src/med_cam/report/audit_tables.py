"""The numbers of an audit as tables, for the terminal and for Markdown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from med_cam.audit.ask import FILLS, OVER, SHARES
from med_cam.audit.findings import Findings, Retained, Silhouette
from med_cam.audit.predictions import Labels, Predictions, most_predicted
from med_cam.config.baselines import CONTENT
from med_cam.report.choice_text import HEAD, MEANING, choice_rows
from med_cam.report.text_table import aligned, markdown
from med_cam.report.wording import percent, probability
from med_cam.results.removal import RemovalChoice

WIDTH = 100  # columns of a terminal
LABEL = 11  # characters of a label in a table; more are in audit.json
CLASSES = 12  # labels with a column of their own
NONE = "no label"


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, a note below it, and entries.

    Attributes:
        title: the heading.
        note: what the columns mean.
        head: names of the columns.
        rows: their entries.
        words: columns that are set to the left.
        needed: columns that stay where all of them are too wide.
    """

    title: str
    note: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int]
    needed: int


def tables(found: Findings, labels: Labels, *, patch: int) -> tuple[Table, ...]:
    """All tables that have rows.

    Args:
        found: the numbers.
        labels: the classifier's.
        patch: side of the hidden patches, in pixels.
    """
    every = (
        baseline_table(found, labels),
        blob_table(found, labels),
        masked_table(found, labels, patch),
    )
    return tuple(table for table in every if table.rows)


def baseline_table(found: Findings, labels: Labels) -> Table:
    """Each baseline alone, with every class's mean probability if there are few."""
    classes = labels.names if len(labels.names) <= CLASSES else ()
    head = ("baseline", "inputs", "predicted", "share", "mean", "confident", "highest")
    rows = tuple(
        (
            starred(name),
            *in_numbers(counted, labels),
            *each(counted, classes),
        )
        for name, counted in found.baselines.items()
    )
    return Table(
        "Blank inputs: each baseline alone",
        "predicted: the label predicted most often. share: of the inputs predicted so. mean: its "
        "mean probability. confident: inputs with a confident prediction of any label. highest: "
        "probability of any label on any input."
        + (
            " * shows content of its own: not a blank input."
            if CONTENT & {*found.baselines}
            else ""
        ),
        head + tuple(shortened(name) for name in classes),
        rows,
        frozenset({0, 2}),
        len(head),
    )


def removal_table(choice: RemovalChoice) -> Table:
    """How the classifier takes each removal, on the reference images."""
    return Table(
        "Removals, on reference images",
        MEANING.format(choice.minimum_effect),
        HEAD,
        choice_rows(choice),
        frozenset({0, 5}),
        len(HEAD),
    )


def starred(name: str) -> str:
    """A baseline, marked if it shows content of its own."""
    return f"{name}*" if name in CONTENT else name


def in_numbers(counted: Predictions, labels: Labels) -> tuple[str, ...]:
    """Predictions on inputs of one kind, in numbers."""
    label = most_predicted(counted)
    given = ("-", "-") if label is None else shares(counted, label)
    return (
        str(counted.inputs),
        NONE if label is None else shortened(labels.names[label]),
        *given,
        percent(counted.confident / counted.inputs),
        probability(counted.highest),
    )


def shares(counted: Predictions, label: int) -> tuple[str, str]:
    """How often a label is predicted, and its mean probability."""
    return percent(counted.counts[label] / counted.inputs), probability(counted.means[label])


def each(counted: Predictions, classes: Sequence[str]) -> Iterator[str]:
    """Mean probability of each class that has a column."""
    yield from (probability(mean) for mean, _ in zip(counted.means, classes, strict=False))


def blob_table(found: Findings, labels: Labels) -> Table:
    """Silhouettes, one row per colour and surroundings, one column per size."""
    rows = tuple(
        (fill, over, *(blob_entry(found, labels, Silhouette(fill, over, s)) for s in SHARES))
        for fill in FILLS
        for over in OVER
        if Silhouette(fill, over, SHARES[0]) in found.silhouettes
    )
    return Table(
        "Shapes without content: blobs of one colour",
        "By the share of the model input that they take: the label predicted most often, the "
        "share of inputs predicted so, its mean probability.",
        ("blobs of", "over", *(f"{s:.0%}" for s in SHARES)),
        rows,
        frozenset(range(5)),
        5,
    )


def blob_entry(found: Findings, labels: Labels, kind: Silhouette) -> str:
    """The predictions for one kind of silhouette."""
    counted = found.silhouettes[kind]
    label = most_predicted(counted)
    if label is None:
        return NONE
    return " ".join((shortened(labels.names[label]), *shares(counted, label)))


def masked_table(found: Findings, labels: Labels, patch: int) -> Table:
    """Images with patches hidden, one row per baseline and share."""
    rows = tuple(
        (
            starred(kind.over),
            f"{kind.share:.0%}",
            str(r.inputs),
            percent(r.retained / r.inputs),
            probability(r.own / r.inputs),
            probability(r.peaks / r.inputs),
            destinations(r, labels),
        )
        for kind, r in found.masked.items()
    )
    return Table(
        f"Masked images: patches of {patch} x {patch} pixels of the model input",
        "retained: share of inputs on which the image's own prediction is retained. own: its mean "
        "probability. highest: mean of the highest probability.",
        ("over", "hidden", "inputs", "retained", "own", "highest", "shifted toward"),
        rows,
        frozenset({0, 6}),
        7,
    )


def destinations(r: Retained, labels: Labels) -> str:
    """The two labels that most lost predictions go to."""
    if not r.losses:
        return "-"
    counts = [*zip(r.lost, labels.names, strict=True), (r.unnamed, NONE)]
    most = sorted((pair for pair in counts if pair[0]), key=lambda pair: -pair[0])[:2]
    reported = (f"{shortened(name)} {percent(count / r.losses)}" for count, name in most)
    return f"{', '.join(reported)} (of {r.losses})"


def shortened(label: str) -> str:
    """A label that fits its column."""
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
