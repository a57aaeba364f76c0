"""The model card: what a classifier is, what it was trained on, what it reaches, in Markdown."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from med_cam_studies.data.collection import Item, counts, some
from med_cam_studies.data.splits import Splits
from med_cam_studies.report.tables import markdown
from med_cam_studies.training.catalogue import Study
from med_cam_studies.training.measure import Measured
from med_cam_studies.training.performance import Performance
from med_cam_studies.training.recipes import Recipe
from med_cam_studies.training.train import Epoch


def model_card(
    name: str,
    study: Study,
    stages: Mapping[str, Recipe],
    splits: Splits,
    course: Sequence[Epoch],
    found: Measured,
) -> str:
    """All of it; the numbers are those of the classifier as written."""
    parts = [
        f"# {name}",
        "Not a medical device. Not for diagnosis, triage or any use on patients.",
        "## Data",
        f"{study.title}; {study.licence}.",
        data_table(study.classes, splits),
        dropped(splits),
        "## Training",
        recipe_table(stages),
        course_line(course, stages),
        "## Measured",
        f"On Testing, read once, at the end{beside_the_paper(study)}.",
        *measured_parts(found),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


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


def beside_the_paper(study: Study) -> str:
    """What the paper reports, as the end of a sentence."""
    architecture, accuracy = study.paper
    return f"; the paper reports {accuracy:.0%} with {architecture}" if architecture else ""


def data_table(classes: Sequence[str], splits: Splits) -> str:
    """Images of each class in each part."""
    parts = {"fit": splits.fit, "validation": splits.validation, "testing": splits.testing}
    rows = [[name, *counted(items, len(classes))] for name, items in parts.items()]
    return markdown(["images", *classes, "all"], rows)


def counted(items: Sequence[Item], classes: int) -> list[str]:
    """Images a class, and in all."""
    return [f"{n:,}" for n in (*counts(items, classes), len(items))]


def dropped(splits: Splits) -> str:
    """What was left out of the parts, in a sentence."""
    gone = splits.dropped
    return (
        f"Left out: {gone.total:,} byte-identical copies ({len(gone.within):,} within a part, "
        f"{len(gone.across):,} of Testing that Training holds, {len(gone.contradictory):,} with "
        "different labels)."
    )


def recipe_table(stages: Mapping[str, Recipe]) -> str:
    """Every number of every stage."""
    tables = [asdict(recipe) for recipe in stages.values()]
    rows = [
        [field.name, *(f"{table[field.name]}" for table in tables)] for field in fields(Recipe)
    ]
    return markdown(["", *stages], rows)


def course_line(course: Sequence[Epoch], stages: Mapping[str, Recipe]) -> str:
    """How the training went, in a sentence a stage; every epoch is in training.csv."""
    told = []
    for stage, recipe in stages.items():
        epochs = [epoch for epoch in course if epoch.stage == stage]
        kept = max(epochs, key=lambda e: e.score) if recipe.patience else epochs[-1]
        told.append(
            f"`{stage}`: {len(epochs)} of at most {recipe.epochs} epochs, training loss "
            f"{epochs[0].loss:.3f} to {epochs[-1].loss:.3f}; kept are the weights of epoch "
            f"{kept.number} (validation: accuracy {kept.accuracy:.1%}, balanced "
            f"{kept.balanced:.1%}). Every epoch is in `training.csv`."
        )
    return "\n".join(told)


def broken(sentences: Sequence[str]) -> str:
    """Files that could not be read."""
    return f"Not read, because broken: {some(sentences)}" if sentences else ""


def summary_table(found: Measured) -> str:
    """The figures over all classes, with and without near copies of what was fitted on."""
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
    """What each class is called."""
    rows = [
        [name, *(f"{n:,}" for n in row)] for name, row in zip(labels, found.counts, strict=True)
    ]
    return markdown(["of class ... called", *labels], rows)


def empty_table(found: Measured) -> str:
    """Mean probability of each class where there is no content, and the highest of any."""
    rows = [
        [
            name if empty.draws == 1 else f"{name}, {empty.draws} draws",
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
