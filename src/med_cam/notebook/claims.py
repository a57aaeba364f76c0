"""The claims of an explanation as a small table, for the prompt and for a notebook."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from textwrap import wrap

from med_cam.report import wording
from med_cam.report.claims import Statement, claims
from med_cam.results.explanation import Explanation

WIDTH = 88  # characters of a line
SIGNS = {True: "yes", False: "no", None: "-"}


@dataclass(frozen=True, slots=True, repr=False)
class Claims:
    """What was tested: a text for each, and whether it holds (None: neither good nor bad).

    Attributes:
        rows: the claims, then the checks that decide on `verified`.
    """

    rows: tuple[Statement, ...]

    def __iter__(self) -> Iterator[Statement]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Statement:
        return self.rows[place]

    def __repr__(self) -> str:
        """A table in text: whether it holds, and what."""
        lines = [f"{'holds':<6}claim"]
        for row in self.rows:
            first, *others = wrap(row.text, WIDTH - 6) or [""]
            lines += [f"{SIGNS[row.holds]:<6}{first}", *(f"{'':<6}{line}" for line in others)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The same as a table, for a notebook."""
        cells = "".join(
            f"<tr><td>{SIGNS[row.holds]}</td>"
            f'<td style="text-align: left">{escape(row.text)}</td></tr>'
            for row in self.rows
        )
        return f"<table><thead><tr><th>holds</th><th>claim</th></tr></thead>{cells}</table>"


def claims_of(found: Explanation) -> Claims:
    """The claims, and the checks on which they rest."""
    checks = (Statement(wording.check(check), check.passed) for check in found.claim.checks)
    return Claims((*claims(found), *checks))
