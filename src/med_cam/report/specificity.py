"""The class-specificity matrix: the probability of each class under the masks of each.

Evidence for a class that gives another class as much is not specific to it. If each image was
explained as one class, a row is the mean over the images that were explained as that class.
"""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any


def specificity(documents: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Mean probability of each class on the evidence alone, by the label explained.

    Args:
        documents: of explanation.json; those of classifiers with other labels than the first's
            are left out, as are explanations without tests.
    """
    tested = [d for d in documents if d["tests"] is not None]
    tested = [d for d in tested if d["labels"] == tested[0]["labels"]]
    rows: dict[str, list[Mapping[str, float]]] = {}
    for document in tested:
        rows.setdefault(document["label"], []).append(document["probabilities_after"])
    return {
        label: {name: fmean(p[name] for p in of) for name in of[0]}
        for label, of in sorted(rows.items())
    }


def specificity_lines(table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The matrix in aligned columns, the classes explained in the rows."""
    names = list(next(iter(table.values())))
    width = max(map(len, table))
    head = " ".join(f"{name:>{max(6, len(name))}}" for name in names)
    lines = [
        "Probability of each class (column) on the evidence for each (row):",
        f"{'':{width}}  {head}",
    ]
    for label, row in table.items():
        entries = " ".join(f"{row[name]:>{max(6, len(name))}.2f}" for name in names)
        lines.append(f"{label:{width}}  {entries}")
    return lines
