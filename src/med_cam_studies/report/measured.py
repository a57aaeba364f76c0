"""What a classifier reaches, and its predictions for blank images, as tables in Markdown."""

import math
from collections.abc import Sequence

from med_cam.report.text_table import markdown
from med_cam_studies.data.collection import some
from med_cam_studies.evaluation.measure import Measured
from med_cam_studies.evaluation.performance import Performance


def measured_parts(found: Measured) -> list[str]:
    """What a classifier reaches, as tables and sentences."""
    return [
        broken(found.broken),
        summary_table(found),
        class_table(found.labels, found.testing),
        confusion_table(found.labels, found.testing),
        "Without content (images of one colour or of noise; 1 / k for each class is the best):",
        empty_table(found),
    ]


def broken(sentences: Sequence[str]) -> str:
    """Files that could not be read."""
    return f"Not read, because broken: {some(sentences)}" if sentences else ""


def summary_table(found: Measured) -> str:
    """The figures over all classes, with and without near copies of what was trained on."""
    rows = [summary_row("all", found.testing)]
    if found.near and found.apart is not None:
        rows.append(summary_row(f"without {found.near:,} near copies", found.apart))
    head = ["", "images", "accuracy", "95% interval", "balanced", "AUROC", "ECE", "majority class"]
    return markdown(head, rows)


def summary_row(name: str, found: Performance) -> list[str]:
    """One line of the table above."""
    low, high = found.accuracy_interval
    return [
        name,
        f"{sum(map(sum, found.counts)):,}",
        percent(found.accuracy),
        f"{percent(low)} to {percent(high)}",
        percent(found.balanced_accuracy),
        number(found.auroc),
        number(found.ece),
        percent(found.majority),
    ]


def class_table(labels: Sequence[str], found: Performance) -> str:
    """Images, accuracy and AUROC of each class."""
    rows = [
        ["images", *(f"{sum(row):,}" for row in found.counts)],
        ["accuracy", *map(percent, found.recalls)],
        ["AUROC", *map(number, found.aurocs)],
    ]
    return markdown(["", *labels], rows)


def confusion_table(labels: Sequence[str], found: Performance) -> str:
    """What each class is predicted as."""
    rows = [
        [name, *(f"{n:,}" for n in row)] for name, row in zip(labels, found.counts, strict=True)
    ]
    return markdown(["of class ... predicted", *labels], rows)


def empty_table(found: Measured) -> str:
    """Mean probability of each class where there is no content, and the highest of any."""
    rows = [
        [
            name if empty.samples == 1 else f"{name}, {empty.samples} samples",
            *map(number, empty.mean),
            number(empty.highest),
        ]
        for name, empty in found.empty.items()
    ]
    return markdown(["without content", *found.labels, "highest"], rows)


def percent(share: float) -> str:
    """One decimal; a dash for no number."""
    return "-" if math.isnan(share) else f"{share:.1%}"


def number(value: float) -> str:
    """Two decimals; a dash for no number."""
    return "-" if math.isnan(value) else f"{value:.2f}"
