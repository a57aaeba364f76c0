"""Tables of text: aligned for a terminal, and as Markdown."""

from collections.abc import Collection, Iterable, Sequence

MARKS = r"\|<*_`["  # what would end a cell, begin a tag or change the letters


def aligned(lines: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Cells in columns of equal width, to the right but for the columns `left`."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def fitted(line: Sequence[str]) -> str:
        cells = zip(line, widths, strict=True)
        set_in = (c.ljust(w) if i in left else c.rjust(w) for i, (c, w) in enumerate(cells))
        return "  ".join(set_in).rstrip()

    return "\n".join(map(fitted, lines))


def markdown(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Collection[int] = (),
    escaped: str = MARKS,
) -> str:
    """A table in Markdown; cells are taken as text, each in one line.

    Args:
        head: names of the columns.
        rows: their cells.
        right: columns that are set to the right.
        escaped: characters that get a backslash; "|" at least.
    """
    rule = ["---:" if i in right else "---" for i in range(len(head))]
    lines = ([_cell(cell, escaped) for cell in line] for line in (head, *rows))
    first, *others = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([first, f"| {' | '.join(rule)} |", *others])


def _cell(text: str, escaped: str) -> str:
    """The text in one line."""
    return "".join(f"\\{c}" if c in escaped else c for c in " ".join(text.split()))
